package check

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// checkCase is a check and the verdict of its first probe on the address of a target.
type checkCase struct {
	name  string
	url   string   // behind check NAME; PORT(kind) is the port of that kind of server of the target, see target.fill
	block []string // the options of the check
	down  string   // why the probe fails, as a part of the line in the log; "" if it passes
}

// status500 is why a server that answers so is down.
const status500 = "status 500"

// checkCases are the rows of TestChecks: each documented option makes a difference of up and down.
var checkCases = []checkCase{
	// The schemes.
	{name: "tcp", url: "tcp://:PORT(http)"},
	{name: "tcp refused", url: "tcp://:PORT(refused)", down: "connection refused"},
	{name: "tls", url: "tls://TARGETNAME:PORT(tls)", block: []string{"ca CAFILE"}},
	{name: "tls to what speaks none", url: "tls://TARGETNAME:PORT(http)", block: []string{"ca CAFILE"}, down: "does not look like a TLS handshake"},
	{name: "http", url: "http://:PORT(http)/"},
	{name: "http without path", url: "http://:PORT(http)", block: []string{"header X-Token 1"}}, // else it is the one before
	{name: "http refused", url: "http://:PORT(refused)/", down: "connection refused"},
	{name: "http to what speaks https", url: "http://:PORT(https)/", down: "status 400"},
	{name: "https", url: "https://TARGETNAME:PORT(https)/fields", block: []string{"ca CAFILE", `body "proto=HTTP/1.1;"`}},
	{name: "https by HTTP/2", url: "https://TARGETNAME:PORT(http2)/fields", block: []string{"ca CAFILE", `body "proto=HTTP/2.0;"`}},
	{name: "https refused", url: "https://TARGETNAME:PORT(refused)/", block: []string{"ca CAFILE"}, down: "connection refused"},
	{name: "grpc", url: "grpc://:PORT(grpc)"},
	{name: "grpc service", url: "grpc://:PORT(grpc)/test.Serving"},
	{name: "grpc service that ails", url: "grpc://:PORT(grpc)/test.Ailing", down: "NOT_SERVING"},
	{name: "grpc service that is not known", url: "grpc://:PORT(grpc)/test.Unknown", down: "NotFound"},
	{name: "grpc refused", url: "grpc://:PORT(refused)", down: "connection refused"},
	{name: "grpcs", url: "grpcs://TARGETNAME:PORT(grpcs)/test.Serving", block: []string{"ca CAFILE"}},
	{name: "grpcs service that ails", url: "grpcs://TARGETNAME:PORT(grpcs)/test.Ailing", block: []string{"ca CAFILE"}, down: "NOT_SERVING"},

	// send and expect
	{name: "expect after send", url: "tcp://:PORT(http)", block: []string{`send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"`, `expect "HTTP/1.1 200"`}},
	{name: "expect another text", url: "tcp://:PORT(http)", block: []string{`send "HELO\r\n\r\n"`, "expect 250"}, down: `no "250" in the first 1024 octets`},
	{name: "expect over tls", url: "tls://TARGETNAME:PORT(https)", block: []string{"ca CAFILE", `send "GET / HTTP/1.1\r\nHost: a\r\n\r\n"`, `expect "\x48TTP/1.1 200"`}},

	// Path and names.
	{name: "method", url: "http://:PORT(http)/fields", block: []string{`body "method=GET;"`}},
	{name: "query", url: "http://:PORT(http)/fields?full=1&x=y", block: []string{`body "query=full=1&x=y;"`}},
	{name: "path that is not there", url: "http://:PORT(http)/status/404", down: "status 404"},
	{name: "host of the value", url: "http://:PORT(http)/fields", block: []string{`body "host=HOST:PORT(http);"`}},
	{name: "name is the host", url: "http://app.example.org:PORT(http)/fields", block: []string{`body "host=app.example.org:PORT(http);"`}},
	{name: "name is the server name", url: "https://TARGETNAME:PORT(https)/fields", block: []string{"ca CAFILE", `body "host=TARGETNAME:PORT(https); sni=TARGETNAME;"`}},
	{name: "name is the server name by HTTP/2", url: "https://TARGETNAME:PORT(http2)/fields", block: []string{"ca CAFILE", `body "host=TARGETNAME:PORT(http2); sni=TARGETNAME;"`}},
	{name: "no name", url: "https://:PORT(https)/fields", block: []string{"insecure", `body "sni=;"`}},
	{name: "tls server name", url: "tls://other.example.org:PORT(tls)", block: []string{"insecure"}, down: "tls: "},

	// status
	{name: "status by default 200", url: "http://:PORT(http)/status/200"},
	{name: "status by default 204", url: "http://:PORT(http)/status/204"},
	{name: "status by default 399", url: "http://:PORT(http)/status/399"},
	{name: "status by default 400", url: "http://:PORT(http)/status/400", down: "status 400"},
	{name: "status by default 500", url: "http://:PORT(http)/status/500", down: status500},
	{name: "status of a redirect", url: "http://:PORT(http)/redirect"},
	{name: "status of a redirect that fails", url: "http://:PORT(http)/redirect", block: []string{"status 200"}, down: "status 302"},
	{name: "status of a redirect by HTTP/2", url: "https://TARGETNAME:PORT(http2)/redirect", block: []string{"ca CAFILE", "status 200"}, down: "status 302"},
	{name: "status one", url: "http://:PORT(http)/status/404", block: []string{"status 404"}},
	{name: "status other than the one", url: "http://:PORT(http)/status/200", block: []string{"status 404"}, down: "status 200"},
	{name: "status several", url: "http://:PORT(http)/status/503", block: []string{"status 200 500-502 503"}},
	{name: "status between several", url: "http://:PORT(http)/status/201", block: []string{"status 200 202-299"}, down: "status 201"},
	{name: "status by https", url: "https://TARGETNAME:PORT(https)/status/500", block: []string{"ca CAFILE"}, down: status500},
	{name: "status by HTTP/2", url: "https://TARGETNAME:PORT(http2)/status/500", block: []string{"ca CAFILE"}, down: status500},

	// body
	{name: "body", url: "http://:PORT(http)/", block: []string{`body "is well"`}},
	{name: "body without the text", url: "http://:PORT(http)/", block: []string{`body "is Well"`}, down: "body"},
	{name: "body empty", url: "http://:PORT(http)/status/204", block: []string{"body ok"}, down: "body"},
	{name: "body with the text too far behind", url: "http://:PORT(http)/far", block: []string{`body "is well"`}, down: "body"},
	{name: "body with a status that fails", url: "http://:PORT(http)/fields", block: []string{"status 201", "body method"}, down: "status 200"},
	{name: "body by HTTP/2", url: "https://TARGETNAME:PORT(http2)/", block: []string{"ca CAFILE", `body "is ill"`}, down: "body"},

	// header
	{name: "header", url: "http://:PORT(http)/fields", block: []string{`header X-Token "a b"`, `body "token=a b;"`}},
	{name: "header not given", url: "http://:PORT(http)/fields", block: []string{`body "token=;"`}},
	{name: "header Host", url: "http://app.example.org:PORT(http)/fields", block: []string{"header Host other.example.org", `body "host=other.example.org;"`}},
	{name: "header Host by HTTP/2", url: "https://TARGETNAME:PORT(http2)/fields", block: []string{"ca CAFILE", "header Host other.example.org", `body "host=other.example.org; sni=TARGETNAME;"`}},
	{name: "header by HTTP/2", url: "https://TARGETNAME:PORT(http2)/fields", block: []string{"ca CAFILE", "header x-token abc", `body "token=abc;"`}},
	{name: "header User-Agent", url: "http://:PORT(http)/fields", block: []string{"header User-Agent me", `body "agent=me;"`}},
	{name: "header User-Agent by default", url: "http://:PORT(http)/fields", block: []string{`body "agent=roundrobin53;"`}},

	// ca, insecure
	{name: "certificate of an authority that is not known", url: "https://TARGETNAME:PORT(https)/", down: "certificate"},
	{name: "certificate for another name", url: "https://app.example.org:PORT(https)/", block: []string{"ca CAFILE"}, down: "certificate"},
	{name: "certificate for another name by HTTP/2", url: "https://app.example.org:PORT(http2)/", block: []string{"ca CAFILE"}, down: "certificate"},
	{name: "certificate that expired", url: "https://TARGETNAME:PORT(expired)/", block: []string{"ca CAFILE"}, down: "expired"},
	{name: "insecure", url: "https://:PORT(https)/", block: []string{"insecure"}},
	{name: "insecure with another name", url: "https://app.example.org:PORT(http2)/", block: []string{"insecure"}},
	{name: "insecure with a certificate that expired", url: "https://TARGETNAME:PORT(expired)/", block: []string{"insecure"}},
	{name: "insecure with a status that fails", url: "https://:PORT(https)/status/500", block: []string{"insecure"}, down: status500},
	{name: "tls of an authority that is not known", url: "tls://TARGETNAME:PORT(tls)", down: "certificate"},
	{name: "tls insecure", url: "tls://:PORT(tls)", block: []string{"insecure"}},
	{name: "grpcs of an authority that is not known", url: "grpcs://TARGETNAME:PORT(grpcs)", down: "certificate"},
	{name: "grpcs insecure", url: "grpcs://:PORT(grpcs)", block: []string{"insecure"}},

	// invert
	{name: "invert of what passes", url: "tcp://:PORT(http)", block: []string{"invert"}, down: "inverted"},
	{name: "invert of what is refused", url: "tcp://:PORT(refused)", block: []string{"invert"}},
	{name: "invert of a status", url: "http://:PORT(http)/status/500", block: []string{"invert"}},
	{name: "invert of a body", url: "http://:PORT(http)/fields", block: []string{"body maintenance", "invert"}},
	{name: "invert of a body that is there", url: "http://:PORT(http)/fields", block: []string{"body method", "invert"}, down: "inverted"},
}

