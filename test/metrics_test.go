package test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestDocumentedMetricsExist guards README.md against metrics that were renamed, or never were.
func TestDocumentedMetricsExist(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	f := server.NewStateFile(t, "drain app 192.0.2.2\n")
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\nstate "+f.Name+"\ncheck web tcp://127.0.0.1:1\nrecord app A 192.0.2.1 192.0.2.2 metrics check web\n"+
		"resolver 127.0.0.1:1\nrecord looked A lb.example.net.\n}\n}")
	server.Eventually(t, "a first lookup", func() bool { return server.Series(t, "coredns_roundrobin53_lookups_total") != nil })
	s.Ask("app.example.org", dns.TypeA)
	server.Eventually(t, "a first verdict", func() bool {
		return server.Series(t, "coredns_roundrobin53_last_transition_timestamp_seconds") != nil
	})
	documented := regexp.MustCompile(`coredns_roundrobin53_[a-z_]+`).FindAllString(string(readme), -1)
	if len(documented) == 0 {
		t.Error("README.md names no metric")
	}
	for _, metric := range documented {
		if server.Series(t, metric) == nil {
			t.Errorf("README.md names %s, which does not exist", metric)
		}
	}
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if name := family.GetName(); strings.HasPrefix(name, "coredns_roundrobin53_") && !slices.Contains(documented, name) {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

// TestAnswersAreCountedByResult guards the counter that tells an operator what a zone does.
func TestAnswersAreCountedByResult(t *testing.T) {
	s := server.Serve(t, `results.example:0 {
		roundrobin53 {
			record app A 192.0.2.1
			record sub NS ns.example.net.
			record failing CNAME www.fail.example.
			record gone CNAME nowhere
			fallthrough open.results.example
		}
		echo
	}
	fail.example:0 {
		template IN ANY {
			rcode SERVFAIL
		}
	}`)
	for _, tc := range []struct {
		name   string
		m      *dns.Msg
		result string
	}{
		{"A", server.Question("app.results.example", dns.TypeA), "answer"},
		{"ANY", server.Question("app.results.example", dns.TypeANY), "answer"},
		{"SOA", server.Question("results.example", dns.TypeSOA), "answer"},
		{"other type", server.Question("APP.results.example", dns.TypeAAAA), "nodata"},
		{"no name", server.Question("nowhere.results.example", dns.TypeA), "nxdomain"},
		{"alias to no name", server.Question("gone.results.example", dns.TypeA), "nxdomain"},
		{"delegated", server.Question("x.sub.results.example", dns.TypeA), "referral"},
		{"open", server.Question("x.open.results.example", dns.TypeA), "fallthrough"},
		{"SERVFAIL of another block", server.Question("failing.results.example", dns.TypeA), "error"},
		{"NOTIFY", new(dns.Msg).SetNotify("results.example."), "error"},
		{"AXFR", server.Question("results.example", dns.TypeAXFR), "error"},
	} {
		before := server.Series(t, "coredns_roundrobin53_answers_total")
		s.Exchange("tcp", tc.m)
		for labels, value := range server.Series(t, "coredns_roundrobin53_answers_total") {
			want := before[labels]
			if labels == fmt.Sprintf(`result=%q,server="dns://:0",view="",zone="results.example."`, tc.result) {
				want++
			}
			if value != want {
				t.Errorf("%s: %s is %v, want %v", tc.name, labels, value, want)
			}
		}
	}
}

// TestViewLabel guards the label that tells the blocks of one zone apart.
func TestViewLabel(t *testing.T) {
	s := server.Serve(t, `viewed.example:0 {
		view here {
			expr incidr(client_ip(), '127.0.0.0/8')
		}
		roundrobin53 {
			record app A 192.0.2.1 metrics
			record two A 192.0.2.1
		}
	}
	viewed.example:0 {
		roundrobin53 {
			record app A 192.0.2.1
		}
	}`)
	s.Ask("app.viewed.example", dns.TypeA)
	for metric, want := range map[string]map[string]float64{
		"coredns_roundrobin53_names":  {`view="",zone="viewed.example."`: 1, `view="here",zone="viewed.example."`: 2},
		"coredns_roundrobin53_values": {`view="",zone="viewed.example."`: 1, `view="here",zone="viewed.example."`: 2},
		"coredns_roundrobin53_zones":  {"": 2},
		"coredns_roundrobin53_first_picks_total": {
			`name="app.viewed.example.",type="A",value="192.0.2.1",view="here",zone="viewed.example."`: 1,
		},
	} {
		if got := server.Series(t, metric); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", metric, got, want)
		}
	}
}

