package test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestReloadKeepsRotation guards against a rotation that starts anew with every change of the Corefile: then the first
// values get more than their share.
func TestReloadKeepsRotation(t *testing.T) {
	const corefile = `example.org:0 {
		roundrobin53 {
			%s
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record *.wild A 192.0.2.1 192.0.2.2 192.0.2.3
			record alias CNAME app
		}
	}
	%s`
	sixes := []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
	s := server.Serve(t, fmt.Sprintf(corefile, "", ""))
	var a, aaaa, tcp, wild string
	for i, change := range []struct{ line, block string }{
		{"", ""},
		{"record other 30 A 192.0.2.9", ""},
		{"record other 30 A 192.0.2.9\nttl 30", ""},
		{"", "example.net:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}"},
		{"record zero TXT x", "example.net:0 {\nwhoami\n}"},
		{"", ""},
	} {
		server.MustReload(t, s, fmt.Sprintf(corefile, change.line, change.block))
		if i%2 == 1 { // two reloads without a query between them
			server.MustReload(t, s, fmt.Sprintf(corefile, change.line, change.block+"\n# again"))
		}
		a = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, a, 1)
		a = server.TakeTurns(s, "udp", "alias.example.org", server.ThreeValues, a, 1)
		aaaa = server.TakeTurns(s, "udp", "app.example.org", sixes, aaaa, 4)
		tcp = server.TakeTurns(s, "tcp", "app.example.org", server.ThreeValues, tcp, 1)
		wild = server.TakeTurns(s, "udp", "a.wild.example.org", server.ThreeValues, wild, 2)
	}
}

// TestReloadKeepsOrderOfPairs guards the whole position, not only the next first value: the second values go on too.
func TestReloadKeepsOrderOfPairs(t *testing.T) {
	const corefile = "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4\nrecord n%d A 192.0.2.9\n}\n}"
	s := server.Serve(t, fmt.Sprintf(corefile, 0))
	pairs := make(map[string]int)
	for i := range 2 * 4 * 3 {
		pairs[strings.Join(server.Addresses(s.Ask("app.example.org", dns.TypeA))[:2], " ")]++
		server.MustReload(t, s, fmt.Sprintf(corefile, i))
	}
	for pair, times := range pairs {
		if times != 2 {
			t.Errorf("%s came %d times, want 2: %v", pair, times, pairs)
		}
	}
}

// TestNewRecordsStartAtRandom guards against replicas that move in step after the same change.
func TestNewRecordsStartAtRandom(t *testing.T) {
	s := server.Serve(t, "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}")
	values := strings.Fields(server.AddressList(100, false))
	first := make(map[string]bool)
	for i := range 10 {
		server.MustReload(t, s, fmt.Sprintf("example.org:0 {\nroundrobin53 {\nrecord new%d A %s answers 1\n}\n}", i, strings.Join(values, " ")))
		first[server.Addresses(s.Ask(fmt.Sprintf("new%d.example.org", i), dns.TypeA))[0]] = true
	}
	if len(first) < 3 { // by chance once in 10^14
		t.Errorf("ten new records of a hundred values all start with one of %v", first)
	}
}

// TestEqualBlocksKeepTheirOwnCounters guards blocks that only their position tells apart.
func TestEqualBlocksKeepTheirOwnCounters(t *testing.T) {
	const block = `a.org:0 {
		view %s {
			expr %s
		}
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record n%d A 192.0.2.9
		}
	}
	`
	for _, names := range [][2]string{{"same", "same"}, {"signed", "unsigned"}} {
		corefile := func(i int) string {
			return fmt.Sprintf(block, names[0], "do()", i) + fmt.Sprintf(block, names[1], "!do()", i)
		}
		s := server.Serve(t, corefile(0))
		signed, unsigned := server.Turns{Name: "app.a.org", Values: server.ThreeValues, Edns: true}, server.Turns{Name: "app.a.org", Values: server.ThreeValues}
		for i := range 4 {
			for range 2 {
				signed.Take(t, s.UDP(0))
				signed.Take(t, s.UDP(0))
				unsigned.Take(t, s.UDP(0))
			}
			server.MustReload(t, s, corefile(i))
		}
	}
}

