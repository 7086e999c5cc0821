package check

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// asked asks a server all the time, from several sockets, until stop is called; got is called for every answer, from any
// goroutine.
func asked(t *testing.T, address string, sockets int, query func(i int) *dns.Msg, got func(m *dns.Msg)) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var wg sync.WaitGroup
	for socket := range sockets {
		wg.Go(func() {
			conn, err := dns.Dial("udp", server.Loopback(address))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for i := socket; ; i += sockets {
				select {
				case <-end:
					return
				default:
				}
				m, err := server.RoundTrip(conn, query(i))
				if err != nil {
					t.Error(err)
					return
				}
				got(m)
			}
		})
	}
	return func() {
		close(end)
		wg.Wait()
	}
}

// TestReloadKeepsVerdicts guards clients against an address that was known to be down and is answered again because the
// Corefile changed: while the old instance and the new one answer, and after. What was known is not probed anew.
func TestReloadKeepsVerdicts(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	const records = `record app A {
		value 192.0.2.1 check a
		value 192.0.2.2 check b
		value 192.0.2.3
	}
	record lb CNAME {
		value a.example.net. check a
		value b.example.net. check b
	}
	record alias ALIAS app
	`
	corefile := func(i int) string {
		return fmt.Sprintf("example.org:0 {\nroundrobin53 {\n%srecord n%d A 192.0.2.9\n%s}\n}\n", records, i, signs.ChecksWith(server.SlowCheck, "a b"))
	}
	s := server.Serve(t, corefile(0))
	server.AwaitDown(t, s, "a")
	server.Eventually(t, "b is probed", func() bool { return signs.Requests("b") > 0 })
	names := []string{"app.example.org", "alias.example.org", "lb.example.org"}
	stop := asked(t, s.UDP(0), 4,
		func(i int) *dns.Msg { return server.Question(names[i%len(names)], dns.TypeA) },
		func(m *dns.Msg) {
			if answer := server.Section(m.Answer); answer == "" || strings.Contains(answer, "192.0.2.1") || strings.Contains(answer, "a.example.net") {
				t.Errorf("with a value that is down: %q", answer)
			}
		})
	busy, last := server.BusyAddress(t), ""
	for i := range 20 {
		server.MustReload(t, s, corefile(i))
		server.AwaitDown(t, s, "a")
		if i%5 == 0 {
			for name, failing := range server.BadCorefiles(corefile(i), busy) {
				if err := s.Reload(failing); err == nil {
					t.Fatalf("%s: reloaded, want an error", name)
				}
			}
		}
		last = server.TakeTurns(s, "tcp", "app.example.org", []string{"192.0.2.2", "192.0.2.3"}, last, 1)
	}
	// Under another name a check is the same.
	server.MustReload(t, s, strings.NewReplacer("check a", "check first").Replace(corefile(0)))
	if !server.IsDownExactly(t, "first") {
		t.Errorf("the metric up is %v, want 0 for first", server.UpSeries(t))
	}
	// And so it is for other values, in other zones.
	server.MustReload(t, s, corefile(1)+"example.net:0 {\nroundrobin53 {\nrecord app A {\nvalue 198.51.100.1 check there\nvalue 198.51.100.2\n}\n"+
		strings.Replace(signs.ChecksWith(server.SlowCheck, "a"), "check a", "check there", 1)+"}\n}\n")
	if !server.IsDownExactly(t, "a there") {
		t.Errorf("the metric up is %v, want 0 for a and there", server.UpSeries(t))
	}
	if got := server.SortedAddresses(s.Ask("app.example.net", dns.TypeA)); got != "198.51.100.2" {
		t.Errorf("a new zone with a check whose verdict was known: %s, want 198.51.100.2", got)
	}
	stop()
	if a, b := signs.Requests("a"), signs.Requests("b"); a != 1 || b != 1 {
		t.Errorf("a was probed %d times and b %d times, want once each: their verdicts were known", a, b)
	}
	if got := strings.Count(s.Log(), " is down: "); got != 1 {
		t.Errorf("%d lines say that something is down, want 1:\n%s", got, s.Log())
	}
}

