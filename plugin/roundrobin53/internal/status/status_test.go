package status

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

var update = flag.Bool("update", false, "write what the page shows into testdata")

// longAgo is when everything in these tests happened.
var longAgo = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// served makes a server block from directives, whose targets are all up without a result.
func served(tb testing.TB, directives string, zones ...string) (*Block, []Verdict) {
	tb.Helper()
	tokens := caddyfile.NewDispenser("Corefile", strings.NewReader(directives))
	readZone := func(word string) []string { return []string{strings.ToLower(dns.Fqdn(word))} }
	conf, err := config.Parse(&tokens, &config.Surroundings{Zones: zones, ReadZone: readZone})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := store.Build(conf)
	if err != nil {
		tb.Fatal(err)
	}
	store.Adopt([]*store.Served{{Store: s}}, nil, longAgo)
	verdicts := make([]Verdict, len(s.Targets))
	for i := range verdicts {
		verdicts[i].Up = true
	}
	block := &Block{Store: s, Verdict: func(target int) Verdict { return verdicts[target] }}
	for _, zone := range zones {
		block.Keys = append(block.Keys, "dns://"+zone+":53")
	}
	return block, verdicts
}

// settle gives the targets of a block results: those at addresses that contain one of the words are
// down, all others up.
func settle(b *Block, verdicts []Verdict, down ...string) {
	for i := range verdicts {
		v := Verdict{Up: true, Known: true, Latest: health.Latest{Since: longAgo, At: longAgo.Add(time.Minute), Took: 3 * time.Millisecond}}
		for _, word := range down {
			if strings.Contains(b.Store.Targets[i].Address.String(), word) {
				v.Up, v.Reason = false, errors.New("connect: connection <refused>")
			}
		}
		verdicts[i] = v
	}
	b.Store.Verdicts.UpdateAll(func(target int) bool { return verdicts[target].Up }, longAgo)
}

// page is a page that shows blocks, without a socket.
func pageOf(blocks ...*Block) http.Handler {
	s := &Server{renders: newRenders()}
	s.shown.Store(&Instance{Started: longAgo, Corefile: "Corefile", CoreDNS: "1.2.3", Roundrobin53: "v4.5.6", Blocks: blocks})
	return s.handler()
}

// get asks for a path as a browser on this machine does.
func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, localRequest(path))
	return w
}

func localRequest(path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "127.0.0.1:8053"
	return r
}

// documentOf reads the document at a path.
func documentOf(tb testing.TB, h http.Handler, path string) *Document {
	tb.Helper()
	w := get(h, path)
	d := new(Document)
	if err := json.Unmarshal(w.Body.Bytes(), d); w.Code != http.StatusOK || err != nil {
		tb.Fatalf("%s: %d, %v\n%s", path, w.Code, err, w.Body)
	}
	return d
}

const everything = `roundrobin53 {
	check web http://:80
	check tls tcp://:443
	check both 2 of web tls
	network office 10.0.0.0/8
	record app 30 A {
		value 192.0.2.1 192.0.2.2 weight 3 check web
		value 192.0.2.3           check both
		value 192.0.2.4           drain
		metrics
	}
	record tiers A {
		value 192.0.2.5 check web
		value 192.0.2.6 priority 2
	}
	record near A {
		value 192.0.2.7 at 52.5,13.4
		value 192.0.2.8 at 40.7,-74
		order nearest
	}
	record office A {
		value 192.0.2.9 from office geo DE
		value 192.0.2.10 check web
	}
	record gone A 192.0.2.11 check web all_down none
	record all A 192.0.2.12 check web
	record plain 192.0.2.13 192.0.2.14 2001:db8::1 answers 1
	record cdn CNAME {
		value a.example.net. weight 9
		value b.example.net.
	}
	record @ MX 10 mail
	record mail 192.0.2.15
}`

