package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const twenty = "a b c d e f g h i j k l m n o p q r s t"

// signed is values with a sign behind each.
func signed(values, sign string) string {
	return strings.Join(strings.Fields(values), sign+" ") + sign
}

// At most so many values are answered, each as often as the others, in the first place and at all.
func TestLimit(t *testing.T) {
	const few, others = "a b c d e", "f g h i j k l m n o p q r s t"
	checkPolicies(t, "limit.example.org", "", []policyCase{
		{row: "77", values: signed(twenty, "+"), options: "answers 8", want: twenty, each: 8},
		{row: "77", values: signed(few, "+") + " " + signed(others, "-"), options: "answers 8", want: few},
		{row: "77", values: signed(twenty, "-"), options: "answers 8", want: twenty, each: 8},
		{row: "77", values: signed(twenty, "-"), options: "answers 8, all_down none", want: "nodata"},
		{row: "78", values: "a+ b+ c-", options: "answers 8", want: "a b"},
		{row: "78", values: "a+ b+", options: "answers 1", want: "a b", each: 1},
	})
}

// All values are included equally often: over one run of all orders exactly, in any other number of answers nearly.
func TestLimitIncludesEqually(t *testing.T) {
	const n, limit = 20, 8
	s := start(t, block("include.example.org", policyRecord("app", twenty, "answers 8")))
	first, included := make(map[string]int), make(map[string]int)
	for range n * (n - 1) {
		got := letters(s.ask("app.include.example.org", dns.TypeA))
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
	e := startSignals(t)
	e.set(fail, "down")
	s := start(t, block(zone, e.watched("interval 1h", "up down"), `
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
	awaitVerdict(t, s, zone, "down", false)
	for _, row := range []struct {
		name string
		want string            // see parseTurns
		with map[string]string // the answers, sorted, by what is first
	}{
		{"weighted", "a7 b7 c6", map[string]string{"a": "a b", "b": "a b", "c": "c"}},
		{"plain", "a b c", map[string]string{"a": "a b", "b": "a b", "c": "c"}},
		{"partly", "a14 c3 d3", map[string]string{"a": "a", "c": "c d", "d": "c d"}},
		{"tiers", "c d e", map[string]string{"c": "c d", "d": "c d", "e": "e"}},
		{"alone", "a b", map[string]string{"a": "a b", "b": "a b"}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			wanted := parseTurns(row.want)
			var answers [][]string
			for range 4 * wanted.sum {
				got := letters(s.exchange(network, question(row.name+"."+zone, dns.TypeA)))
				answers = append(answers, got)
				if all := strings.Join(slices.Sorted(slices.Values(got)), " "); all != row.with[got[0]] {
					t.Fatalf("%s over %s: %q, want %q", row.name, network, got, row.with[got[0]])
				}
			}
			isExact := false // it is not known where the rounds begin
			for start := range wanted.sum {
				isExact = isExact || firstsProblem(answers[start:], wanted) == ""
			}
			if !isExact {
				t.Errorf("%s over %s: %q, want first %s", row.name, network, answers, row.want)
			}
		}
	}
	if got := letters(s.exchange("udp", question("sticky."+zone, dns.TypeA))); len(got) != 2 {
		t.Errorf("sticky: %q, want two values", got)
	}
}

// A limit that fits into 512 octets spares clients the way to TCP, however many values there are.
func TestLimitFits(t *testing.T) {
	const n, limit = 400, 25
	values := manyAddresses(n, dns.TypeA)
	s := start(t, block("fits.example.org", "record app {\nvalue "+strings.Join(values, " ")+"\nanswers 25\n}"))
	first := make(map[string]bool)
	for range n {
		m, octets := exchangeWire(t, s, "udp", question("app.fits.example.org", dns.TypeA))
		got := addresses(m)
		if m.Truncated || octets > dns.MinMsgSize || len(got) != limit || len(slices.Compact(slices.Sorted(slices.Values(got)))) != limit {
			t.Fatalf("79: TC %t, %d octets, %q; want no TC, at most %d octets, %d values", m.Truncated, octets, got, dns.MinMsgSize, limit)
		}
		first[got[0]] = true
	}
	if len(first) != n {
		t.Errorf("79: %d values are first in %d answers, want all", len(first), n)
	}
}
