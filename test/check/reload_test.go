package check

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSixtyReloadsLeaveNoProbe guards against goroutines, connections and probes that reloads leave behind, good ones and
// such as fail, at whatever moment. What a failed Corefile would have checked is never probed, and the checks of the
// running one go on.
func TestSixtyReloadsLeaveNoProbe(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "b")
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
		`, i, listener.Addr().(*net.TCPAddr).Port, signs.Checks("a b c"), extra)
	}
	ghost := "record ghost A {\nvalue 192.0.2.1 check ghost\n%s\n}\n" + signs.Checks("ghost")
	s := server.Serve(t, corefile(0, ""))
	busy := server.BusyAddress(t)
	server.MustReload(t, s, corefile(1, ""))
	server.Eventually(t, "all are probed", func() bool { return signs.Requests("a")*signs.Requests("b")*signs.Requests("c") > 0 })
	server.AwaitDown(t, s, "b")
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	for i := 0; i < 60; {
		failing := server.BadCorefiles(corefile(i, fmt.Sprintf(ghost, "value 192.0.2.2")), busy)
		failing["missing geoip"] = corefile(i, fmt.Sprintf(ghost, "value 192.0.2.2 geo DE"))
		for name, corefileText := range failing {
			if err := s.Reload(corefileText); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			if i%10 == 0 {
				before := signs.Requests("a")
				server.Eventually(t, "checks go on after a reload that failed: "+name, func() bool { return signs.Requests("a") > before })
			}
			server.AwaitDown(t, s, "b")
			server.MustReload(t, s, corefile(i, ""))
			if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2" {
				t.Errorf("after reload %d: %s, want 192.0.2.1 192.0.2.2", i, got)
			}
			i += 2
		}
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if got := signs.Requests("ghost"); got > 0 {
		t.Errorf("the check of a Corefile that never served was probed %d times", got)
	}
	if got := strings.Count(s.Log(), " is down: "); got != 1 {
		t.Errorf("%d lines say that something is down, want 1", got)
	}
}

// TestStoppedServerProbesNothing guards endpoints against a server that has ended.
func TestStoppedServerProbesNothing(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Hang, "b")
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	var after int
	t.Run("server", func(t *testing.T) {
		t.Cleanup(func() { after = signs.Requests("a") }) // after the server's own end
		server.Serve(t, "example.org:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\n}\n"+
			signs.Checks("a")+signs.ChecksWith(server.SlowCheck, "b")+"}\n}\n")
		server.Eventually(t, "all are probed", func() bool { return signs.Requests("a")*signs.Requests("b") > 0 })
	})
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if got := signs.Requests("a"); got != after {
		t.Errorf("%d probes after the end", got-after)
	}
}

// TestFailedStartProbesNothing guards endpoints, and the process, against a start that failed.
func TestFailedStartProbesNothing(t *testing.T) {
	signs := server.StartTarget(t)
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	good := "example.org:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\n}\n" + signs.Checks("a") + "}\n}\n"
	for range 3 {
		for _, name := range []string{"syntax", "open block", "later plugin"} {
			server.StartError(t, server.BadCorefiles(good, "127.0.0.1:1")[name])
		}
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d", goroutines, nowGoroutines, files, nowFiles)
	}
	if got := signs.Requests("a"); got > 0 {
		t.Errorf("%d probes for Corefiles that did not start", got)
	}
	if up := server.UpSeries(t); len(up) > 0 {
		t.Errorf("the metric up is %v, and nothing is served", up)
	}
}