// TestDocument compares the document of a block that uses everything with testdata/document.json.
// Where turns decide what is next, any candidate will do.
func TestDocument(t *testing.T) {
	b, verdicts := served(t, everything, "example.org.")
	settle(b, verdicts, ".2.2", ".2.5", ".2.11", ".2.12")
	d := documentOf(t, pageOf(b), "/status.json")
	if time.Since(d.Time).Abs() > time.Minute {
		t.Errorf("time %v", d.Time)
	}
	d.Time = longAgo
	for i := range d.Zones[0].RRsets {
		for j := range d.Zones[0].RRsets[i].Groups {
			g := &d.Zones[0].RRsets[i].Groups[j]
			if len(g.Candidates) > 1 && g.Next != "" {
				if !strings.Contains(strings.Join(g.Candidates, " "), g.Next) {
					t.Errorf("next %q of %v", g.Next, g.Candidates)
				}
				g.Next = "any"
			}
		}
	}
	got, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/document.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(got)+"\n" != string(want) {
		t.Errorf("%v: the document is not the one in %s; run with -update and read the difference\n%s", err, golden, got)
	}
}

// statesOf writes the states of the values of a name, and of its groups.
func statesOf(d *Document, name string) string {
	var words []string
	for _, z := range d.Zones {
		for _, r := range z.RRsets {
			if r.Name != name+"."+z.Zone {
				continue
			}
			for _, v := range r.Values {
				words = append(words, string(v.State))
			}
			for _, g := range r.Groups {
				words = append(words, fmt.Sprintf("%s:%s:%d", g.For, g.State, g.Tier))
			}
		}
	}
	return strings.Join(words, " ")
}

func TestStates(t *testing.T) {
	b, verdicts := served(t, everything, "example.org.")
	h := pageOf(b)
	for _, step := range []struct {
		when string
		down []string
		want map[string]string
	}{
		{"before the first result", nil, map[string]string{
			"app": "unknown unknown unknown drained default:unknown:1", "all": "unknown default:unknown:1", "plain": "up up default:up:1 up default:up:1",
		}},
		{"all are up", []string{"none"}, map[string]string{
			"app": "up up up drained default:up:1", "tiers": "up up default:up:1", "office": "up up office DE:up:1 default:up:1",
		}},
		{"some are down", []string{".2.1", ".2.5"}, map[string]string{
			"app": "down up up drained default:up:1", "tiers": "down up default:up:2", "gone": "down default:nodata:1", "all": "down default:fail_open:1",
		}},
	} {
		if step.down != nil {
			settle(b, verdicts, step.down...)
		}
		d := documentOf(t, h, "/status.json")
		for name, want := range step.want {
			if got := statesOf(d, name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: %s, want %s", step.when, name, got, want)
			}
		}
	}
}

// TestSince guards since when a value is up or down, whose condition several checks make.
func TestSince(t *testing.T) {
	verdicts := make([]Verdict, 4)
	b := &Block{Verdict: func(target int) Verdict { return verdicts[target] }}
	set := func(states string) {
		for i := range verdicts {
			verdicts[i] = Verdict{Up: states[i] == '+', Known: states[i] != '?', Latest: health.Latest{Since: longAgo.Add(time.Duration(i) * time.Minute)}}
			verdicts[i].Up = verdicts[i].Up || states[i] == '?'
		}
	}
	of := func(need int, inverted bool) *policy.Condition {
		c := &policy.Condition{Need: need, Inverted: inverted}
		for i := range verdicts {
			c.Of = append(c.Of, policy.Condition{Target: i})
		}
		return c
	}
	for _, c := range []struct {
		states    string
		condition *policy.Condition
		want      State
		minutes   int
	}{
		{"++++", of(4, false), Up, 3},
		{"+++?", of(4, false), Unknown, 3},
		{"+--+", of(4, false), Down, 1},
		{"++++", of(1, false), Up, 0},
		{"-+-+", of(2, false), Up, 3},
		{"-+--", of(2, false), Down, 3},
		{"----", of(1, true), Up, 3},
		{"-+--", of(1, true), Down, 1},
		{"-+--", &policy.Condition{Target: 1, Inverted: true}, Down, 1},
	} {
		set(c.states)
		got := b.find(c.condition)
		if minutes := int(got.since.Sub(longAgo).Minutes()); got.state() != c.want || minutes != c.minutes {
			t.Errorf("%s, %d of them, inverted %v: %s since minute %d, want %s since %d", c.states, c.condition.Need, c.condition.Inverted, got.state(), minutes, c.want, c.minutes)
		}
	}
}