// TestBadReloadChangesNothing guards the running server against a Corefile that fails, at whatever moment it does.
func TestBadReloadChangesNothing(t *testing.T) {
	const good = "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 192.0.2.3\n}\n}\n"
	s := server.Serve(t, good)
	last := ""
	// The failing one has other records, and some of the same name.
	changed := strings.Replace(good, "record app", "record extra A 192.0.2.9\nrecord app 5", 1)
	for range 2 {
		for name, corefile := range server.BadCorefiles(changed, server.BusyAddress(t)) {
			last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
			serial := server.Section(s.Ask("example.org", dns.TypeSOA).Answer)
			if err := s.Reload(corefile); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
			if m := s.Ask("extra.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError {
				t.Errorf("%s: the failed Corefile answers: %v", name, m)
			}
			if ttl := s.Ask("nowhere.example.org", dns.TypeA); len(ttl.Ns) != 1 {
				t.Errorf("%s: no SOA: %v", name, ttl)
			}
			if got := server.Section(s.Ask("example.org", dns.TypeSOA).Answer); got != serial {
				t.Errorf("%s: the SOA is %s, and was %s", name, got, serial)
			}
			last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
		}
		server.MustReload(t, s, good+"# again")
	}
}

// TestFailedStartLeavesNoCounter guards against counters that a failed Corefile hands on: what it had and the running
// one does not is gone, and a record of the next Corefile is new.
func TestFailedStartLeavesNoCounter(t *testing.T) {
	const without = "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}\n"
	values := strings.Fields(server.AddressList(10_000, false))
	with := strings.Replace(without, "record", "record new A "+strings.Join(values, " ")+" answers 1\nrecord", 1)
	s := server.Serve(t, without)
	server.MustReload(t, s, with)
	before := server.Addresses(s.Ask("new.example.org", dns.TypeA))[0]
	server.MustReload(t, s, without)
	if err := s.Reload(server.BadCorefiles(with, server.BusyAddress(t))["later plugin"]); err == nil {
		t.Fatal("reloaded, want an error")
	}
	server.MustReload(t, s, with)
	after := server.Addresses(s.Ask("new.example.org", dns.TypeA))[0]
	for i, value := range values {
		if value == before && values[(i+1)%len(values)] == after { // by chance once in 10,000
			t.Errorf("the rotation of a record that was gone goes on: %s, then %s", before, after)
		}
	}
}

// TestHundredReloadsLeaveNothing guards against goroutines, sockets and timers that a reload leaves behind, be it of the
// old instance or of one that failed.
func TestHundredReloadsLeaveNothing(t *testing.T) {
	const corefile = `example.org:0 {
		transfer {
			to 127.0.0.1:1
		}
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record n%d A 192.0.2.9
		}
	}
	`
	s := server.Serve(t, fmt.Sprintf(corefile, 0))
	busy := server.BusyAddress(t)
	server.MustReload(t, s, fmt.Sprintf(corefile, 1))
	last := server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 1)
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	for i := 0; i < 100; {
		for name, failing := range server.BadCorefiles(fmt.Sprintf(corefile, i), busy) {
			if err := s.Reload(failing); err == nil {
				t.Fatalf("%s: reloaded, want an error", name)
			}
			server.MustReload(t, s, fmt.Sprintf(corefile, i))
			last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 1)
			i += 2
		}
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		stacks := make([]byte, 1<<20)
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d\n%s", goroutines, nowGoroutines, files, nowFiles, stacks[:runtime.Stack(stacks, true)])
	}
}

// notified is a name server that is told of changes.
type notified struct{ net.PacketConn }

// startNotified starts a secondary until the test ends.
func startNotified(t *testing.T) notified {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return notified{pc}
}

