package names

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// A counter is a secondary that counts the messages it is told something by. A message that is sent again counts once.
type counter struct {
	address string

	mu  sync.Mutex
	ids map[uint16]bool
}

func startCounter(t *testing.T) *counter {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{address: conn.LocalAddr().String(), ids: make(map[uint16]bool)}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		if r.Opcode == dns.OpcodeNotify {
			c.mu.Lock()
			c.ids[r.Id] = true
			c.mu.Unlock()
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(r))
	})}
	go func() { _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = s.Shutdown() })
	return c
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// TestNamesNotifySeldom guards secondaries of a zone whose values change all the time: there are many changes, and a NOTIFY
// every five seconds at most, the first one at the start.
func TestNamesNotifySeldom(t *testing.T) {
	t.Parallel()
	n, secondary := nameserver.Start(t), startCounter(t)
	n.Fail("", nameserver.ServFail)
	const names, interval = 12, 5 * time.Second
	var records strings.Builder
	for i := range names {
		fmt.Fprintf(&records, "record app%d A seldom%d.example.net.\n", i, i)
	}
	began := time.Now()
	s := server.Start(t, strings.Replace(n.Corefile(records.String()), "roundrobin53", "transfer {\nto * "+secondary.address+"\n}\nroundrobin53", 1))
	check := func() {
		t.Helper()
		got := secondary.count() // first: it can only grow while the time is read
		if most := 1 + int(time.Since(began)/interval); got > most {
			t.Errorf("%d NOTIFY within %s of the start, want %d at most", got, time.Since(began), most)
		}
	}
	told := 0
	for round := range 2 { // what failed is asked for again after a second, and what did not when its TTL ends; each at its own time
		told = secondary.count()
		for i := range names {
			n.Set(fmt.Sprintf("seldom%d.example.net.", i), fmt.Sprintf("5 A 192.0.2.%d", 10*i+round))
		}
		n.Fail("", nameserver.None)
		for i := range names {
			server.AwaitAddresses(t, s, fmt.Sprintf("app%d.example.org", i), dns.TypeA, fmt.Sprintf("192.0.2.%d", 10*i+round))
			check()
		}
	}
	server.Eventually(t, "the last change is told", func() bool { return secondary.count() > told })
	check()
	if changes := strings.Count(s.Log(), "lookups: seldom"); changes < 2*names {
		t.Errorf("%d changes in the log, want %d at least:\n%s", changes, 2*names, s.Log())
	}
}
