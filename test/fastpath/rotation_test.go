//go:build linux

package fastpath

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastRotation guards the one counter of a name, for all sockets and both ways: every value is first exactly once in
// n answers. Queries with an option that the fast path does not know take the chain.
func TestFastRotation(t *testing.T) {
	_, port := server.StartFast(t, server.FastZone())
	address := "127.0.0.1:" + port
	for range 3 { // a round
		server.AskFast(t, address, server.Question("app.example.org", dns.TypeA))
	}
	for _, tc := range []struct {
		name, mode string
		times      map[string]int
	}{
		{"app.example.org", "fast", map[string]int{"192.0.2.1": 1000, "192.0.2.2": 1000, "192.0.2.3": 1000}},
		{"app.example.org", "mixed", map[string]int{"192.0.2.1": 1000, "192.0.2.2": 1000, "192.0.2.3": 1000}},
		{"x.wild.example.org", "mixed", map[string]int{"192.0.2.1": 1000, "192.0.2.2": 1000, "192.0.2.3": 1000}},
		{"two.example.org", "mixed", map[string]int{"192.0.2.1": 1000, "192.0.2.2": 1000, "192.0.2.3": 1000}},
		{"weighted.example.org", "mixed", map[string]int{"192.0.2.1": 2250, "192.0.2.2": 750}},
		{"weighted.example.org", "fast", map[string]int{"192.0.2.1": 2250, "192.0.2.2": 750}},
	} {
		var mu sync.Mutex
		times := make(map[string]int)
		server.Flood(t, address, 32, 3000, func(i int) *dns.Msg {
			m := server.Question(tc.name, dns.TypeA)
			if tc.mode == "mixed" && i%3 == 0 {
				m = server.WithOPT(m, 0, server.UnknownOption)
			}
			return m
		}, func(_ int, m *dns.Msg) {
			mu.Lock()
			defer mu.Unlock()
			times[server.Addresses(m)[0]]++
		})
		if fmt.Sprint(times) != fmt.Sprint(tc.times) {
			t.Errorf("%s, %s: first were %v, want %v", tc.name, tc.mode, times, tc.times)
		}
	}
}

// TestFastRotationBesideTCP guards the counters of the two classes of transports: each takes its own turns.
func TestFastRotationBesideTCP(t *testing.T) {
	s, port := server.StartFast(t, server.FastZone())
	conn := server.Dial(t, "127.0.0.1:"+port)
	tcp, udp := "", ""
	for range 12 {
		tcp = server.TakeTurns(s, "tcp", "app.example.org", server.ThreeValues, tcp, 1)
		for range 2 {
			m, _ := server.AskRaw(t, conn, server.Question("app.example.org", dns.TypeA))
			if found := server.Addresses(m); udp != "" && found[0] != server.Next(server.ThreeValues, udp) {
				t.Fatalf("after %s came %s", udp, found[0])
			}
			udp = server.Addresses(m)[0]
		}
	}
}

// TestFastPairs guards the fair second choice.
func TestFastPairs(t *testing.T) {
	_, port := server.StartFast(t, server.FastZone())
	conn := server.Dial(t, "127.0.0.1:"+port)
	var answers [][]string
	for range 2 * 3 * 2 {
		m, _ := server.AskRaw(t, conn, server.Question("app.example.org", dns.TypeA))
		answers = append(answers, server.Addresses(m))
	}
	server.CheckPairs(t, answers, 3)
}

// TestFastRandom guards against a random order that is none.
func TestFastRandom(t *testing.T) {
	_, port := server.StartFast(t, server.FastZone())
	conn := server.Dial(t, "127.0.0.1:"+port)
	times := make(map[string]int)
	for range 600 {
		m, _ := server.AskRaw(t, conn, server.Question("random.example.org", dns.TypeA))
		times[strings.Join(server.Addresses(m), " ")]++
	}
	for order, n := range times {
		if n < 30 || n > 200 { // 100 are expected; by chance once in 10^13
			t.Errorf("%s came %d times of 600", order, n)
		}
	}
	if len(times) != 6 {
		t.Errorf("%d orders, want 6: %v", len(times), times)
	}
}

// TestFastChecks guards the verdicts: what is down leaves the answers of the fast path, and comes back.
func TestFastChecks(t *testing.T) {
	t.Parallel()
	signs := server.StartTarget(t)
	closed := "127.0.0.1:" + server.FreePort(t)
	_, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			check gone tcp://`+closed+` {
				`+server.QuickCheck+`
			}
			`+signs.Checks("web")+`
			record tcp A {
				value 192.0.2.1 check gone
				value 192.0.2.2
				value 192.0.2.3
			}
			record web A {
				value 192.0.2.1 check web
				value 192.0.2.2
				value 192.0.2.3
			}
			record none A 192.0.2.1 check gone all_down none
			record tiers A {
				value 192.0.2.1 priority 1 check gone
				value 192.0.2.2 priority 2
			}
		}
	}`)
	address := "127.0.0.1:" + port
	becomes := func(name, want string) {
		t.Helper()
		server.Eventually(t, name+" is "+want, func() bool {
			m, isFast := server.AskFast(t, address, server.Question(name, dns.TypeA))
			return server.SortedAddresses(m) == want && isFast == (want != "nodata") // which the chain answers
		})
	}
	becomes("tcp.example.org", "192.0.2.2 192.0.2.3")
	becomes("none.example.org", "nodata")
	becomes("tiers.example.org", "192.0.2.2")
	becomes("web.example.org", server.SortedThree)
	signs.Set(server.Fail, "web")
	becomes("web.example.org", "192.0.2.2 192.0.2.3")
	signs.Set(server.Pass, "web")
	becomes("web.example.org", server.SortedThree)
}