// TestFirstPicks guards the counter of first places: only for records that ask for it, exact, and no longer there than
// its value.
func TestFirstPicks(t *testing.T) {
	const corefile = "picks.example:0 {\nroundrobin53 {\nrecord app A %s metrics\nrecord plain A 192.0.2.1 192.0.2.2\n%s\n}\n}\n"
	s := server.Serve(t, fmt.Sprintf(corefile, "192.0.2.1 192.0.2.2", "record few AAAA 2001:db8::1 2001:db8::2 answers 1 metrics\n"))
	for range 6 {
		s.Ask("app.picks.example", dns.TypeA)
		s.Ask("plain.picks.example", dns.TypeA)
		s.Ask("few.picks.example", dns.TypeAAAA)
		s.Ask("app.picks.example", dns.TypeAAAA)
	}
	want := map[string]float64{
		"app.picks.example. 192.0.2.1": 3, "app.picks.example. 192.0.2.2": 3,
		"few.picks.example. 2001:db8::1": 3, "few.picks.example. 2001:db8::2": 3,
	}
	if got := server.FirstPicks(t); !maps.Equal(got, want) {
		t.Errorf("first picks: %v, want %v", got, want)
	}

	server.MustReload(t, s, fmt.Sprintf(corefile, "192.0.2.2 192.0.2.3", ""))
	want = map[string]float64{"app.picks.example. 192.0.2.2": 3, "app.picks.example. 192.0.2.3": 0}
	if got := server.FirstPicks(t); !maps.Equal(got, want) {
		t.Errorf("after a reload without some values: %v, want %v", got, want)
	}

	busy := server.BusyAddress(t)
	for name, failing := range server.BadCorefiles(fmt.Sprintf(corefile, "192.0.2.2 192.0.2.4", ""), busy) {
		if err := s.Reload(failing); err == nil {
			t.Fatalf("%s: reloaded, want an error", name)
		}
		if got := server.FirstPicks(t); !maps.Equal(got, want) {
			t.Errorf("after a failed reload (%s): %v, want %v", name, got, want)
		}
	}

	server.MustReload(t, s, "picks.example:0 {\nwhoami\n}")
	if got := server.FirstPicks(t); len(got) > 0 {
		t.Errorf("after a reload without the plugin: %v, want none", got)
	}
}

// TestGaugesFollowReloads guards the gauges against showing a Corefile that is not served: the one before, or one that
// failed.
func TestGaugesFollowReloads(t *testing.T) {
	check := func(when string, zones float64, names, values map[string]float64) {
		t.Helper()
		if got := server.Series(t, "coredns_roundrobin53_zones")[""]; got != zones {
			t.Errorf("%s: %v zones, want %v", when, got, zones)
		}
		for metric, want := range map[string]map[string]float64{"names": names, "values": values} {
			got := make(map[string]float64)
			for labels, value := range server.Series(t, "coredns_roundrobin53_"+metric) {
				got[strings.TrimSuffix(strings.TrimPrefix(labels, `view="",zone="`), `"`)] = value
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: %s %v, want %v", when, metric, got, want)
			}
		}
	}
	type by = map[string]float64
	const one = "a.example:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2\nrecord app AAAA 2001:db8::1\nrecord txt TXT x\n}\n}\n"
	const two = "b.example:0 c.example:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}\n"
	s := server.Serve(t, one)
	check("start", 1, by{"a.example.": 2}, by{"a.example.": 4})
	server.MustReload(t, s, one+two)
	both := func(when string) {
		t.Helper()
		check(when, 3, by{"a.example.": 2, "b.example.": 1, "c.example.": 1}, by{"a.example.": 4, "b.example.": 1, "c.example.": 1})
	}
	both("reload with more zones")
	for name, failing := range server.BadCorefiles(two, server.BusyAddress(t)) {
		if err := s.Reload(failing); err == nil {
			t.Fatalf("%s: reloaded, want an error", name)
		}
		both("failed reload: " + name)
	}
	server.MustReload(t, s, two)
	check("reload with fewer zones", 2, by{"b.example.": 1, "c.example.": 1}, by{"b.example.": 1, "c.example.": 1})
	server.MustReload(t, s, "a.example:0 {\nwhoami\n}")
	check("reload without the plugin", 0, by{}, by{})
	server.MustReload(t, s, one)
	check("reload with the plugin again", 1, by{"a.example.": 2}, by{"a.example.": 4})
}