// TestReloadKeepsRunsAndWaits guards what is on its way to a change: were the count of results in a row, or the time of
// failback, lost at a reload, then a Corefile that changes often would keep a dead address, or a spare one, forever. Row
// 28 of the policy cases.
func TestReloadKeepsRunsAndWaits(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	const failback = 4 * time.Second
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	corefile := func(i int) string {
		return fmt.Sprintf(`example.org:0 {
			roundrobin53 {
				record app A {
					value 192.0.2.1 check a
					value 192.0.2.4 192.0.2.5 priority 2
					failback %s
				}
				record run A {
					value 192.0.2.1 check x
					value 192.0.2.2
				}
				record n%d A 192.0.2.9
				%s%s
			}
		}
		`, failback, i, signs.Checks("a"), signs.ChecksWith("interval 1s\ntimeout 1s\nrise 1\nfall 3", "x"))
	}
	s := server.Serve(t, corefile(0))
	server.AwaitDown(t, s, "a")
	server.Eventually(t, "x is probed", func() bool { return server.Probes(t, "example.org", "x", "pass") > 0 })
	before := server.Probes(t, "example.org", "x", "fail")
	signs.Set(server.Fail, "x")
	fit := time.Now() // or a little later
	signs.Set(server.Pass, "a")
	server.AwaitDown(t, s, "")
	deadline := fit.Add(10 * failback)
	var ran, waited bool
	for i := 1; !ran || !waited; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("after %d reloads: the run has ended: %v, the wait: %v", i, ran, waited)
		}
		server.MustReload(t, s, corefile(i))
		if got := server.SortedAddresses(s.Ask("run.example.org", dns.TypeA)); got == "192.0.2.2" && !ran {
			ran = true
			if failures := server.Probes(t, "example.org", "x", "fail") - before; failures != 3 {
				t.Errorf("down after %v failures, want 3", failures)
			}
		}
		switch got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); {
		case got == "192.0.2.1" && !waited:
			waited = true
			if since := time.Since(fit); since < failback {
				t.Errorf("the first tier is back after %v, want %v at least", since, failback)
			}
		case got != "192.0.2.1" && got != "192.0.2.4 192.0.2.5" || waited && got != "192.0.2.1":
			t.Errorf("answer %s", got)
		}
	}
	if want := "example.org. check x: 192.0.2.1 (127.0.0.1) is down: 3 failures in a row, the last: "; !strings.Contains(s.Log(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.Log())
	}
}

// TestReloadChangesWhatIsProbed guards endpoints that are gone against being probed on, and new ones against waiting for
// an interval.
func TestReloadChangesWhatIsProbed(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	signs := server.StartTarget(t)
	corefile := func(checks string, values ...string) string {
		return "example.org:0 {\nroundrobin53 {\nrecord app A {\n" + strings.Join(values, "\n") + "\n}\n" + checks + "}\n}\n"
	}
	const a, b, c = "value 192.0.2.1 check a", "value 192.0.2.2 check b", "value 192.0.2.3 check c"
	ab := signs.Checks("a b")
	s := server.Serve(t, corefile(ab, a, b))
	await := func(name string, times int) {
		t.Helper()
		want := signs.Requests(name) + times
		server.Eventually(t, name+" is probed", func() bool { return signs.Requests(name) >= want })
	}
	await("a", 1)
	await("b", 1)
	last := server.TakeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, "", 1)

	// Its value is gone, and c is new; its check's interval is long.
	signs.Set(server.Fail, "c")
	server.MustReload(t, s, corefile(ab+signs.ChecksWith(server.SlowCheck, "c"), "value 192.0.2.1", b, c))
	gone := signs.Requests("a")
	server.AwaitDown(t, s, "c")
	if got := signs.Requests("c"); got != 1 {
		t.Errorf("c was probed %d times, want once", got)
	}
	_ = server.TakeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, last, 1)
	await("b", 2)
	if got := signs.Requests("a"); got != gone {
		t.Errorf("a was probed %d times after it was gone", got-gone)
	}
	if up := server.UpSeries(t); len(up) != 2 || up["b 192.0.2.2"] != 1 || up["c 192.0.2.3"] != 0 {
		t.Errorf("the metric up is %v", up)
	}

	// Back again, it is new: nothing is known of it.
	signs.Set(server.Fail, "a")
	server.MustReload(t, s, corefile(ab, a, b))
	server.AwaitDown(t, s, "a")
	if want := "example.org. check a: 192.0.2.1 (127.0.0.1) is down: the first probe failed: "; !strings.Contains(s.Log(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.Log())
	}
	if got := server.Addresses(s.Ask("app.example.org", dns.TypeA)); !slices.Equal(got, []string{"192.0.2.2"}) {
		t.Errorf("answer %v, want 192.0.2.2", got)
	}
}
