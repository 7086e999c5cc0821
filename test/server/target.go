package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// TargetName is the name in the certificates of targets. Nobody could look it up.
const TargetName = "www.target.invalid"

// Signal is how an endpoint answers a probe.
type Signal int

// The signals.
const (
	Pass Signal = iota // with 200
	Fail               // with 503
	Hang               // not before it is set to another signal

	failByScript // with 500, see Script
)

// Target serves the probes of checks, with servers of every kind on one loopback address. Each path
// of its HTTP servers is an endpoint of its own, which passes until it is set to do something else.
// Target counts requests by path and connections by kind of server.
type Target struct {
	URL string // of the server of the kind http

	t         *testing.T
	address   string
	authority *authority.Authority // see CAFile
	caFile    string

	mu          sync.Mutex
	ports       map[string]string // by kind of server
	requests    map[string]int
	connections map[string]int
	signals     map[string]Signal
	scripts     map[string]string // see Script
	changed     chan struct{}     // closed when signals change
}

// StartTarget starts a target on 127.0.0.1, until the test ends.
func StartTarget(t *testing.T) *Target {
	t.Helper()
	return StartTargetAt(t, "127.0.0.1")
}

// StartTargetAt starts a target on a loopback address, until the test ends.
func StartTargetAt(t *testing.T, address string) *Target {
	t.Helper()
	tg := &Target{
		t: t, address: address, ports: make(map[string]string), requests: make(map[string]int), connections: make(map[string]int),
		signals: make(map[string]Signal), scripts: make(map[string]string), changed: make(chan struct{}),
	}
	tg.URL = "http://" + net.JoinHostPort(address, tg.Port("http"))
	return tg
}

// Port is the port of a kind of server. The first call for a kind starts its server. The kinds are
//
//	http, https (HTTP/1.1), http2 (over TLS), expired (https with a certificate that has expired), tls, grpc, grpcs
//	refused: nobody listens
func (tg *Target) Port(kind string) string {
	tg.t.Helper()
	if port, ok := tg.ports[kind]; ok {
		return port
	}
	switch kind {
	case "http":
		tg.serveHTTP(kind, nil)
	case "https", "http2", "expired":
		tg.serveHTTP(kind, tg.tlsConfig(kind))
	case "tls":
		tg.serveTLS(tg.tlsConfig(kind))
	case "grpc":
		tg.serveGRPC(kind)
	case "grpcs":
		tg.serveGRPC(kind, grpc.Creds(credentials.NewTLS(tg.tlsConfig(kind))))
	case "refused":
		tg.refuse()
	default:
		tg.t.Fatalf("a target has no server of the kind %s", kind)
	}
	return tg.ports[kind]
}

// CAFile is the path of a file, ca.pem, with the certificate of the authority that signs the target's. The first call
// makes it.
func (tg *Target) CAFile() string {
	tg.t.Helper()
	if tg.authority != nil {
		return tg.caFile
	}
	var err error
	if tg.authority, err = authority.New(); err != nil {
		tg.t.Fatal(err)
	}
	tg.caFile = filepath.Join(tg.t.TempDir(), "ca.pem")
	if err := os.WriteFile(tg.caFile, tg.authority.PEM, 0o600); err != nil {
		tg.t.Fatal(err)
	}
	return tg.caFile
}

// tlsConfig is the TLS configuration of a kind of server, with a certificate of its own.
func (tg *Target) tlsConfig(kind string) *tls.Config {
	tg.t.Helper()
	tg.CAFile()
	until := time.Now().Add(time.Hour)
	if kind == "expired" {
		until = time.Now().Add(-time.Minute)
	}
	certificate, err := tg.authority.Certificate(until, TargetName)
	if err != nil {
		tg.t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if kind == "http2" || kind == "grpcs" {
		config.NextProtos = []string{"h2"}
	}
	return config
}

func (tg *Target) listen(kind string) net.Listener {
	tg.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(tg.address, "0"))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.ports[kind] = portOf(listener.Addr())
	return countingListener{listener, tg, kind}
}

func portOf(address net.Addr) string { return strconv.Itoa(address.(*net.TCPAddr).Port) }

// countingListener counts the connections to a kind of server.
type countingListener struct {
	net.Listener
	tg   *Target
	kind string
}

// Accept implements net.Listener.
func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.tg.mu.Lock()
		l.tg.connections[l.kind]++
		l.tg.mu.Unlock()
	}
	return conn, err
}

func (tg *Target) serveHTTP(kind string, config *tls.Config) {
	server := httptest.NewUnstartedServer(tg)
	_ = server.Listener.Close()
	server.Listener = tg.listen(kind)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.TLS = config; config == nil {
		server.Start()
	} else {
		server.EnableHTTP2 = config.NextProtos != nil
		server.StartTLS()
	}
	tg.t.Cleanup(server.Close)
}

// serveTLS completes handshakes in which the client names the server, or names none, and nothing more.
func (tg *Target) serveTLS(config *tls.Config) {
	certificate := config.Certificates[0]
	config.Certificates = nil
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName != "" && hello.ServerName != TargetName {
			return nil, fmt.Errorf("server name %q", hello.ServerName)
		}
		return &certificate, nil
	}
	listener := tls.NewListener(tg.listen("tls"), config)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				_, _ = conn.Read(make([]byte, 1))
			})
		}
	})
	tg.t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
}

