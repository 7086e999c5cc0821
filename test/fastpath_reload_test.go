//go:build linux

package test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// reloadable is a Corefile with fastpath or without, some other directives, and a record that is different each time.
func reloadable(isFast bool, directives string, version int) string {
	option := ""
	if isFast {
		option = "fastpath"
	}
	return fmt.Sprintf(`example.org:PORT {
		bind 127.0.0.1
		%s
		roundrobin53 {
			%s
			%s
			record version A 198.51.100.%d
			record v%d A 192.0.2.1
		}
	}
	`, directives, option, threeRecord, version%250, version)
}

// turnsOn takes turns on a connection, as takeTurns does.
func turnsOn(t *testing.T, conn *dns.Conn, last string, n int) string {
	t.Helper()
	for range n {
		m, _ := askRaw(t, conn, question("app.example.org", dns.TypeA))
		found := addresses(m)
		if len(found) != 3 || last != "" && found[0] != next(threeValues, last) {
			t.Fatalf("after %s came %v", last, found)
		}
		last = found[0]
	}
	return last
}

// TestFastReload guards the rotation over reloads, be they from the fast path to the chain or back; and the zone, which
// is the new one as soon as the reload is done.
func TestFastReload(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	address := "127.0.0.1:" + port
	conn := dial(t, address)
	last := turnsOn(t, conn, "", 4)
	for i, step := range []struct {
		isFast     bool
		directives string
		isUsed     bool
	}{
		{true, "", true},
		{true, "errors", true},
		{false, "", false},
		{false, "", false},
		{true, "", true},
		{true, "acl {\nallow\n}", false},
		{true, "acl {\nallow\n}", false},
		{true, "", true},
		{true, "shed", false},
		{true, "cache", true},
		{false, "loadbalance", false},
		{true, "", true},
		{true, "multisocket 3", true},
		{true, "multisocket 2", true},
		{true, "", true},
	} {
		reloadFast(t, s, port, reloadable(step.isFast, step.directives, i+1))
		checkFast(t, address, "version.example.org", dns.TypeA, step.isUsed, fmt.Sprintf("198.51.100.%d", i+1))
		checkFast(t, address, fmt.Sprintf("v%d.example.org", i+1), dns.TypeA, step.isUsed, "192.0.2.1")
		checkFast(t, address, fmt.Sprintf("v%d.example.org", i), dns.TypeA, false, "NXDOMAIN")
		if !strings.Contains(step.directives, "loadbalance") {
			last = turnsOn(t, conn, last, 4)
			_, isFast := askFast(t, address, question("app.example.org", dns.TypeA))
			if isFast != step.isUsed {
				t.Errorf("step %d: by the fast path %t, want %t", i, isFast, step.isUsed)
			}
			last = next(threeValues, next(threeValues, next(threeValues, last)))
		} else {
			last = ""
		}
	}
}

// TestFastNewZoneAtOnce guards against an answer of the old configuration when the reload has returned, without waiting
// for what the log says.
func TestFastNewZoneAtOnce(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	conn := dial(t, "127.0.0.1:"+port)
	for i := 1; i < 40; i++ {
		isFast := i%4 != 3
		if err := s.reload(strings.ReplaceAll(reloadable(isFast, "", i), "PORT", port)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if m, _ := askRaw(t, conn, question("version.example.org", dns.TypeA)); sorted(m) != fmt.Sprintf("198.51.100.%d", i) {
				t.Errorf("after reload %d: %s", i, sorted(m))
			}
		}
	}
}

// TestFastFailedReload guards the fast path against a Corefile that fails, at whatever moment it does: it goes on.
func TestFastFailedReload(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	address := "127.0.0.1:" + port
	conn := dial(t, address)
	last := turnsOn(t, conn, "", 4)
	for i := range 3 {
		for name, failing := range bad(strings.ReplaceAll(reloadable(i%2 == 0, "", 1), "PORT", port), busyAddress(t)) {
			if err := s.reload(failing); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			last = turnsOn(t, conn, last, 3)
			if m, octets := askRaw(t, conn, question("version.example.org", dns.TypeA)); sorted(m) != "198.51.100.0" || i > 0 && !isCompressed(m, octets) {
				t.Errorf("%s: %s, compressed %t", name, sorted(m), isCompressed(m, octets))
			}
		}
		reloadFast(t, s, port, reloadable(true, "", 0)+"# again")
		last = turnsOn(t, conn, last, 2)
		checkFast(t, address, "version.example.org", dns.TypeA, true, "198.51.100.0")
	}
}