// TestChecks makes one probe for each row, over IPv4 and over IPv6.
func TestChecks(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			tg := server.StartTargetAt(t, address)
			zone := server.NewZone("checks")
			var b strings.Builder
			for i := range checkCases {
				c := &checkCases[i]
				options := append([]string{"interval 1d", "timeout 1h"}, c.block...)
				fmt.Fprintf(&b, "check c%d %s {\n%s\n}\nrecord r%d %s check c%d all_down none\n",
					i, c.url, strings.Join(options, "\n"), i, address, i)
			}
			corefile := strings.ReplaceAll(b.String(), "HOST", server.HostOf(address))
			s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(corefile)+"}\n}")
			var passed map[string]bool
			server.Eventually(t, "a result of each check", func() bool {
				passed = server.FirstResults(t, zone)
				return len(passed) == len(checkCases)
			})
			for i := range checkCases {
				t.Run(checkCases[i].name, func(t *testing.T) { checkCases[i].run(t, s, zone, i, address, passed) })
			}
			if n := tg.Requests("followed"); n > 0 {
				t.Errorf("%d redirects were followed", n)
			}
		})
	}
}

// run compares the verdict of the first probe.
func (c *checkCase) run(t *testing.T, s *server.Server, zone string, i int, address string, passed map[string]bool) {
	t.Helper()
	check := fmt.Sprintf("c%d", i)
	if got := passed[check]; got != (c.down == "") {
		t.Fatalf("passed: %t\n%s", got, server.Transitions(s, zone, check))
	}
	owner := fmt.Sprintf("r%d.%s", i, zone)
	if c.down == "" {
		if got := server.AskAddresses(t, s, owner); got != address {
			t.Errorf("answer %q, want %q", got, address)
		}
		return
	}
	server.Eventually(t, "no value is answered", func() bool { return server.AskAddresses(t, s, owner) == "" })
	got := server.Transitions(s, zone, check)
	if want := check + ": " + address + " is down: the first probe failed: "; !strings.Contains(got, want) || !strings.Contains(got, c.down) {
		t.Errorf("log %q, want %q and %q", got, want, c.down)
	}
}

