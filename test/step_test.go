package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestNobodyIsInStep guards clients that ask in turn, as two resolvers may, or one that looks a name up twice for each
// connection: with strict turns each of two would get half of an even number of values, and of two values one. Each of k
// clients gets every value first within 8·k rounds, whether it asks with EDNS or without.
func TestNobodyIsInStep(t *testing.T) {
	var lines []string
	for n := 2; n <= 16; n++ {
		lines = append(lines, fmt.Sprintf("record n%d %s", n, strings.Join(server.ManyAddresses(n, dns.TypeA), " ")))
	}
	s := server.Start(t, server.Block("step.example.org", append(lines,
		server.PolicyRecord("n3-weighted", "a2 b1 c1", ""),
		server.PolicyRecord("n4-weighted", "a5 b3 c3 d1", "answers all"))...))
	const clients = 8
	check := func(name string, values, round int) {
		t.Run(name, func(t *testing.T) {
			var first []string
			for i := range clients * server.SlipAfter * round {
				m := server.Question(name+".step.example.org", dns.TypeA)
				if i%2 > 0 {
					m = server.WithOPT(m, 0)
				}
				first = append(first, server.Addresses(server.Send(t, s, "udp", m))[0])
			}
			for of := 2; of <= clients; of++ {
				for client := range of {
					if got := everyNth(first[:of*server.SlipAfter*round], client, of); len(got) != values {
						t.Errorf("client %d of %d got %d of %d values first: %v", client, of, len(got), values, got)
					}
				}
			}
		})
	}
	for n := 2; n <= 16; n++ {
		check(fmt.Sprintf("n%d", n), n, n)
	}
	check("n3-weighted", 3, 4)
	check("n4-weighted", 4, 12)
}

// everyNth counts the values at a place and at each so many further on.
func everyNth(values []string, from, step int) map[string]int {
	counts := make(map[string]int)
	for i := from; i < len(values); i += step {
		counts[values[i]]++
	}
	return counts
}

// TestPageLoad guards a client that asks two names one after the other, again and again, where both take their turns from
// one counter: it gets both values for each.
func TestPageLoad(t *testing.T) {
	s := server.Start(t, server.Block("page.example.org", `record app 192.0.2.1 192.0.2.2
		record www CNAME app
		record static CNAME app
		record * 192.0.2.1 192.0.2.2`))
	for _, names := range [][]string{{"www", "static"}, {"a", "b"}} {
		counts := make(map[string]int)
		for range 4 * server.SlipAfter {
			for _, name := range names {
				counts[name+" "+server.Addresses(s.Ask(name+".page.example.org", dns.TypeA))[0]]++
			}
		}
		if all := slices.Sorted(maps.Values(counts)); !slices.Equal(all, []int{16, 16, 16, 16}) {
			t.Errorf("first were %v, want each value 16 times for each name", counts)
		}
	}
}