// serveGRPC starts a server with a service that serves and one that does not.
func (tg *Target) serveGRPC(kind string, options ...grpc.ServerOption) {
	server := grpc.NewServer(options...)
	services := health.NewServer()
	services.SetServingStatus("test.Serving", grpc_health_v1.HealthCheckResponse_SERVING)
	services.SetServingStatus("test.Ailing", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(server, services)
	listener := tg.listen(kind)
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	tg.t.Cleanup(func() {
		server.Stop()
		running.Wait()
	})
}

// refuse finds a port that is taken, so that no other test gets it, but by a connection and not by a listener.
func (tg *Target) refuse() {
	conn, err := net.Dial("tcp", net.JoinHostPort(tg.address, tg.Port("tls")))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.t.Cleanup(func() { _ = conn.Close() })
	tg.ports["refused"] = portOf(conn.LocalAddr())
}

var portWord = regexp.MustCompile(`PORT\((\w+)\)`)

// Fill puts what is known of the target into a text: its ADDRESS, the TARGETNAME in its certificates, the CAFILE that
// they can be verified by, and for each kind of server the port, as in PORT(http).
func (tg *Target) Fill(text string) string {
	tg.t.Helper()
	text = portWord.ReplaceAllStringFunc(text, func(word string) string { return tg.Port(portWord.FindStringSubmatch(word)[1]) })
	if strings.Contains(text, "CAFILE") {
		text = strings.ReplaceAll(text, "CAFILE", tg.CAFile())
	}
	return strings.NewReplacer("ADDRESS", tg.address, "TARGETNAME", TargetName).Replace(text)
}

// ServeHTTP implements http.Handler. It answers by path.
func (tg *Target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signal, isOver := tg.await(r)
	word, rest, _ := strings.Cut(endpoint(r.URL.Path), "/")
	switch {
	case isOver:
	case signal == Fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case signal == failByScript:
		w.WriteHeader(http.StatusInternalServerError)
	case word == "status":
		code, _ := strconv.Atoi(rest)
		w.WriteHeader(code)
	case word == "redirect":
		http.Redirect(w, r, "/followed", http.StatusFound)
	case word == "far":
		_, _ = io.WriteString(w, strings.Repeat(".", 64<<10)+"all is well")
	case word == "fields":
		answerFields(w, r)
	case word == "garbled":
		garble(w, r)
	default:
		_, _ = io.WriteString(w, "all is well")
	}
}

// endpoint is the name of the endpoint at a path.
func endpoint(path string) string { return strings.TrimPrefix(path, "/") }

// await counts a request and returns the signal for it, once there is one. IsOver says that the client has given up.
func (tg *Target) await(r *http.Request) (signal Signal, isOver bool) {
	name := endpoint(r.URL.Path)
	tg.mu.Lock()
	defer tg.mu.Unlock()
	n := tg.requests[name]
	tg.requests[name]++
	if script := tg.scripts[name]; script != "" && script[min(n, len(script)-1)] == 'x' {
		return failByScript, false
	}
	for tg.signals[name] == Hang {
		changed := tg.changed
		tg.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			isOver = true
		}
		tg.mu.Lock()
		if isOver {
			return Hang, true
		}
	}
	return tg.signals[name], false
}

// answerFields writes what a request says of itself into the body: fields of the header, as one line.
func answerFields(w http.ResponseWriter, r *http.Request) {
	sni := ""
	if r.TLS != nil {
		sni = r.TLS.ServerName
	}
	_, _ = fmt.Fprintf(w, "method=%s; proto=%s; host=%s; sni=%s; token=%s; agent=%s; query=%s;",
		r.Method, r.Proto, r.Host, sni, r.Header.Get("X-Token"), r.UserAgent(), r.URL.RawQuery)
}

// garble answers with something that is not HTTP, and that holds what the request said.
func garble(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(conn, "%s %s\r\n\r\n", r.Header.Get("X-Token"), r.URL.RawQuery)
	_ = conn.Close()
}

// Set sets endpoints, named in one text, to a signal.
func (tg *Target) Set(to Signal, names string) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	for name := range strings.FieldsSeq(names) {
		tg.signals[name] = to
	}
	close(tg.changed)
	tg.changed = make(chan struct{})
}

// Script makes an endpoint fail (x), with 500, and pass (.) request by request. The last result goes on.
func (tg *Target) Script(name, results string) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.scripts[name] = results
}

// Requests is how many requests for an endpoint there were.
func (tg *Target) Requests(name string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.requests[name]
}

// Connections is how many connections to a kind of server there were.
func (tg *Target) Connections(kind string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.connections[kind]
}

// QuickCheck are the options of checks that find out at once: each result counts.
const QuickCheck = "interval 500ms\ntimeout 500ms\nrise 1\nfall 1"

// SlowCheck are the options of checks that probe once in a test.
const SlowCheck = "interval 10m\ntimeout 1m\nrise 1\nfall 1"

// Checks are quick checks of endpoints, each with the name of its endpoint.
func (tg *Target) Checks(names string) string { return tg.ChecksWith(QuickCheck, names) }

// ChecksWith are checks of endpoints with these options, one a line.
func (tg *Target) ChecksWith(options, names string) string {
	var b strings.Builder
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "check %s %s/%s {\n%s\n}\n", name, tg.URL, name, options)
	}
	return b.String()
}

// Watched are checks of endpoints with these options, and for each a record that shows its verdict: verdict-NAME has a
// value while the check is up, and none while it is down. The checks name the target's address, so the values that use
// them may be any.
func (tg *Target) Watched(options, names string) string {
	var b strings.Builder
	b.WriteString(tg.ChecksWith(options, names))
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "record verdict-%s A 192.0.2.250 check %s all_down none\n", name, name)
	}
	return b.String()
}

// Flip sets endpoints to a signal, and returns when a server answers by it.
func (tg *Target) Flip(t *testing.T, s *Server, zone, names string, to Signal) {
	t.Helper()
	tg.Set(to, names)
	for name := range strings.FieldsSeq(names) {
		AwaitVerdict(t, s, zone, name, to == Pass)
	}
}
