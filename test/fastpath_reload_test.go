//go:build linux

package test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
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
func turnsOn(t *testing.T, s *server, conn *dns.Conn, last string, n int) string {
	t.Helper()
	for range n {
		m, _ := askRaw(t, conn, question("app.example.org", dns.TypeA))
		found := addresses(m)
		if len(found) != 3 || !s.follows(threeValues, last, found[0]) {
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
	last := turnsOn(t, s, conn, "", 4)
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
		{true, "prometheus 127.0.0.1:0", true},
	} {
		reloadFast(t, s, port, reloadable(step.isFast, step.directives, i+1))
		checkFast(t, address, "version.example.org", dns.TypeA, step.isUsed, fmt.Sprintf("198.51.100.%d", i+1))
		checkFast(t, address, fmt.Sprintf("v%d.example.org", i+1), dns.TypeA, step.isUsed, "192.0.2.1")
		checkFast(t, address, fmt.Sprintf("v%d.example.org", i), dns.TypeA, false, "NXDOMAIN")
		if !strings.Contains(step.directives, "loadbalance") {
			last = turnsOn(t, s, conn, last, 4)
			m, isFast := askFast(t, address, question("app.example.org", dns.TypeA))
			if isFast != step.isUsed {
				t.Errorf("step %d: by the fast path %t, want %t", i, isFast, step.isUsed)
			}
			last = addresses(m)[0]
		} else {
			last = ""
		}
	}
}

// TestFastSocketsChange guards the share of queries that the fast path gets, which is all, whatever sockets of CoreDNS a
// reload opens and closes. Each query comes from another port, so that no socket is left out.
func TestFastSocketsChange(t *testing.T) {
	s, port := startFast(t, reloadable(true, "multisocket 4", 0))
	for i, directives := range []string{"", "multisocket 4", "multisocket 2", "multisocket 3", ""} {
		askFast(t, "127.0.0.1:"+port, question("app.example.org", dns.TypeA))
		fast := 0
		const queries = 100
		for range queries {
			if m, octets := askRaw(t, dial(t, "127.0.0.1:"+port), question("app.example.org", dns.TypeA)); isCompressed(m, octets) {
				fast++
			}
		}
		if fast < queries {
			t.Errorf("before reload %d: %d of %d queries were answered by the fast path", i, fast, queries)
		}
		reloadFast(t, s, port, reloadable(true, directives, i+1))
	}
}

// TestFastSocketsFollowProcessors guards the number of the fast path's sockets, which a reload makes that of the processors:
// a container may have got more of them, or fewer.
func TestFastSocketsFollowProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	s, port := startFast(t, reloadable(true, "multisocket 2", 0))
	for i, step := range []struct{ processors, multisocket int }{{2, 2}, {4, 2}, {4, 3}, {1, 3}, {3, 1}} {
		runtime.GOMAXPROCS(step.processors)
		reloadFast(t, s, port, reloadable(true, fmt.Sprint("multisocket ", step.multisocket), i+1))
		want := step.processors + step.multisocket
		eventually(t, fmt.Sprintf("%d sockets after reload %d", want, i), func() bool { return udpSockets(t, port) == want })
		checkFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
	}
}

// udpSockets is how many UDP sockets of IPv4 are bound to a port.
func udpSockets(t *testing.T, port string) int {
	t.Helper()
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(table), fmt.Sprintf(" 0100007F:%04X 00000000:0000", number))
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
	last := turnsOn(t, s, conn, "", 4)
	for i := range 3 {
		for name, failing := range bad(strings.ReplaceAll(reloadable(i%2 == 0, "", 1), "PORT", port), busyAddress(t)) {
			if err := s.reload(failing); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			last = turnsOn(t, s, conn, last, 3)
			if m, octets := askRaw(t, conn, question("version.example.org", dns.TypeA)); sorted(m) != "198.51.100.0" || i > 0 && !isCompressed(m, octets) {
				t.Errorf("%s: %s, compressed %t", name, sorted(m), isCompressed(m, octets))
			}
		}
		reloadFast(t, s, port, reloadable(true, "", 0)+"# again")
		last = turnsOn(t, s, conn, last, 2)
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

// TestFastOffLeavesNoFilter guards the sockets that a later reload adds: when the fast path is off, packets are shared out
// among all sockets again, as if it had never been on. Another socket stands for them.
func TestFastOffLeavesNoFilter(t *testing.T) {
	for _, wasFast := range []bool{false, true} {
		s, port := startFast(t, reloadable(wasFast, "", 0))
		address := "127.0.0.1:" + port
		reloadFast(t, s, port, reloadable(false, "", 1))
		another, err := reuseport.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		const queries = 200
		for range queries {
			sendOnly(t, dial(t, address), question("app.example.org", dns.TypeA))
		}
		_ = another.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		got := 0
		for buf := make([]byte, dns.MinMsgSize); ; got++ {
			if _, _, err := another.ReadFrom(buf); err != nil {
				break
			}
		}
		_ = another.Close()
		if got == 0 { // by chance once in 10^60
			t.Errorf("fast before: %t: of %d packets, another socket got none", wasFast, queries)
		}
	}
}
