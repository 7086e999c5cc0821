package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// One answered query for the owner is one step, and nothing else is: addresses in an additional section, ANY and NODATA
// moved the cursor elsewhere, so that a resolver that asked in a fixed pattern always met the same address first.
func TestOnlyAnswersTakeTurns(t *testing.T) {
	var values []string
	for i := range 7 { // so many that all turns of the test come before the first slip
		values = append(values, fmt.Sprintf("192.0.2.%d", i))
	}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			ns host
			record host A `+strings.Join(values, " ")+`
			record host MX 10 host
			record _sip._udp SRV 10 0 5060 host
			record web HTTPS 1 host
			record _dns SVCB 1 host
			record sub NS host
			record alias CNAME host
		}
	}`)
	for _, c := range []struct {
		name  string
		qname string
		qtype uint16
		steps int
	}{
		{"MX", "host.example.com", dns.TypeMX, 0},
		{"SRV", "_sip._udp.example.com", dns.TypeSRV, 0},
		{"NS", "example.com", dns.TypeNS, 0},
		{"HTTPS", "web.example.com", dns.TypeHTTPS, 0},
		{"SVCB", "_dns.example.com", dns.TypeSVCB, 0},
		{"referral", "www.sub.example.com", dns.TypeA, 0},
		{"ANY", "host.example.com", dns.TypeANY, 0},
		{"NODATA", "host.example.com", dns.TypeAAAA, 0},
		{"NODATA of an alias", "alias.example.com", dns.TypeAAAA, 0},
		{"NXDOMAIN", "none.host.example.com", dns.TypeA, 0},
		{"CNAME alone", "alias.example.com", dns.TypeCNAME, 0},
		{"alias", "alias.example.com", dns.TypeA, 1},
		{"the name itself", "host.example.com", dns.TypeA, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := server.FirstAddress(t, s, "udp", "host.example.com", dns.TypeA)
			const asked = 4 // not a multiple of seven: every step would show
			for range asked {
				server.Send(t, s, "udp", server.Question(c.qname, c.qtype))
			}
			for range asked*c.steps + 1 {
				want = server.Next(values, want)
			}
			if got := server.FirstAddress(t, s, "udp", "host.example.com", dns.TypeA); got != want {
				t.Errorf("after %d x %s %s: %s is first, want %s", asked, c.qname, dns.TypeToString[c.qtype], got, want)
			}
		})
	}
}

// A and AAAA have counters of their own: with one for both, a client that asks for both in turn always gets the same A.
func TestFamiliesHaveCountersOfTheirOwn(t *testing.T) {
	var corefile strings.Builder
	corefile.WriteString("example.com:0 {\nroundrobin53 {\n")
	for n := 2; n <= 5; n++ {
		fmt.Fprintf(&corefile, "record n%d", n)
		for i := range n {
			fmt.Fprintf(&corefile, " 192.0.2.%d 2001:db8::%d", i, i)
		}
		corefile.WriteString("\n")
	}
	corefile.WriteString("}\n}\n")
	s := server.Start(t, corefile.String())

	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprintf("%d values", n), func(t *testing.T) {
			const rounds = 6
			counts := make(map[string]int)
			for range rounds * n {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
					counts[server.FirstAddress(t, s, "udp", fmt.Sprintf("n%d.example.com", n), qtype)]++
				}
			}
			if len(counts) != 2*n {
				t.Errorf("%d addresses were first, want %d: %v", len(counts), 2*n, counts)
			}
			for address, count := range counts {
				if count != rounds {
					t.Errorf("%s was first %d times, want %d", address, count, rounds)
				}
			}
		})
	}
}

// The ordered pairs (first, second) come equally often: else the load of a dead address goes to its neighbour alone.
func TestPairsAreEven(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4
		}
	}`)
	const n = 4
	pairs := make(map[string]int)
	for range n * (n - 1) {
		all := server.Addresses(s.Ask("www.example.com", dns.TypeA))
		pairs[all[0]+" "+all[1]]++
	}
	if len(pairs) != n*(n-1) {
		t.Errorf("%d ordered pairs in %d answers, want all: %v", len(pairs), n*(n-1), pairs)
	}
}

// UDP and streams have counters of their own: a resolver that gets TC asks again over TCP, and with one counter for both
// its TCP answers would begin with only half of the values.
func TestTransportsHaveCountersOfTheirOwn(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2"}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A `+strings.Join(values, " ")+`
		}
	}`)
	before := make(map[string]string)
	for range 10 {
		for _, network := range []string{"udp", "tcp"} {
			now := server.FirstAddress(t, s, network, "www.example.com", dns.TypeA)
			if was, ok := before[network]; ok && now != server.Next(values, was) {
				t.Fatalf("%s: %s came twice in a row", network, now)
			}
			before[network] = now
		}
	}
}
