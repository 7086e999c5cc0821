package check

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// statusDocument is what of /status.json these tests read.
type statusDocument struct {
	Version  int
	Instance struct{ Corefile, CoreDNS string }
	Zones    []struct {
		Zone, View, Server string
		Bind               []string
		RRsets             []struct {
			Name, Type string
			Values     []struct {
				Value, State, Source string
				Since                string
				Checks               []struct{ Check, State, Reason, Duration string }
			}
		}
	}
}

// getStatus asks a status page for a path, over a connection that is kept. It returns the code and the body, and whether the
// connection had been used before.
func getStatus(t *testing.T, client *http.Client, address, path string) (code int, body string, isKept bool) {
	t.Helper()
	trace := httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { isKept = info.Reused }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &trace), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), isKept
}

// statusOf reads the document of a status page.
func statusOf(t *testing.T, client *http.Client, address string) *statusDocument {
	t.Helper()
	code, body, _ := getStatus(t, client, address, "/status.json")
	d := new(statusDocument)
	if err := json.Unmarshal([]byte(body), d); code != http.StatusOK || err != nil || d.Version != 1 {
		t.Fatalf("%d, %v\n%s", code, err, body)
	}
	return d
}

// statusClient is a client that keeps its connections until the test ends.
func statusClient(t *testing.T) *http.Client {
	t.Helper()
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestStatusTellsWhatIsDown guards what an operator asks first: what is down, since when and why, as the next answer has it.
func TestStatusTellsWhatIsDown(t *testing.T) {
	address, signs := "127.0.0.1:"+server.FreePort(t), server.StartTarget(t)
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\nstatus "+address+"\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\n}\n"+signs.Checks("a b")+"}\n}\n")
	client := statusClient(t)
	server.Eventually(t, "both are up", func() bool {
		values := statusOf(t, client, address).Zones[0].RRsets
		app := values[len(values)-1]
		return app.Name == "app.example.org." && app.Values[0].State == "up" && app.Values[1].State == "up"
	})
	if code, body, _ := getStatus(t, client, address, "/ready?name=app.example.org"); code != http.StatusOK {
		t.Errorf("ready: %d %s", code, body)
	}
	signs.Set(server.Fail, "b")
	server.AwaitDown(t, s, "b")
	d := statusOf(t, client, address)
	app := d.Zones[0].RRsets[len(d.Zones[0].RRsets)-1]
	if v := app.Values[1]; v.State != "down" || v.Since == "" || v.Source != "Corefile:6" || len(v.Checks) != 1 || !strings.Contains(v.Checks[0].Reason, "503") || v.Checks[0].Duration == "" {
		t.Errorf("%+v, want it down with 503", v)
	}
	if app.Values[0].State != "up" || app.Values[0].Checks[0].Reason != "" {
		t.Errorf("%+v, want it up", app.Values[0])
	}
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("answer %s", got)
	}
	_, page, _ := getStatus(t, client, address, "/?down=1")
	for _, want := range []string{"192.0.2.2", "503", "Corefile:6", "1 value is down"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	signs.Set(server.Fail, "a")
	server.AwaitDown(t, s, "a b")
	if code, body, _ := getStatus(t, client, address, "/ready?name=app.example.org"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no value is up") {
		t.Errorf("ready, with all down: %d %s", code, body)
	}
	if code, _, _ := getStatus(t, client, address, "/ready?name=app.example.com"); code != http.StatusNotFound {
		t.Errorf("ready for a foreign name: %d", code)
	}
}

