package server

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// AskInTurns asks for values, so often that each of them has to be the first twice.
func AskInTurns(t *testing.T, s *Server, name, qtype string, values []string) {
	t.Helper()
	first := make(map[string]int)
	for range 2 * len(values) {
		got := rdata(s.Ask(name, typeOf(t, qtype)), typeOf(t, qtype))
		if len(got) == 0 {
			t.Errorf("%s %s: no answer, want %q", name, qtype, values)
			return
		}
		first[got[0]]++
		slices.Sort(got)
		if want := slices.Sorted(slices.Values(values)); !slices.Equal(got, want) {
			t.Errorf("%s %s: %q, want %q", name, qtype, got, want)
		}
	}
	for _, value := range values {
		if first[value] != 2 {
			t.Errorf("%s %s: first were %v, want %s twice", name, qtype, first, value)
		}
	}
}

// typeOf is a type by its name.
func typeOf(t *testing.T, name string) uint16 {
	t.Helper()
	qtype, ok := dns.StringToType[name]
	if !ok {
		t.Fatalf("%s is no type", name)
	}
	return qtype
}

// rdata is what stands behind the type in the answers of that type.
func rdata(m *dns.Msg, qtype uint16) []string {
	var found []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			found = append(found, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return found
}