// TestFastShutdown guards what a server leaves behind: no socket that takes the packets of the next one, no goroutine.
func TestFastShutdown(t *testing.T) {
	goroutines, files := 0, 0
	for i := range 6 {
		var port string
		t.Run("serving", func(t *testing.T) {
			var s *server
			s, port = startFast(t, strings.Replace(reloadable(true, "", i), "bind 127.0.0.1", "bind 127.0.0.1 ::1", 1))
			checkFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
			if i%2 == 1 {
				reloadFast(t, s, port, reloadable(true, "", i))
			}
			if i%3 == 2 {
				reloadFast(t, s, port, reloadable(false, "", i))
			}
		})
		eventually(t, "the port is free", func() bool { // CoreDNS's own sockets close when nothing refers to them
			runtime.GC()
			pc, err := net.ListenPacket("udp", "127.0.0.1:"+port)
			if err != nil {
				return false
			}
			return pc.Close() == nil
		})
		if i == 2 { // what is started once has been
			goroutines, files = runtime.NumGoroutine(), descriptors(t)
		}
	}
	const few = 3
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
}

// sockets is how many UDP sockets are bound to a port, in all of this machine.
func sockets(t *testing.T, port string) int {
	t.Helper()
	n := 0
	for _, path := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		table, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var number int
		_, _ = fmt.Sscan(port, &number)
		for line := range strings.Lines(string(table)) {
			if fields := strings.Fields(line); len(fields) > 1 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) {
				n++
			}
		}
	}
	return n
}

// TestFastReloadsLeaveNothing guards against sockets and goroutines that reloads leave behind.
func TestFastReloadsLeaveNothing(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	busy := busyAddress(t)
	corefile := func(i int) string { return reloadable(i%3 != 1, "", i) }
	for i := range 6 {
		reloadFast(t, s, port, corefile(i))
	}
	open := sockets(t, port)
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	for i := range 60 {
		reloadFast(t, s, port, corefile(i))
		if i%10 == 0 {
			for name, failing := range bad(strings.ReplaceAll(corefile(i), "PORT", port), busy) {
				if err := s.reload(failing); err == nil {
					t.Fatalf("%s: reloaded, want an error", name)
				}
			}
		}
	}
	const few = 3
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if now := sockets(t, port); now != open {
		t.Errorf("sockets at the port went from %d to %d", open, now)
	}
	checkFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
}

// load asks some thousand times a second, from several sockets, until it is ended. Then it tells how many queries got no
// answer, or a wrong one, and of how many.
type load struct {
	stop       chan struct{}
	clients    sync.WaitGroup
	sent, lost atomic.Int64
	wrong      atomic.Int64
}

// startLoad asks at an address for names in turn, with so many queries a second.
func startLoad(t *testing.T, address string, perSecond int, query func(i int) *dns.Msg, isRight func(m *dns.Msg) bool) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	const clients = 8
	for client := range clients {
		l.clients.Go(func() {
			conn, err := dns.Dial("udp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			pace := time.NewTicker(time.Second * clients / time.Duration(perSecond))
			defer pace.Stop()
			for i := client; ; i += clients {
				select {
				case <-l.stop:
					return
				case <-pace.C:
				}
				l.sent.Add(1)
				m, err := roundTrip(conn, query(i))
				switch {
				case err != nil:
					l.lost.Add(1)
				case !isRight(m):
					l.wrong.Add(1)
				}
			}
		})
	}
	return l
}