// TestStatusTellsBlocksApart guards a page that shows several blocks, views and ports, and those only that say so.
func TestStatusTellsBlocksApart(t *testing.T) {
	first, second := "127.0.0.1:"+server.FreePort(t), "127.0.0.1:"+server.FreePort(t)
	block := func(keys, line, status string) string {
		return keys + " {\nbind 127.0.0.1\n" + line + "\nroundrobin53 {\n" + status + "\nrecord app 192.0.2.1\n}\n}\n"
	}
	server.Start(t, block("example.org:0", "view office {\nexpr incidr(client_ip(), '10.0.0.0/8')\n}", "status "+first)+
		block("example.org:0", "", "status "+first)+
		block("example.net:0 example.com:0", "", "status "+second)+
		block("secret.example:0", "", ""))
	client := statusClient(t)
	for address, want := range map[string]string{
		first:  "example.org. office dns://example.org.:0 [127.0.0.1], example.org.  dns://example.org.:0 [127.0.0.1], ",
		second: "example.net.  dns://example.net.:0 [127.0.0.1], example.com.  dns://example.com.:0 [127.0.0.1], ",
	} {
		got := ""
		for _, z := range statusOf(t, client, address).Zones {
			got += fmt.Sprintf("%s %s %s %v, ", z.Zone, z.View, z.Server, z.Bind)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// TestStatusOutlivesReloads guards readers of the page: good and bad reloads keep their connections, the page shows what
// serves, and it goes when the Corefile no longer has it.
func TestStatusOutlivesReloads(t *testing.T) {
	address, other := "127.0.0.1:"+server.FreePort(t), "127.0.0.1:"+server.FreePort(t)
	corefile := func(status, name string) string {
		return "example.org:0 {\nbind 127.0.0.1\nroundrobin53 {\n" + status + "\nrecord " + name + " 192.0.2.1\n}\n}\n"
	}
	busy := server.BusyAddress(t)
	s := server.Serve(t, corefile("status "+address, "first"))
	client := statusClient(t)
	check := func(when, want string) {
		t.Helper()
		_, body, isKept := getStatus(t, client, address, "/status.json")
		if !strings.Contains(body, want+".example.org.") {
			t.Errorf("%s: the page does not show %s:\n%s", when, want, body)
		}
		if !isKept && when != "start" {
			t.Errorf("%s: the connection was lost", when)
		}
	}
	check("start", "first")
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	server.MustReload(t, s, corefile("status "+address, "second"))
	check("reload", "second")
	for name, bad := range server.BadCorefiles(corefile("status "+address+"\n}\nroundrobin53 example.net {\nstatus "+other, "third"), busy) {
		if err := s.Reload(bad); err == nil {
			t.Fatalf("%s: reloaded", name)
		}
		check("reload that fails: "+name, "second")
	}
	if err := s.Reload(corefile("status "+busy, "third")); err == nil || !strings.Contains(err.Error(), busy) {
		t.Errorf("busy port: %v, want an error that names %s", err, busy)
	}
	check("busy port", "second")
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines, files); nowGoroutines > goroutines || nowFiles > files {
		t.Errorf("after failed reloads %d goroutines and %d descriptors, want %d and %d", nowGoroutines, nowFiles, goroutines, files)
	}
	if l, err := net.Listen("tcp", other); err != nil {
		t.Errorf("a reload that failed keeps its address: %v", err)
	} else {
		_ = l.Close()
	}
	server.MustReload(t, s, corefile("status "+other, "fourth"))
	if _, body, _ := getStatus(t, client, other, "/status.json"); !strings.Contains(body, "fourth") {
		t.Errorf("another address: %s", body)
	}
	if l, err := net.Listen("tcp", address); err != nil {
		t.Errorf("the page that went keeps its address: %v", err)
	} else {
		_ = l.Close()
	}
}

// TestStatusStart guards the start of a process: the error for a port that is in use names it, and what can be reached from
// elsewhere is told.
func TestStatusStart(t *testing.T) {
	corefile := func(status string) string {
		return "example.org:0 {\nroundrobin53 {\nstatus " + status + "\nrecord app 192.0.2.1\n}\n}\n"
	}
	busy := server.BusyAddress(t)
	if got := server.StartError(t, corefile(busy)); !strings.Contains(got, busy) || !strings.Contains(got, "status") {
		t.Errorf("busy port: %s", got)
	}
	port := server.FreePort(t)
	open := "example.org:0 {\nroundrobin53 {\nstatus 127.0.0.1:" + port + "\n}\n}\nexample.net:0 {\nwhoami\nfailstart\n}\n"
	server.StartError(t, open) // a plugin behind ours fails
	s := server.Start(t, corefile("127.0.0.1:"+port))
	if got := server.OwnWarnings(s); len(got) > 0 {
		t.Errorf("on loopback: %v", got)
	}
	s = server.Start(t, corefile("0.0.0.0:"+server.FreePort(t)))
	if got := strings.Join(server.OwnWarnings(s), "\n"); !strings.Contains(got, "is open to whoever reaches") {
		t.Errorf("on all addresses: %q", got)
	}
}

// TestStatusTellsWhatIsLookedUp guards what is shown of values that are names: where they come from, and how fresh they are.
func TestStatusTellsWhatIsLookedUp(t *testing.T) {
	t.Parallel()
	address, n := "127.0.0.1:"+server.FreePort(t), nameserver.Start(t)
	n.Set("lb.example.net.", "300 A 192.0.2.1")
	n.Fail("lost.example.net.", nameserver.ServFail)
	s := server.Start(t, fmt.Sprintf("example.org:0 {\nroundrobin53 {\nstatus %s\nresolver %s\nrecord app A lb.example.net. 192.0.2.9\nrecord lost A lost.example.net.\n}\n}\n", address, n.Address))
	n.Await(t, "lost.example.net.", dns.TypeA, 2) // the first one has ended
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1 192.0.2.9")
	_, body, _ := getStatus(t, statusClient(t), address, "/status.json")
	for _, want := range []string{
		`"value":"192.0.2.1","from_name":"lb.example.net."`, `"value":"192.0.2.9","from_name":""`,
		`"lookups":[{"name":"lb.example.net.","type":"A"`, `"result":"ok"`, `"ttl":300`, `"addresses":["192.0.2.1"]`, `"left":0`, `"sources":["Corefile:5"]`, `"result":"never","since":null`, "SERVFAIL",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the document lacks %s:\n%s", want, body)
		}
	}
	for name, want := range map[string]string{
		"app": "1 of 1 name has addresses", "lost": "- lost.example.net.                          never resolved: " + n.Address + ": SERVFAIL",
	} {
		if _, body, _ := getStatus(t, statusClient(t), address, "/explain?name="+name+".example.org"); !strings.Contains(body, want) {
			t.Errorf("the explanation of %s lacks %q:\n%s", name, want, body)
		}
	}
}

// TestStatusEnd guards clients of a server that is to end: while it still answers, no name is ready.
func TestStatusEnd(t *testing.T) {
	address := "127.0.0.1:" + server.FreePort(t)
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\nstatus "+address+"\nrecord app 192.0.2.1\n}\n}\n")
	client := statusClient(t)
	if code, body, _ := getStatus(t, client, address, "/ready?name=app.example.org"); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	for _, shutdown := range s.Instance.OnShutdown {
		if err := shutdown(); err != nil {
			t.Error(err)
		}
	}
	if code, body, _ := getStatus(t, client, address, "/ready?name=app.example.org"); code != http.StatusServiceUnavailable || !strings.Contains(body, "shuts down") {
		t.Errorf("%d %s", code, body)
	}
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("meanwhile the server answers %q", got)
	}
}
