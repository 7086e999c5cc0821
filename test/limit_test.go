package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

const twenty = "a b c d e f g h i j k l m n o p q r s t"

// At most so many values are answered, each as often as the others, in the first place and at all.
func TestLimit(t *testing.T) {
	const few, others = "a b c d e", "f g h i j k l m n o p q r s t"
	server.CheckPolicies(t, "limit.example.org", "", []server.PolicyCase{
		{Row: "77", Values: server.WithSign(twenty, "+"), Options: "answers 8", Want: twenty, Each: 8},
		{Row: "77", Values: server.WithSign(few, "+") + " " + server.WithSign(others, "-"), Options: "answers 8", Want: few},
		{Row: "77", Values: server.WithSign(twenty, "-"), Options: "answers 8", Want: twenty, Each: 8},
		{Row: "77", Values: server.WithSign(twenty, "-"), Options: "answers 8, all_down none", Want: "nodata"},
		{Row: "78", Values: "a+ b+ c-", Options: "answers 8", Want: "a b"},
		{Row: "78", Values: "a+ b+", Options: "answers 1", Want: "a b", Each: 1},
	})
}

// All values are included equally often: over one run of all orders exactly, in any other number of answers nearly.
func TestLimitIncludesEqually(t *testing.T) {
	const n, limit = 20, 8
	s := server.Start(t, server.Block("include.example.org", server.PolicyRecord("app", twenty, "answers 8")))
	first, included := make(map[string]int), make(map[string]int)
	for range n * (n - 1) {
		got := server.Letters(s.Ask("app.include.example.org", dns.TypeA))
		first[got[0]]++
		for _, value := range got {
			included[value]++
		}
	}
	for value := range strings.FieldsSeq(twenty) {
		if first[value] != n-1 || included[value] != (n-1)*limit {
			t.Errorf("77: %s is first %d times and included %d times, want %d and %d", value, first[value], included[value], n-1, (n-1)*limit)
		}
	}
}

// An answer of one line has all values of the line that is first, over UDP and TCP, as far as they are up.
func TestLimitOfALine(t *testing.T) {
	const zone = "line.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	s := server.Start(t, server.Block(zone, e.Watched("interval 1h", "up down"), `
		record weighted A {
			value 192.0.2.1 192.0.2.2 weight 70 check up
			value 192.0.2.3 weight 30 check up
			answers line
		}
		record plain A {
			value 192.0.2.1 192.0.2.2
			value 192.0.2.3
			answers line
		}
		record partly A {
			value 192.0.2.1 weight 70 check up
			value 192.0.2.2 weight 70 check down
			value 192.0.2.3 192.0.2.4 weight 30 check up
			answers line
		}
		record tiers A {
			value 192.0.2.1 192.0.2.2 check down
			value 192.0.2.3 192.0.2.4 priority 2
			value 192.0.2.5 priority 2
			answers line
		}
		record alone A 192.0.2.1 192.0.2.2 answers line
		record sticky A {
			value 192.0.2.1 192.0.2.2
			order sticky
			answers line
		}`))
	server.AwaitVerdict(t, s, zone, "down", false)
	for _, row := range []struct {
		name string
		want string            // see server.ParsePeriod
		with map[string]string // the answers, sorted, by what is first
	}{
		{"weighted", "a7 b7 c6", map[string]string{"a": "a b", "b": "a b", "c": "c"}},
		{"plain", "a b c", map[string]string{"a": "a b", "b": "a b", "c": "c"}},
		{"partly", "a14 c3 d3", map[string]string{"a": "a", "c": "c d", "d": "c d"}},
		{"tiers", "c d e", map[string]string{"c": "c d", "d": "c d", "e": "e"}},
		{"alone", "a b", map[string]string{"a": "a b", "b": "a b"}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			wanted := server.ParsePeriod(row.want)
			var answers [][]string
			for range 4 * wanted.Sum {
				got := server.Letters(s.Exchange(network, server.Question(row.name+"."+zone, dns.TypeA)))
				answers = append(answers, got)
				if all := strings.Join(slices.Sorted(slices.Values(got)), " "); all != row.with[got[0]] {
					t.Fatalf("%s over %s: %q, want %q", row.name, network, got, row.with[got[0]])
				}
			}
			isExact := false // it is not known where the rounds begin
			for start := range wanted.Sum {
				isExact = isExact || server.FirstsProblem(answers[start:], wanted) == ""
			}
			if !isExact {
				t.Errorf("%s over %s: %q, want first %s", row.name, network, answers, row.want)
			}
		}
	}
	if got := server.Letters(s.Exchange("udp", server.Question("sticky."+zone, dns.TypeA))); len(got) != 2 {
		t.Errorf("sticky: %q, want two values", got)
	}
}

// A limit that fits into 512 octets spares clients the way to TCP, however many values there are.
func TestLimitFits(t *testing.T) {
	const n, limit = 400, 25
	values := server.ManyAddresses(n, dns.TypeA)
	s := server.Start(t, server.Block("fits.example.org", "record app {\nvalue "+strings.Join(values, " ")+"\nanswers 25\n}"))
	first := make(map[string]bool)
	for range n {
		m, octets := server.ExchangeWire(t, s, "udp", server.Question("app.fits.example.org", dns.TypeA))
		got := server.Addresses(m)
		if m.Truncated || octets > dns.MinMsgSize || len(got) != limit || len(slices.Compact(slices.Sorted(slices.Values(got)))) != limit {
			t.Fatalf("79: TC %t, %d octets, %q; want no TC, at most %d octets, %d values", m.Truncated, octets, got, dns.MinMsgSize, limit)
		}
		first[got[0]] = true
	}
	if len(first) != n {
		t.Errorf("79: %d values are first in %d answers, want all", len(first), n)
	}
}
