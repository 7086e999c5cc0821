package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// RoundTrip sends a query and waits for its reply; replies that came too late for earlier queries are passed over.
func RoundTrip(conn *dns.Conn, m *dns.Msg) (*dns.Msg, error) {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		reply, err := conn.ReadMsg()
		if err != nil || reply.Id == m.Id {
			return reply, err
		}
	}
}

// Flood sends n queries over UDP, from several sockets with one query in flight on each. It calls got for every reply,
// from any goroutine; that a query gets none is an error.
func Flood(t *testing.T, address string, sockets, n int, query func(i int) *dns.Msg, got func(i int, m *dns.Msg)) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range sockets {
		wg.Go(func() {
			conn, err := dns.Dial("udp", Loopback(address))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.UDPSize = dns.MaxMsgSize
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				m, err := RoundTrip(conn, query(int(i)))
				if err != nil {
					t.Errorf("query %d: %v", i, err)
					return
				}
				got(int(i), m)
			}
		})
	}
	wg.Wait()
}

// Load asks some thousand times a second, from several sockets, until it is ended. Then it tells how many queries got no
// answer, or a wrong one, and of how many.
type Load struct {
	Sent atomic.Int64

	stop        chan struct{}
	clients     sync.WaitGroup
	lost, wrong atomic.Int64

	mu       sync.Mutex
	failures []string // the first queries that were lost or got a wrong answer
}

// StartLoad sends perSecond queries a second to an address. Query makes query i; isRight judges its
// answer.
func StartLoad(t *testing.T, address string, perSecond int, query func(i int) *dns.Msg, isRight func(m *dns.Msg) bool) *Load {
	t.Helper()
	l := &Load{stop: make(chan struct{})}
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
				l.Sent.Add(1)
				m, err := RoundTrip(conn, query(i))
				switch {
				case err != nil:
					l.lost.Add(1)
					l.note(query(i), err)
				case !isRight(m):
					l.wrong.Add(1)
					l.note(query(i), m)
				}
			}
		})
	}
	return l
}

// note keeps what became of a query, which tells by which of a server's sockets it was lost.
func (l *Load) note(m *dns.Msg, got any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) < 5 {
		l.failures = append(l.failures, fmt.Sprintf("%s\ngot %v", m, got))
	}
}

// End ends it and checks that all was answered.
func (l *Load) End(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.clients.Wait()
	if l.lost.Load() > 0 || l.wrong.Load() > 0 {
		t.Errorf("of %d queries, %d got no answer, %d a wrong one: %s", l.Sent.Load(), l.lost.Load(), l.wrong.Load(), l.failures)
	}
	if l.Sent.Load() < 100 {
		t.Errorf("only %d queries were sent", l.Sent.Load())
	}
}