// end ends it and checks that all was answered.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.clients.Wait()
	if l.lost.Load() > 0 || l.wrong.Load() > 0 {
		t.Errorf("of %d queries, %d got no answer, %d a wrong one", l.sent.Load(), l.lost.Load(), l.wrong.Load())
	}
	if l.sent.Load() < 100 {
		t.Errorf("only %d queries were sent", l.sent.Load())
	}
}

// TestFastReloadUnderLoad guards each query against being lost while the sockets go from one configuration to the next,
// or the fast path begins or ends. A third of them takes the chain.
func TestFastReloadUnderLoad(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	l := startLoad(t, "127.0.0.1:"+port, 4000, func(i int) *dns.Msg {
		switch i % 6 {
		case 0:
			return withOPT(question("app.example.org", dns.TypeA), 0, unknown)
		case 1:
			return withOPT(withOPT(question("app.example.org", dns.TypeA), 0), 0) // stays with CoreDNS's socket
		}
		return question("app.example.org", dns.TypeA)
	}, func(m *dns.Msg) bool {
		return sorted(m) == sortedThree || m.Rcode == dns.RcodeFormatError && m.IsEdns0() != nil
	})
	for i := range 24 {
		reloadFast(t, s, port, reloadable(i%4 < 2, "", i))
	}
	l.end(t)
	checkFast(t, "127.0.0.1:"+port, "version.example.org", dns.TypeA, false, "198.51.100.23")
}

// TestFastReloadWhileQueriesWait guards queries that wait for another server when a reload comes, and ends the fast path
// or not: they are answered, and others do not wait for them.
func TestFastReloadWhileQueriesWait(t *testing.T) {
	corefile := func(directives, option string) string {
		return "example.org:PORT {\nbind 127.0.0.1\n" + directives + "\nroundrobin53 {\n" + option + "\n" + threeRecord +
			"fallthrough open.example.org\n}\nstall\n}"
	}
	for name, to := range map[string]string{
		"again":          corefile("errors", "fastpath"),
		"without option": corefile("", ""),
		"behind acl":     corefile("acl {\nallow\n}", "fastpath"),
	} {
		t.Run(name, func(t *testing.T) {
			s, port := startFast(t, corefile("", "fastpath"))
			entered, open := closeGate(t)
			conn, other := dial(t, "127.0.0.1:"+port), dial(t, "127.0.0.1:"+port)
			slow := question("x.open.example.org", dns.TypeTXT)
			sendOnly(t, conn, slow)
			awaitQuery(t, entered)
			done := make(chan error, 1)
			go func() { done <- s.reload(strings.ReplaceAll(to, "PORT", port)) }()
			eventually(t, "the reload is on its way", func() bool { return strings.Contains(s.log(), "[INFO] Reloading") })
			for range 50 {
				if m, _ := askRaw(t, other, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
					t.Fatalf("got %s", sorted(m))
				}
				time.Sleep(2 * time.Millisecond) // the reload goes on meanwhile
			}
			open()
			if m := readReply(t, conn, slow.Id); !isEcho(m) {
				t.Errorf("the slow reply is %v", m)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if m, _ := askRaw(t, other, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
				t.Fatalf("got %s", sorted(m))
			}
		})
	}
}

// TestFastShutdownWhileQueriesWait guards queries that wait for another server when the process ends: CoreDNS answers them
// before it does.
func TestFastShutdownWhileQueriesWait(t *testing.T) {
	for name, option := range map[string]string{"without fastpath": "", "with fastpath": "fastpath"} {
		t.Run(name, func(t *testing.T) {
			var conn *dns.Conn
			slow := question("x.open.example.org", dns.TypeTXT)
			entered, open := closeGate(t)
			t.Run("serving", func(st *testing.T) {
				_, port := startFast(st, "example.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n"+option+"\n"+threeRecord+"fallthrough open.example.org\n}\nstall\n}")
				conn = dial(t, "127.0.0.1:"+port)
				sendOnly(st, conn, slow)
				awaitQuery(st, entered)
				time.AfterFunc(300*time.Millisecond, open) // while the server stops
			})
			if m := readReply(t, conn, slow.Id); !isEcho(m) {
				t.Errorf("the slow reply is %v", m)
			}
		})
	}
}
