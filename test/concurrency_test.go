package test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// roundTrip sends a query and waits for its reply; replies that came too late for earlier queries are passed over.
func roundTrip(conn *dns.Conn, m *dns.Msg) (*dns.Msg, error) {
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

// flood sends n queries over UDP, from several sockets with one query in flight on each. It calls got for every reply,
// from any goroutine; that a query gets none is an error.
func flood(t *testing.T, address string, sockets, n int, query func(i int) *dns.Msg, got func(i int, m *dns.Msg)) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range sockets {
		wg.Go(func() {
			conn, err := dns.Dial("udp", loopback(address))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.UDPSize = dns.MaxMsgSize
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				m, err := roundTrip(conn, query(int(i)))
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

// TestParallelTurnsAreExact guards against cursors that are loaded and stored in two steps, or kept once for each socket
// or core: turns are lost, and some values serve more clients than others.
func TestParallelTurnsAreExact(t *testing.T) {
	const sockets, queries = 16, 16 * 625
	s := serve(t, `example.org:0 {
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7
			record few A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 answers 2
		}
	}`)
	const n = 7
	for _, name := range []string{"app.example.org", "few.example.org"} {
		var mu sync.Mutex
		first, pair := make(map[string]int), make(map[[2]string]int)
		flood(t, s.udp(0), sockets, queries,
			func(int) *dns.Msg { return question(name, dns.TypeA) },
			func(_ int, m *dns.Msg) {
				found := addresses(m)
				mu.Lock()
				defer mu.Unlock()
				if len(found) < 2 {
					t.Errorf("%s: answer %v", name, found)
					return
				}
				first[found[0]]++
				pair[[2]string{found[0], found[1]}]++
			})
		if len(first) != n || len(pair) != n*(n-1) {
			t.Errorf("%s: %d values and %d pairs came first, want %d and %d", name, len(first), len(pair), n, n*(n-1))
		}
		for value, times := range first {
			if times < queries/n || times > queries/n+1 {
				t.Errorf("%s: %s was first %d times of %d, want %d or one more", name, value, times, queries, queries/n)
			}
		}
		// The second choice takes the load of a dead first one: it may not always be the same.
		for values, times := range pair {
			if want := queries / (n * (n - 1)); times < want || times > want+1 {
				t.Errorf("%s: %v came first %d times of %d, want %d or one more", name, values, times, queries, want)
			}
		}
	}
}

// TestFamiliesTakeTurnsApart guards against one cursor for A and AAAA: a client that asks for both would always get the
// same half of the addresses.
func TestFamiliesTakeTurnsApart(t *testing.T) {
	s := serve(t, `example.org:0 {
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
		}
	}`)
	sixes := []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
	var udp4, udp6, tcp4 string
	for range 12 {
		udp4 = takeTurns(s, "udp", "app.example.org", threeValues, udp4, 1)
		udp6 = takeTurns(s, "udp", "aPP.Example.org", sixes, udp6, 1)
		tcp4 = takeTurns(s, "tcp", "app.example.org", threeValues, tcp4, 1)
		// What is no answer takes no turn.
		s.ask("app.example.org", dns.TypeANY)
		s.ask("app.example.org", dns.TypeTXT)
		s.ask("nowhere.example.org", dns.TypeA)
	}
}
