//go:build linux

package fastpath

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

	"github.com/roundrobin53/roundrobin53/test/server"
)

// turnsOn takes turns on a connection, as takeTurns does.
func turnsOn(t *testing.T, s *server.Server, conn *dns.Conn, last string, n int) string {
	t.Helper()
	for range n {
		m, _ := server.AskRaw(t, conn, server.Question("app.example.org", dns.TypeA))
		found := server.Addresses(m)
		if len(found) != 3 || !s.Follows(server.ThreeValues, last, found[0]) {
			t.Fatalf("after %s came %v", last, found)
		}
		last = found[0]
	}
	return last
}

// TestFastReload guards the rotation over reloads, be they from the fast path to the chain or back; and the zone, which
// is the new one as soon as the reload is done.
func TestFastReload(t *testing.T) {
	s, port := server.StartFast(t, server.ReloadableFast(true, "", 0))
	address := "127.0.0.1:" + port
	conn := server.Dial(t, address)
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
		server.ReloadFast(t, s, port, server.ReloadableFast(step.isFast, step.directives, i+1))
		server.CheckFast(t, address, "version.example.org", dns.TypeA, step.isUsed, fmt.Sprintf("198.51.100.%d", i+1))
		server.CheckFast(t, address, fmt.Sprintf("v%d.example.org", i+1), dns.TypeA, step.isUsed, "192.0.2.1")
		server.CheckFast(t, address, fmt.Sprintf("v%d.example.org", i), dns.TypeA, step.isUsed, "NXDOMAIN")
		if !strings.Contains(step.directives, "loadbalance") {
			turnsOn(t, s, conn, last, 4)
			m, isFast := server.AskFast(t, address, server.Question("app.example.org", dns.TypeA))
			if isFast != step.isUsed {
				t.Errorf("step %d: by the fast path %t, want %t", i, isFast, step.isUsed)
			}
			last = server.Addresses(m)[0]
		} else {
			last = ""
		}
	}
}

// TestFastSocketsChange guards the share of queries that the fast path gets, which is all, whatever sockets of CoreDNS a
// reload opens and closes. Each query comes from another port, so that no socket is left out.
func TestFastSocketsChange(t *testing.T) {
	s, port := server.StartFast(t, server.ReloadableFast(true, "multisocket 4", 0))
	for i, directives := range []string{"", "multisocket 4", "multisocket 2", "multisocket 3", ""} {
		server.AskFast(t, "127.0.0.1:"+port, server.Question("app.example.org", dns.TypeA))
		fast := 0
		const queries = 100
		for range queries {
			if m, octets := server.AskRaw(t, server.Dial(t, "127.0.0.1:"+port), server.Question("app.example.org", dns.TypeA)); server.IsCompressed(m, octets) {
				fast++
			}
		}
		if fast < queries {
			t.Errorf("before reload %d: %d of %d queries were answered by the fast path", i, fast, queries)
		}
		server.ReloadFast(t, s, port, server.ReloadableFast(true, directives, i+1))
	}
}

// TestFastSocketsFollowProcessors guards the number of the fast path's sockets, which a reload makes that of the processors:
// a container may have got more of them, or fewer.
func TestFastSocketsFollowProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	s, port := server.StartFast(t, server.ReloadableFast(true, "multisocket 2", 0))
	for i, step := range []struct{ processors, multisocket int }{{2, 2}, {4, 2}, {4, 3}, {1, 3}, {3, 1}} {
		runtime.GOMAXPROCS(step.processors)
		server.ReloadFast(t, s, port, server.ReloadableFast(true, fmt.Sprint("multisocket ", step.multisocket), i+1))
		want := step.processors + step.multisocket
		server.Eventually(t, fmt.Sprintf("%d sockets after reload %d", want, i), func() bool { return udpSockets(t, port) == want })
		server.CheckFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
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
	s, port := server.StartFast(t, server.ReloadableFast(true, "", 0))
	conn := server.Dial(t, "127.0.0.1:"+port)
	for i := 1; i < 40; i++ {
		isFast := i%4 != 3
		if err := s.Reload(strings.ReplaceAll(server.ReloadableFast(isFast, "", i), "PORT", port)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if m, _ := server.AskRaw(t, conn, server.Question("version.example.org", dns.TypeA)); server.SortedAddresses(m) != fmt.Sprintf("198.51.100.%d", i) {
				t.Errorf("after reload %d: %s", i, server.SortedAddresses(m))
			}
		}
	}
}