// heard waits for a NOTIFY. It is nil if there comes none.
func (s notified) heard(timeout time.Duration) *dns.Msg {
	buf := make([]byte, 512)
	_ = s.SetReadDeadline(time.Now().Add(timeout))
	n, from, err := s.ReadFrom(buf)
	if err != nil {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(buf[:n]); err != nil {
		return nil
	}
	reply, _ := new(dns.Msg).SetReply(m).Pack()
	_, _ = s.WriteTo(reply, from)
	return m
}

// notifyTime is longer than the plugin waits before it notifies.
const notifyTime = 1500 * time.Millisecond

// TestFailedStartNotifiesNobody guards secondaries against NOTIFY messages for zones that are never served.
func TestFailedStartNotifiesNobody(t *testing.T) {
	t.Parallel()
	secondary := startNotified(t)
	good := "example.org:0 {\ntransfer {\nto " + secondary.LocalAddr().String() + "\n}\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}\n"
	s := server.Serve(t, good)
	if m := secondary.heard(10 * time.Second); m == nil || m.Opcode != dns.OpcodeNotify {
		t.Fatalf("after the start came %v, want a NOTIFY", m)
	}
	changed := strings.Replace(good, "192.0.2.1", "192.0.2.2", 1)
	for _, name := range []string{"later plugin", "busy port"} {
		if err := s.Reload(server.BadCorefiles(changed, server.BusyAddress(t))[name]); err == nil {
			t.Fatalf("%s: reloaded, want an error", name)
		}
	}
	if m := secondary.heard(notifyTime); m != nil {
		t.Errorf("after failed starts came a NOTIFY: %v", m)
	}
	server.MustReload(t, s, changed)
	if m := secondary.heard(10 * time.Second); m == nil {
		t.Error("after a good reload came no NOTIFY")
	}
}

// TestFailedFirstUseLeavesNothing guards a reload that brings the plugin in and fails: caddy tells nobody of the failure
// but the old instance, where the plugin is not.
func TestFailedFirstUseLeavesNothing(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	secondary := startNotified(t)
	const without = "example.org:0 {\nwhoami\n}\n"
	with := "example.org:0 {\ntransfer {\nto " + secondary.LocalAddr().String() + "\n}\nroundrobin53 {\nrecord app A 192.0.2.1 metrics\n}\n}\n"
	s := server.Serve(t, without)
	if err := s.Reload(server.BadCorefiles(with, server.BusyAddress(t))["later plugin"]); err == nil {
		t.Fatal("reloaded, want an error")
	}
	if zones := server.Series(t, "coredns_roundrobin53_zones")[""]; zones != 0 {
		t.Errorf("%v zones, and none is served", zones)
	}
	if got := server.FirstPicks(t); len(got) > 0 {
		t.Errorf("first picks %v, and nothing is served", got)
	}
	if m := secondary.heard(notifyTime); m != nil {
		t.Errorf("after the failed start came a NOTIFY: %v", m)
	}
}

// manyNames is a Corefile of 10,000 names, answered by us or by file.
func manyNames(t *testing.T, file bool) (corefile func(i int) string) {
	t.Helper()
	const names = 10_000
	var records strings.Builder
	if file {
		records.WriteString("$ORIGIN example.org.\n@ 60 IN SOA ns admin 1 7200 1800 1209600 60\n@ 60 IN NS ns\n")
	}
	for i := range names {
		if file {
			fmt.Fprintf(&records, "n%d 60 IN A 192.0.2.1\nn%d 60 IN A 192.0.2.2\n", i, i)
		} else {
			fmt.Fprintf(&records, "record n%d A 192.0.2.1 192.0.2.2\n", i)
		}
	}
	if file {
		path := server.ZoneFile(t, records.String())
		return func(i int) string {
			return fmt.Sprintf("example.org:0 {\nfile %s\n}\nv%d.example.net:0 {\nwhoami\n}\n", path, i)
		}
	}
	return func(i int) string {
		return fmt.Sprintf("example.org:0 {\nroundrobin53 {\n%s\n}\n}\nv%d.example.net:0 {\nwhoami\n}\n", records.String(), i)
	}
}

// lossDuringReloads is how many queries, at some 5,000 a second, get no answer while a server reloads, and of how many.
func lossDuringReloads(t *testing.T, corefile func(i int) string, reloads int) (lost, sent int64) {
	t.Helper()
	s := server.Serve(t, corefile(0))
	address := server.Loopback(s.UDP(0))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var queries, losses atomic.Int64
	const sockets, perSecond = 10, 5000
	for socket := range sockets {
		wg.Go(func() {
			conn, err := dns.Dial("udp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			pace := time.NewTicker(time.Second * sockets / perSecond)
			defer pace.Stop()
			for i := socket; ; i += sockets {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				queries.Add(1)
				m, err := server.RoundTrip(conn, server.Question(fmt.Sprintf("n%d.example.org", i%10_000), dns.TypeA))
				if err != nil || len(m.Answer) != 2 {
					losses.Add(1)
				}
			}
		})
	}
	for i := range reloads {
		// Some queries between two reloads, whatever the machine's speed.
		for before, deadline := queries.Load(), time.Now().Add(10*time.Second); queries.Load() < before+500; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no queries are answered")
			}
		}
		server.MustReload(t, s, corefile(i+1))
	}
	close(stop)
	wg.Wait()
	return losses.Load(), queries.Load()
}