// TestRefusals guards what is said to wrong requests.
func TestRefusals(t *testing.T) {
	b, _ := served(t, everything, "example.org.", "example.net.")
	h := pageOf(b)
	for _, c := range []struct {
		method, host, path string
		code               int
		says               string
	}{
		{"POST", "127.0.0.1", "/", 405, `"POST"`},
		{"OPTIONS", "127.0.0.1", "/status.json", 405, "GET and HEAD"},
		{"GET", "attacker.example", "/", 403, `"attacker.example"`},
		{"GET", "127.0.0.1.attacker.example:8053", "/ready?name=app.example.org", 403, "foreign name"},
		{"GET", "localhost.attacker.example", "/status.js", 403, "foreign name"},
		{"GET", "[::1]:8053", "/", 200, ""},
		{"GET", "::1", "/", 200, ""},
		{"GET", "LOCALHOST:8053", "/", 200, ""},
		{"HEAD", "192.0.2.1", "/status.json", 200, ""},
		{"GET", "", "/ready?name=app.example.org", 200, "OK"},
		{"GET", "127.0.0.1", "/?x=1", 400, "q, zone, view, down"},
		{"GET", "127.0.0.1", "/?q=a&q=b", 400, "twice"},
		{"GET", "127.0.0.1", "/?q=%zz", 400, "can't be read"},
		{"GET", "127.0.0.1", "/?q=" + strings.Repeat("a", 300), 400, "255"},
		{"GET", "127.0.0.1", "/?q=" + strings.Repeat("a", 3000), 400, "1024"},
		{"GET", "127.0.0.1", "/?page=0", 400, `"0"`},
		{"GET", "127.0.0.1", "/?page=-1", 400, `"-1"`},
		{"GET", "127.0.0.1", "/?down=yes", 400, `"yes"`},
		{"GET", "127.0.0.1", "/?zone=example.com", 404, "example.org., example.net."},
		{"GET", "127.0.0.1", "/?view=none", 404, `no server block here has the view "none"; the views are ""`},
		{"GET", "127.0.0.1", "/?view=", 200, ""},
		{"GET", "127.0.0.1", "/status.json?view=none", 404, `the views are ""`},
		{"GET", "127.0.0.1", "/ready?name=app.example.org&view=none", 404, `the views are ""`},
		{"GET", "127.0.0.1", "/status.json?page=1", 400, `"page"`},
		{"GET", "127.0.0.1", "/status.json?zone=example.com", 404, "example.org., example.net."},
		{"GET", "127.0.0.1", "/ready", 400, "name=NAME"},
		{"GET", "127.0.0.1", "/ready?name=a..b", 400, `"a..b."`},
		{"GET", "127.0.0.1", "/ready?name=www.example.com", 404, "example.org., example.net."},
		{"GET", "127.0.0.1", "/ready?name=none.example.org", 404, "example.org., example.net."},
		{"GET", "127.0.0.1", "/ready?nam=x", 400, "name, view"},
		{"GET", "127.0.0.1", "/../etc/passwd", 404, "/status.json"},
		{"GET", "127.0.0.1", "/debug/pprof/", 404, "/status.json"},
		{"GET", "127.0.0.1", "/status.css", 200, "color-scheme"},
		{"GET", "127.0.0.1", "/page.html", 404, "/status.json"},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		path, query, _ := strings.Cut(c.path, "?")
		r.URL.Path, r.URL.RawQuery = path, query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code && (c.code != 404 || w.Code != 301 && w.Code != 307) || w.Code == c.code && !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s of %q: %d %.300q, want %d with %q", c.method, c.path, c.host, w.Code, w.Body, c.code, c.says)
		}
		if header := w.Header(); header.Get("Content-Security-Policy") == "" || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: header %v", c.method, c.path, header)
		}
	}
}

