package test

import (
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestParallelTurnsAreExact guards against cursors that are loaded and stored in two steps, or kept once for each socket
// or core: turns are lost, and some values serve more clients than others.
func TestParallelTurnsAreExact(t *testing.T) {
	const sockets, queries = 16, 16 * 625
	s := server.Serve(t, `example.org:0 {
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7
			record few A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 answers 2
		}
	}`)
	const n = 7
	for _, name := range []string{"app.example.org", "few.example.org"} {
		var mu sync.Mutex
		first, pair := make(map[string]int), make(map[[2]string]int)
		server.Flood(t, s.UDP(0), sockets, queries,
			func(int) *dns.Msg { return server.Question(name, dns.TypeA) },
			func(_ int, m *dns.Msg) {
				found := server.Addresses(m)
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
	s := server.Serve(t, `example.org:0 {
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
		}
	}`)
	sixes := []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
	var udp4, udp6, tcp4 string
	for range 12 {
		udp4 = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, udp4, 1)
		udp6 = server.TakeTurns(s, "udp", "aPP.Example.org", sixes, udp6, 1)
		tcp4 = server.TakeTurns(s, "tcp", "app.example.org", server.ThreeValues, tcp4, 1)
		// What is no answer takes no turn.
		s.Ask("app.example.org", dns.TypeANY)
		s.Ask("app.example.org", dns.TypeTXT)
		s.Ask("nowhere.example.org", dns.TypeA)
	}
}
