package check

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// checkReadiness asks the ready plugin.
func checkReadiness(t *testing.T, when, address, want string) {
	t.Helper()
	if got, err := server.Readiness(address); err != nil || got != want {
		t.Errorf("%s: ready says %q (%v), want %q", when, got, err, want)
	}
}

// firstRoundLimit is how long ready waits for the first results at most.
const firstRoundLimit = 5 * time.Second

// TestReadyAfterFirstRound guards clients against a replica that does not know yet what is down. It is ready when every
// target has had a result, in all blocks, and no sooner; asked before, it takes everything for up. A reload waits for
// nothing.
func TestReadyAfterFirstRound(t *testing.T) {
	address, signs := "127.0.0.1:"+server.FreePort(t), server.StartTarget(t)
	signs.Set(server.Hang, "b c")
	block := func(zone, first, record, checks string) string {
		return zone + ":0 {\n" + first + "\nroundrobin53 {\n" + record + "\n" + signs.ChecksWith(server.SlowCheck, checks) + "}\n}\n"
	}
	corefile := block("example.org", "ready "+address, "record app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\n}", "a b") +
		block("example.net", "", "record app A 192.0.2.3 check c", "c")
	began := time.Now()
	s := server.Serve(t, corefile)
	server.Eventually(t, "all are probed", func() bool { return signs.Requests("a")*signs.Requests("b")*signs.Requests("c") > 0 })
	checkReadiness(t, "two results are missing", address, "roundrobin53")
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2" {
		t.Errorf("before the first result: %s, want all values", got)
	}
	signs.Set(server.Fail, "b")
	server.AwaitDown(t, s, "b")
	checkReadiness(t, "one result is missing", address, "roundrobin53")
	signs.Set(server.Pass, "c")
	server.AwaitReady(t, address)
	if took := time.Since(began); took >= firstRoundLimit {
		t.Errorf("ready after %v: that was not the first round but the limit", took)
	}
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("after the first round: %s, want 192.0.2.1", got)
	}

	// New targets that do not answer, while ready is asked all the time.
	signs.Set(server.Hang, "d")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			// The ready plugin closes its port for a moment at each reload.
			if body, err := server.Readiness(address); err == nil && body != "OK" && body != "Shutting down" {
				t.Errorf("%q after reloads, want OK", body)
			}
		}
	})
	for range 3 {
		server.MustReload(t, s, corefile+block("example.com", "", "record app A 192.0.2.4 check d", "d"))
		checkReadiness(t, "a reload with a target that hangs", address, "OK")
		server.Eventually(t, "the new target is probed", func() bool { return signs.Requests("d") > 0 })
		checkReadiness(t, "the new target hangs", address, "OK")
		if err := s.Reload(strings.Replace(corefile, "record", "rekord", 1)); err == nil {
			t.Error("reloaded, want an error")
		}
		server.AwaitReady(t, address)
		server.MustReload(t, s, corefile)
	}
	close(stop)
	wg.Wait()
}

// TestReadyWithoutFirstRound guards a service against never being ready because of endpoints that do not answer: row 86
// of the policy cases. Their listeners' backlogs take connections, and nobody reads from them.
func TestReadyWithoutFirstRound(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	address := "127.0.0.1:" + server.FreePort(t)
	s := server.Serve(t, "example.org:0 {\nready "+address+"\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 check web\ncheck web http://"+
		silent.Addr().String()+"/ {\n"+server.SlowCheck+"\n}\n}\n}\n")
	checkReadiness(t, "at the start", address, "roundrobin53")
	server.AwaitReady(t, address) // no result comes before a minute is over
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2" {
		t.Errorf("without a result: %s, want all values", got)
	}
	if got := server.UpSeries(t); len(got) != 2 || got["web 192.0.2.1"] != 1 || got["web 192.0.2.2"] != 1 {
		t.Errorf("without a result the metric up is %v, want 1 for both", got)
	}
	probed := server.Series(t, "coredns_roundrobin53_probed")
	for labels, value := range probed {
		if value != 0 {
			t.Errorf("without a result the metric probed is %v for %s, want 0", value, labels)
		}
	}
	if len(probed) != 2 {
		t.Errorf("the metric probed has %d series, want 2: %v", len(probed), probed)
	}
	server.Eventually(t, "the log names what was never probed", func() bool {
		return strings.Contains(s.Log(), "checks: no result after 5s, and taken for up: example.org. check web: 192.0.2.1 (127.0.0.1)") // both values have one target
	})
}

// TestReadyWhenAllAreDown is the rest of row 86: that nothing is up is a result, too.
func TestReadyWhenAllAreDown(t *testing.T) {
	address, signs := "127.0.0.1:"+server.FreePort(t), server.StartTarget(t)
	signs.Set(server.Fail, "a b")
	began := time.Now()
	s := server.Serve(t, "example.org:0 {\nready "+address+"\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\n}\n"+
		signs.ChecksWith(server.SlowCheck, "a b")+"}\n}\n")
	server.AwaitReady(t, address)
	if took := time.Since(began); took >= firstRoundLimit {
		t.Errorf("ready after %v: that was not the first round but the limit", took)
	}
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2" {
		t.Errorf("all down: %s, want all values", got)
	}
	server.AwaitDown(t, s, "a b")
}
