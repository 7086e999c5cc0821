package test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestSixtyReloadsLeaveNoProbe guards against goroutines, connections and probes that reloads leave behind, good ones and
// such as fail, at whatever moment. What a failed Corefile would have checked is never probed, and the checks of the
// running one go on.
func TestSixtyReloadsLeaveNoProbe(t *testing.T) {
	signs := startSignals(t)
	signs.set(fail, "b")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	corefile := func(i int, extra string) string {
		return fmt.Sprintf(`example.org:0 {
			roundrobin53 {
				record app A {
					value 192.0.2.1 192.0.2.2 check a
					value 192.0.2.3 check b
					value 192.0.2.4 check c priority 2
					value 127.0.0.1 check tcp priority 2
					failback 1h
				}
				record n%d A 192.0.2.9
				check tcp tcp://:%d
				%s
				%s
			}
		}
		`, i, listener.Addr().(*net.TCPAddr).Port, signs.checks("a b c"), extra)
	}
	ghost := "record ghost A {\nvalue 192.0.2.1 check ghost\n%s\n}\n" + signs.checks("ghost")
	s := serve(t, corefile(0, ""))
	busy := busyAddress(t)
	mustReload(t, s, corefile(1, ""))
	eventually(t, "all are probed", func() bool { return signs.count("a")*signs.count("b")*signs.count("c") > 0 })
	awaitDown(t, s, "b")
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	for i := 0; i < 60; {
		failing := bad(corefile(i, fmt.Sprintf(ghost, "value 192.0.2.2")), busy)
		failing["missing geoip"] = corefile(i, fmt.Sprintf(ghost, "value 192.0.2.2 geo DE"))
		for name, corefileText := range failing {
			if err := s.reload(corefileText); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			if i%10 == 0 {
				before := signs.count("a")
				eventually(t, "checks go on after a reload that failed: "+name, func() bool { return signs.count("a") > before })
			}
			awaitDown(t, s, "b")
			mustReload(t, s, corefile(i, ""))
			if got := sorted(s.ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2" {
				t.Errorf("after reload %d: %s, want 192.0.2.1 192.0.2.2", i, got)
			}
			i += 2
		}
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if got := signs.count("ghost"); got > 0 {
		t.Errorf("the check of a Corefile that never served was probed %d times", got)
	}
	if got := strings.Count(s.log(), " is down: "); got != 1 {
		t.Errorf("%d lines say that something is down, want 1", got)
	}
}

// TestStoppedServerProbesNothing guards endpoints against a server that has ended.
func TestStoppedServerProbesNothing(t *testing.T) {
	signs := startSignals(t)
	signs.set(hang, "b")
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	var after int
	t.Run("server", func(t *testing.T) {
		t.Cleanup(func() { after = signs.count("a") }) // after the server's own end
		serve(t, "example.org:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\n}\n"+
			signs.checks("a")+signs.checksWith(slowCheck, "b")+"}\n}\n")
		eventually(t, "all are probed", func() bool { return signs.count("a")*signs.count("b") > 0 })
	})
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if got := signs.count("a"); got != after {
		t.Errorf("%d probes after the end", got-after)
	}
}

// TestFailedStartProbesNothing guards endpoints, and the process, against a start that failed.
func TestFailedStartProbesNothing(t *testing.T) {
	signs := startSignals(t)
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	good := "example.org:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\n}\n" + signs.checks("a") + "}\n}\n"
	for range 3 {
		for _, name := range []string{"syntax", "open block", "later plugin"} {
			startError(t, bad(good, "127.0.0.1:1")[name])
		}
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d", goroutines, nowGoroutines, files, nowFiles)
	}
	if got := signs.count("a"); got > 0 {
		t.Errorf("%d probes for Corefiles that did not start", got)
	}
	if up := upSeries(t); len(up) > 0 {
		t.Errorf("the metric up is %v, and nothing is served", up)
	}
}