// TestFastFailedReload guards the fast path against a Corefile that fails, at whatever moment it does: it goes on.
func TestFastFailedReload(t *testing.T) {
	s, port := server.StartFast(t, server.ReloadableFast(true, "", 0))
	address := "127.0.0.1:" + port
	conn := server.Dial(t, address)
	last := turnsOn(t, s, conn, "", 4)
	for i := range 3 {
		for name, failing := range server.BadCorefiles(strings.ReplaceAll(server.ReloadableFast(i%2 == 0, "", 1), "PORT", port), server.BusyAddress(t)) {
			if err := s.Reload(failing); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			last = turnsOn(t, s, conn, last, 3)
			if m, octets := server.AskRaw(t, conn, server.Question("version.example.org", dns.TypeA)); server.SortedAddresses(m) != "198.51.100.0" || i > 0 && !server.IsCompressed(m, octets) {
				t.Errorf("%s: %s, compressed %t", name, server.SortedAddresses(m), server.IsCompressed(m, octets))
			}
		}
		server.ReloadFast(t, s, port, server.ReloadableFast(true, "", 0)+"# again")
		last = turnsOn(t, s, conn, last, 2)
		server.CheckFast(t, address, "version.example.org", dns.TypeA, true, "198.51.100.0")
	}
}

// TestFastShutdown guards what a server leaves behind: no socket that takes the packets of the next one, no goroutine.
func TestFastShutdown(t *testing.T) {
	goroutines, files := 0, 0
	for i := range 6 {
		var port string
		t.Run("serving", func(t *testing.T) {
			var s *server.Server
			s, port = server.StartFast(t, strings.Replace(server.ReloadableFast(true, "", i), "bind 127.0.0.1", "bind 127.0.0.1 ::1", 1))
			server.CheckFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
			if i%2 == 1 {
				server.ReloadFast(t, s, port, server.ReloadableFast(true, "", i))
			}
			if i%3 == 2 {
				server.ReloadFast(t, s, port, server.ReloadableFast(false, "", i))
			}
		})
		server.Eventually(t, "the port is free", func() bool { // CoreDNS's own sockets close when nothing refers to them
			runtime.GC()
			pc, err := net.ListenPacket("udp", "127.0.0.1:"+port)
			if err != nil {
				return false
			}
			return pc.Close() == nil
		})
		if i == 2 { // what is started once has been
			goroutines, files = runtime.NumGoroutine(), server.Descriptors(t)
		}
	}
	const few = 3
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
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
	s, port := server.StartFast(t, server.ReloadableFast(true, "", 0))
	busy := server.BusyAddress(t)
	corefile := func(i int) string { return server.ReloadableFast(i%3 != 1, "", i) }
	for i := range 6 {
		server.ReloadFast(t, s, port, corefile(i))
	}
	open := sockets(t, port)
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	for i := range 60 {
		server.ReloadFast(t, s, port, corefile(i))
		if i%10 == 0 {
			for name, failing := range server.BadCorefiles(strings.ReplaceAll(corefile(i), "PORT", port), busy) {
				if err := s.Reload(failing); err == nil {
					t.Fatalf("%s: reloaded, want an error", name)
				}
			}
		}
	}
	const few = 3
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
	if now := sockets(t, port); now != open {
		t.Errorf("sockets at the port went from %d to %d", open, now)
	}
	server.CheckFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
}

// TestFastOffLeavesNoFilter guards the sockets that a later reload adds: when the fast path is off, packets are shared out
// among all sockets again, as if it had never been on. Another socket stands for them.
func TestFastOffLeavesNoFilter(t *testing.T) {
	for _, wasFast := range []bool{false, true} {
		s, port := server.StartFast(t, server.ReloadableFast(wasFast, "", 0))
		address := "127.0.0.1:" + port
		server.ReloadFast(t, s, port, server.ReloadableFast(false, "", 1))
		another, err := reuseport.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		const queries = 200
		for range queries {
			server.SendOnly(t, server.Dial(t, address), server.Question("app.example.org", dns.TypeA))
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