// TestQueriesLeaveNoState guards against memory and metrics that grow with what clients ask: names of random labels,
// below wildcards too, and random client subnets.
func TestQueriesLeaveNoState(t *testing.T) {
	s := server.Serve(t, `state.example:0 {
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 metrics
			record *.wild A 192.0.2.1 192.0.2.2 metrics
			record sub NS ns.example.net.
			fallthrough open.state.example
		}
		whoami
	}`)
	parents := []string{"app", "wild", "wild", "sub", "none", "open"}
	random := func(i int) *dns.Msg {
		m := server.Question(fmt.Sprintf("x%08x.%s.state.example", uint32(i)*2654435761, parents[i%len(parents)]), dns.TypeA)
		if i%5 == 0 {
			m.Question[0].Name = "app.state.example."
		}
		m.SetEdns0(1232, false)
		m.Extra[0].(*dns.OPT).Option = []dns.EDNS0{&dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(10, byte(i>>16), byte(i>>8), 0),
		}}
		return m
	}
	nothing := func(int, *dns.Msg) {}
	server.Flood(t, s.UDP(0), 8, 1000, random, nothing)
	seriesBefore, heapBefore := server.OwnSeries(t), server.HeapInUse()
	const queries = 50_000
	server.Flood(t, s.UDP(0), 8, queries, func(i int) *dns.Msg { return random(i + 1000) }, nothing)
	if now := server.OwnSeries(t); now != seriesBefore {
		t.Errorf("series went from %d to %d", seriesBefore, now)
	}
	const slack = 2 << 20 // a map entry for each query would be three times as much
	if now := server.HeapInUse(); now > heapBefore+slack {
		t.Errorf("the heap went from %d to %d octets in %d queries", heapBefore, now, queries)
	}
}

// TestReloadFailedLastsAsLongAsTheCorefile guards an alert that is to end when the wrong Corefile does, and not before.
func TestReloadFailedLastsAsLongAsTheCorefile(t *testing.T) {
	const good = "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}"
	s := server.Start(t, good)
	failed := func() float64 { return server.Series(t, "coredns_roundrobin53_reload_failed")[""] }
	if failed() != 0 {
		t.Error("failed without a reload")
	}
	for _, wrong := range []string{
		"example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1O\n}\n}",       // of ours
		"example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\nwhoam\n}", // of nobody's
		"example.org:0 {\nimport nowhere.conf\n}",
	} {
		if err := s.Reload(wrong); err == nil {
			t.Fatalf("reloaded:\n%s", wrong)
		}
		s.Ask("app.example.org", dns.TypeA)
		if failed() != 1 {
			t.Errorf("not failed after\n%s", wrong)
		}
	}
	if err := s.Reload(good); err != nil {
		t.Fatal(err)
	}
	if failed() != 0 {
		t.Error("failed after the Corefile was mended")
	}
}

// TestCorefileOutdatedSeesImports guards an alert for what no reload ever takes over: the plugin reload stops at a missing import
// with a line in the log, and counts nothing.
func TestCorefileOutdatedSeesImports(t *testing.T) {
	path, imported := filepath.Join(t.TempDir(), "Corefile"), filepath.Join(t.TempDir(), "records.conf")
	text := "example.org:0 {\nroundrobin53 {\nimport " + imported + "\n}\n}\n"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outdated := func(when string, want float64) {
		t.Helper()
		if got := server.Series(t, "coredns_roundrobin53_corefile_outdated")[""]; got != want {
			t.Errorf("outdated is %v %s, want %v", got, when, want)
		}
	}
	s := server.Start(t, "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}")
	outdated("for a Corefile that is no file", 0)
	reload := func() {
		t.Helper()
		if err := s.ReloadFrom(caddy.CaddyfileInput{Filepath: path, Contents: []byte(text), ServerTypeName: "dns"}); err != nil {
			t.Fatal(err)
		}
	}
	write(path, text)
	write(imported, "record app A 192.0.2.1\n")
	reload()
	outdated("after a reload", 0)
	write(imported, "record app A 192.0.2.2\n")
	outdated("after a change of an import", 1)
	reload()
	outdated("after another reload", 0)
	if err := os.Remove(imported); err != nil {
		t.Fatal(err)
	}
	outdated("without the import", 1)
	write(imported, "record app A 192.0.2.2\n")
	outdated("with the import again", 0)
}