// TestEndpointThatAnswersOldConnectionsOnly is down once nobody else is let in, though whoever is connected goes on being
// answered: its connections are moved to a process that does not listen, or its accept loop is dead.
func TestEndpointThatAnswersOldConnectionsOnly(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RemoteAddr)) })}
	serving := make(chan error, 1)
	go func() { serving <- web.Serve(listener) }()
	defer func() { _ = web.Close() }()

	zone := server.NewZone("old")
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s := server.Start(t, zone+":0 {\nroundrobin53 {\ncheck web http://:"+port+"/healthz {\ninterval 1s\nfall 2\n}\nrecord app 127.0.0.1 check web all_down none\n}\n}")
	server.Eventually(t, "the check passes", func() bool {
		return server.Probes(t, zone, "web", "pass") > 0 && server.AskValues(t, s, "app."+zone) != ""
	})

	client := &http.Client{Transport: new(http.Transport)} // the default one is emptied by each httptest.Server that ends
	defer client.CloseIdleConnections()
	ask := func() string {
		response, err := client.Get("http://" + listener.Addr().String())
		if err != nil {
			return err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body) // a part is another text
		return string(text)
	}
	connected := ask()
	_ = listener.Close()
	if err := <-serving; err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	server.Eventually(t, "the value is down", func() bool { return server.AskValues(t, s, "app."+zone) == "" })
	server.Eventually(t, "the log says so", func() bool {
		return strings.Contains(server.Transitions(s, zone, "web"), "is down: 2 failures in a row, the last: connect: connection refused")
	})
	if got := ask(); got != connected {
		t.Errorf("the connection of before: got %q, want an answer to %q", got, connected)
	}
}

