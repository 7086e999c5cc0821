package check

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// awaitFirsts asks for a name until 24 answers in a row begin with these values, the only ones.
func awaitFirsts(t *testing.T, s *server.Server, name string, rrtype uint16, want string) {
	t.Helper()
	var got string
	for range 400 {
		first := make(map[string]bool)
		for range 24 {
			value := "none"
			if answer := s.Ask(name, rrtype).Answer; len(answer) > 0 {
				fields := strings.Fields(answer[0].String())
				value = fields[len(fields)-1]
			}
			first[value] = true
		}
		got = strings.Join(sortedKeys(first), " ")
		if got == want {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s %s: %s, want %s\n%s", name, dns.TypeToString[rrtype], got, want, s.Log())
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// TestStateFile guards what an operator decides at run time: drains, verdicts and weights count at once, in all kinds of
// records and on both paths, end by themselves, and go with the file.
func TestStateFile(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "fastpath"} {
		t.Run("path "+path, func(t *testing.T) {
			t.Parallel()
			signs := server.StartTarget(t)
			f := server.NewStateFile(t, "drain * 192.0.2.1\n")
			s := server.Serve(t, "state.example:0 {\nroundrobin53 {\n"+path+"\nstate "+f.Name+"\n"+
				"record plain A 192.0.2.1 192.0.2.2 192.0.2.3\n"+
				"record tiers A {\nvalue 192.0.2.1 192.0.2.2 check web\nvalue 192.0.2.3 priority 2\n}\n"+
				"record lb CNAME {\nvalue a.example.net. weight 1\nvalue b.example.net. weight 1\n}\n"+
				"record six AAAA 2001:db8::1 2001:db8::2\n"+
				signs.ChecksWith(server.SlowCheck, "web")+"}\n}\n")
			await := func(name string, rrtype uint16, want string) {
				t.Helper()
				awaitFirsts(t, s, name+".state.example", rrtype, want)
			}
			await("plain", dns.TypeA, "192.0.2.2 192.0.2.3") // at the start
			await("tiers", dns.TypeA, "192.0.2.2")
			await("six", dns.TypeAAAA, "2001:db8::1 2001:db8::2")

			f.Write("drain plain 192.0.2.2\ndown web 192.0.2.1\ndown web 192.0.2.2\ndrain lb a.example.net.\ndrain six.state.example. 2001:DB8::1\n")
			await("plain", dns.TypeA, "192.0.2.1 192.0.2.3")
			await("tiers", dns.TypeA, "192.0.2.3")
			await("lb", dns.TypeCNAME, "b.example.net.")
			await("lb", dns.TypeTXT, "b.example.net.")
			await("six", dns.TypeAAAA, "2001:db8::2")

			f.Write("weight plain 192.0.2.1 0\nweight lb a.example.net. 0\ndrain six 2001:db8::1\ndrain six 2001:db8::2\n")
			await("plain", dns.TypeA, "192.0.2.2 192.0.2.3")
			await("tiers", dns.TypeA, "192.0.2.1 192.0.2.2")
			await("lb", dns.TypeCNAME, "b.example.net.")
			await("six", dns.TypeAAAA, "none")

			f.Write("drain plain 192.0.2.1 until " + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339) + "\n")
			await("plain", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3")
			await("lb", dns.TypeCNAME, "a.example.net. b.example.net.")
			await("six", dns.TypeAAAA, "2001:db8::1 2001:db8::2")

			soon := time.Now().Add(3 * time.Second) // whole seconds are written
			f.Write("drain plain 192.0.2.1 until " + soon.UTC().Format(time.RFC3339) + "\n")
			await("plain", dns.TypeA, "192.0.2.2 192.0.2.3")
			await("plain", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3")
		})
	}
}

// TestStateFileWrong guards the state in force: whatever is wrong with the file changes nothing, and is told by the log and a
// metric. It survives a reload, too.
func TestStateFileWrong(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	f := server.NewStateFile(t, "drain * 192.0.2.1\n")
	corefile := "wrong.example:0 {\nroundrobin53 {\nstate " + f.Name + "\nrecord app A 192.0.2.1 192.0.2.2\n}\n}\n"
	s := server.Serve(t, corefile)
	failed := func(want float64) {
		t.Helper()
		server.Eventually(t, fmt.Sprintf("state_failed %v", want), func() bool {
			return server.Series(t, "coredns_roundrobin53_state_failed")[fmt.Sprintf("file=%q", f.Name)] == want
		})
	}
	awaitFirsts(t, s, "app.wrong.example", dns.TypeA, "192.0.2.2")
	failed(0)
	for what, spoil := range map[string]func(){
		"is not an action": func() { f.Write("drain * 192.0.2.1\nfrob * 192.0.2.2\n") },
		"has no end":       func() { f.Write("drain * 192.0.2.2") },
		"octets":           func() { f.Write(strings.Repeat("x", 10<<20)) },
		"no such file":     func() { f.Remove() },
		"a directory": func() {
			f.Remove()
			if err := os.Mkdir(f.Name, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		spoil()
		server.Eventually(t, what, func() bool { return strings.Contains(s.Log(), what) })
		failed(1)
		awaitFirsts(t, s, "app.wrong.example", dns.TypeA, "192.0.2.2")
		f.Remove()
	}
	server.MustReload(t, s, corefile+"# another\n")
	awaitFirsts(t, s, "app.wrong.example", dns.TypeA, "192.0.2.2")
	f.Write("drain app 192.0.2.2\ndrain nobody 192.0.2.2\n")
	awaitFirsts(t, s, "app.wrong.example", dns.TypeA, "192.0.2.1")
	failed(0)
	server.Eventually(t, "a warning of an unknown name", func() bool {
		return strings.Contains(s.Log(), `:2: "drain nobody 192.0.2.2" says nothing of what is here`)
	})
	if !strings.Contains(s.Log(), "state: app.wrong.example. A: 192.0.2.2: drain, decided at ") {
		t.Errorf("the log does not tell of the drain:\n%s", s.Log())
	}
}

// TestStateFileMissing guards a start without the file: it is no reason not to start.
func TestStateFileMissing(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	f := server.NewStateFile(t, "")
	f.Remove()
	s := server.Serve(t, "missing.example:0 {\nroundrobin53 {\nstate "+f.Name+"\nrecord app A 192.0.2.1 192.0.2.2\n}\n}\n")
	awaitFirsts(t, s, "app.missing.example", dns.TypeA, "192.0.2.1 192.0.2.2")
	if warnings := server.OwnWarnings(s); len(warnings) != 1 || !strings.Contains(warnings[0], "no such file") {
		t.Errorf("warnings %q", warnings)
	}
	f.Write("drain app 192.0.2.2\n")
	awaitFirsts(t, s, "app.missing.example", dns.TypeA, "192.0.2.1")
}

// TestStateFileMetrics guards what an operator sees of decisions, and since when verdicts hold.
func TestStateFileMetrics(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "web")
	f := server.NewStateFile(t, "drain * 192.0.2.1\nup web 192.0.2.2\nweight app 192.0.2.3 2\n")
	s := server.Serve(t, "metrics.state.example:0 {\nroundrobin53 {\nstate "+f.Name+"\n"+
		"record app A {\nvalue 192.0.2.1 192.0.2.2 check web\nvalue 192.0.2.3\nvalue 192.0.2.4 drain\n}\n"+
		signs.ChecksWith(server.SlowCheck, "web")+"}\n}\n")
	server.AwaitDown(t, s, "web")
	awaitFirsts(t, s, "app.metrics.state.example", dns.TypeA, "192.0.2.2 192.0.2.3")
	for name, wants := range map[string]map[string]float64{
		"coredns_roundrobin53_overrides": {`action="drain"`: 1, `action="down"`: 0, `action="up"`: 1, `action="weight"`: 1},
		"coredns_roundrobin53_drained": {
			`name="app.metrics.state.example.",type="A",value="192.0.2.1",view="",zone="metrics.state.example."`: 1,
			`name="app.metrics.state.example.",type="A",value="192.0.2.4",view="",zone="metrics.state.example."`: 1,
		},
	} {
		got := server.Series(t, name)
		for labels, want := range wants {
			if value, ok := got[labels]; !ok || value != want {
				t.Errorf("%s{%s}: %v, %v; want %v in %v", name, labels, value, ok, want, got)
			}
		}
	}
	since := server.Series(t, "coredns_roundrobin53_last_transition_timestamp_seconds")[`check="web",value="192.0.2.2",view="",zone="metrics.state.example."`]
	if age := time.Since(time.Unix(int64(since), 0)); age < 0 || age > time.Hour {
		t.Errorf("the verdict became what it is at %v", since)
	}
}