// TestReady guards what takes an address out of a network or a load balancer.
func TestReady(t *testing.T) {
	directives := everything[:len(everything)-1] + "\trecord www CNAME app\n\trecord far CNAME www.example.com.\n\trecord txt TXT hello\n\trecord *.wild A 192.0.2.12 check web\n\trecord loop CNAME www2\n\trecord www2 CNAME all\n}"
	b, verdicts := served(t, directives, "example.org.")
	other, _ := served(t, "roundrobin53 {\nrecord all A 192.0.2.12\n}", "example.org.")
	other.View = "other"
	h := pageOf(b, other)
	settle(b, verdicts, ".2.1", ".2.2", ".2.3", ".2.5", ".2.11", ".2.12")
	for query, want := range map[string]string{
		"app.example.org":              "503 ",
		"APP.example.org.":             "503 ",
		"www.example.org":              "503 ",
		"loop.example.org":             "503 ",
		"far.example.org":              "200 OK",
		"tiers.example.org":            "200 OK",
		"plain.example.org":            "200 OK",
		"cdn.example.org":              "200 OK",
		"near.example.org":             "200 OK",
		"gone.example.org":             "503 gone.example.org.: no value is answered",
		"txt.example.org":              "503 txt.example.org.: no value is answered",
		"x.wild.example.org":           "503 ",
		"all.example.org":              "503 all.example.org.: no value is up",
		"all.example.org&view=other":   "200 OK",
		"all.example.org&view=":        "503 ",
		"plain.example.org&view=other": "404 ",
	} {
		w := get(h, "/ready?name="+query)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	settle(b, verdicts)
	if w := get(h, "/ready?name=app.example.org"); w.Code != http.StatusOK {
		t.Errorf("all are up: %d %s", w.Code, w.Body)
	}
	s := &Server{renders: newRenders()}
	s.shown.Store(&Instance{Blocks: []*Block{b}})
	s.Withdraw()
	if w := get(s.handler(), "/ready?name=app.example.org"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "shuts down") {
		t.Errorf("at the end: %d %s", w.Code, w.Body)
	}
}

// TestListen guards against a page that takes an address away from another program unseen.
func TestListen(t *testing.T) {
	first, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	busy := first.listener.Addr().String()
	if second, err := Listen(netip.MustParseAddrPort(busy)); err == nil || !strings.Contains(err.Error(), busy) {
		t.Errorf("%v, %v; want an error that names %s", second, err, busy)
	}
	for address, want := range map[string]bool{"127.0.0.1:1": false, "127.9.9.9:1": false, "[::1]:1": false, "[::]:1": true, "0.0.0.0:1": true, "192.0.2.1:1": true} {
		if s := (&Server{address: netip.MustParseAddrPort(address)}); s.IsPublic() != want {
			t.Errorf("%s: public %v, want %v", address, s.IsPublic(), want)
		}
	}
}

// TestOverrides guards what an operator sees of state files: which values they decide of, where that is written, and what
// follows.
func TestOverrides(t *testing.T) {
	b, verdicts := served(t, strings.Replace(everything, "roundrobin53 {", "roundrobin53 {\nstate file", 1), "example.org.")
	settle(b, verdicts, ".2.1")
	entries, err := override.Parse("file", []byte("drain plain 192.0.2.13\nup web 192.0.2.1\ndown * 192.0.2.2\nweight app 192.0.2.3 7\ndrain cdn a.example.net.\n"))
	if err != nil {
		t.Fatal(err)
	}
	if unknown := b.Store.Steer(map[string][]override.Entry{"file": entries}, longAgo); len(unknown) > 0 {
		t.Errorf("unknown: %q", unknown)
	}
	got := make(map[string]string)
	for _, rrset := range documentOf(t, pageOf(b), "/status.json").Zones[0].RRsets {
		for _, value := range rrset.Values {
			if value.Override != "" {
				got[value.Value] = string(value.State) + ": " + value.Override
			}
		}
		if rrset.Name == "plain.example.org." && rrset.Type == "A" && (rrset.Groups[0].Next != "192.0.2.14" || *rrset.Values[0].Share != 0 || *rrset.Values[1].Share != 1) {
			t.Errorf("plain: %+v", rrset)
		}
	}
	want := map[string]string{
		"192.0.2.13": "drained: drain at file:1", "192.0.2.1": "up: up web at file:2", "192.0.2.2": "down: down * at file:3",
		"192.0.2.3": "up: weight 7 at file:4", "a.example.net.": "drained: drain at file:5",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
