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