// TestReloadUnderLoadLosesNothing guards the promise that a change of the Corefile costs no client an answer, and the
// comparison with the file plugin.
func TestReloadUnderLoadLosesNothing(t *testing.T) {
	const reloads = 8
	fileLost, fileSent := lossDuringReloads(t, manyNames(t, true), reloads)
	lost, sent := lossDuringReloads(t, manyNames(t, false), reloads)
	t.Logf("lost %d of %d, file %d of %d", lost, sent, fileLost, fileSent)
	if lost > 0 {
		t.Errorf("%d of %d queries lost during %d reloads, want none; file lost %d of %d", lost, sent, reloads, fileLost, fileSent)
	}
}

// TestTurnsAreExactAcrossReloads guards the moment when the old and the new instance both answer: had they a counter
// each, turns would come twice.
func TestTurnsAreExactAcrossReloads(t *testing.T) {
	const corefile = "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 192.0.2.3\nrecord n%d A 192.0.2.9\n}\n}\n"
	s := server.Serve(t, fmt.Sprintf(corefile, 0))
	const queries = 20_001
	var reloads, failed int
	done := make(chan struct{})
	first := make(map[string]int)
	var mu sync.Mutex
	address, busy := s.UDP(0), server.BusyAddress(t)
	go func() {
		defer close(done)
		server.Flood(t, address, 8, queries, func(int) *dns.Msg { return server.Question("app.example.org", dns.TypeA) }, func(_ int, m *dns.Msg) {
			mu.Lock()
			defer mu.Unlock()
			first[server.Addresses(m)[0]]++
		})
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			reloads++
			if reloads%3 == 0 {
				failed++
				if err := s.Reload(server.BadCorefiles(fmt.Sprintf(corefile, reloads), busy)["busy port"]); err == nil {
					t.Error("reloaded, want an error")
				}
				continue
			}
			server.MustReload(t, s, fmt.Sprintf(corefile, reloads))
		}
	}
	t.Logf("%d reloads, %d of them failed", reloads, failed)
	for value, times := range first {
		if times != queries/3 {
			t.Errorf("%s was first %d times of %d, want %d", value, times, queries, queries/3)
		}
	}
}

// TestReloadKeepsReadiness guards a replica against being taken out of service by a change of its Corefile.
func TestReloadKeepsReadiness(t *testing.T) {
	address := "127.0.0.1:" + server.FreePort(t)
	good := "example.org:0 {\nready " + address + "\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}\nexample.net:0 {\nroundrobin53 {\nrecord app A 192.0.2.1\n}\n}\n"
	s := server.Serve(t, good)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			// The ready plugin itself closes its port for a moment at each reload, and may say so. What it may not say is
			// the name of a plugin that is not ready.
			if body, err := server.Readiness(address); err == nil && body != "OK" && body != "Shutting down" {
				t.Errorf("%q during reloads, want OK", body)
			}
		}
	})
	check := func(when string) {
		t.Helper()
		if body, err := server.Readiness(address); err != nil || body != "OK" {
			t.Errorf("%s: %q (%v), want OK", when, body, err)
		}
	}
	check("after the start")
	for i := range 10 {
		server.MustReload(t, s, good+fmt.Sprintf("v%d.example.net:0 {\nwhoami\n}\n", i))
		check("after a reload")
	}
	if err := s.Reload(server.BadCorefiles(good, server.BusyAddress(t))["syntax"]); err == nil {
		t.Error("reloaded, want an error")
	}
	check("after a failed reload")
	close(stop)
	wg.Wait()
}