// TestChecksOfDNSServers probes a server of this kind by another.
func TestChecksOfDNSServers(t *testing.T) {
	probed := server.Start(t, "example.org:0 {\nbind 127.0.0.1\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}")
	_, udp, _ := net.SplitHostPort(probed.UDP(0))
	_, tcp, _ := net.SplitHostPort(probed.TCP(0))
	zone := server.NewZone("dns")
	reasons := map[string]string{
		"dns://:" + udp + "/app.example.org":          "",
		"dns://:" + udp + "/example.org./soa":         "",
		"dns+tcp://:" + tcp + "/app.example.org/A":    "",
		"dns://:" + udp + "/app.example.org/AAAA":     "no AAAA record in the answer",
		"dns+tcp://:" + tcp + "/none.example.org/A":   "NXDOMAIN, want NOERROR",
		"dns://:" + udp + "/app.example.net":          "REFUSED, want NOERROR",
		"dns+tcp://:" + tcp + "/app.example.net/AAAA": "REFUSED, want NOERROR",
	}
	var b strings.Builder
	urls := slices.Sorted(maps.Keys(reasons))
	for i, url := range urls {
		fmt.Fprintf(&b, "check c%d %s\nrecord r%d 127.0.0.1 check c%d\n", i, url, i, i)
	}
	s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+b.String()+"}\n}")
	var passed map[string]bool
	server.Eventually(t, "a result of each check", func() bool {
		passed = server.FirstResults(t, zone)
		return len(passed) == len(urls)
	})
	for i, url := range urls {
		check := fmt.Sprintf("c%d", i)
		server.Eventually(t, url, func() bool {
			return passed[check] == (reasons[url] == "") && strings.Contains(server.Transitions(s, zone, check), reasons[url])
		})
	}
}
