package server

import (
	"fmt"
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

// rdata returns the data of the answers of a type, as text.
func rdata(m *dns.Msg, qtype uint16) []string {
	var found []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			found = append(found, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return found
}

// TakeTurns asks n times and checks that the answers begin with values in turn. The first of them comes behind last,
// unless that is "". It returns what the last answer began with.
func TakeTurns(s *Server, network, name string, values []string, last string, n int) string {
	s.t.Helper()
	qtype := dns.TypeA
	if strings.Contains(values[0], ":") {
		qtype = dns.TypeAAAA
	}
	for range n {
		found := Addresses(s.Exchange(network, Question(name, qtype)))
		if len(found) == 0 {
			s.t.Fatalf("%s over %s: no address, want %v", name, network, values)
		}
		if !slices.Contains(values, found[0]) {
			s.t.Fatalf("%s over %s: %v, want one of %v first", name, network, found, values)
		}
		if !s.Follows(values, last, found[0]) {
			s.t.Fatalf("%s over %s: after %s came %v, want %s first", name, network, last, found, Next(values, last))
		}
		last = found[0]
	}
	return last
}

// ThreeValues are the addresses of ThreeRecord.
var ThreeValues = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}

// AddressList is n different addresses, IPv6 ones if so.
func AddressList(n int, v6 bool) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("10.53.%d.%d", i/250, i%250+1)
		if v6 {
			list[i] = fmt.Sprintf("2001:db8::%x", i+1)
		}
	}
	return strings.Join(list, " ")
}

// OtherValues are as many as threeValues.
var OtherValues = []string{"198.51.100.1", "198.51.100.2", "198.51.100.3"}

// Turns is the answers for one name, as one client of a server gets them.
type Turns struct {
	Name   string
	Values []string
	Edns   bool // with DO
	last   string
}

// Take takes one turn.
func (st *Turns) Take(t *testing.T, address string) {
	t.Helper()
	m := Question(st.Name, dns.TypeA)
	if st.Edns {
		m.SetEdns0(1232, true)
	}
	found := Addresses(Exchange(t, "udp", address, m))
	if len(found) == 0 {
		t.Fatalf("%s at %s: no address", st.Name, address)
	}
	for i, value := range st.Values {
		if next := st.Values[(i+1)%len(st.Values)]; value == st.last && found[0] != next {
			t.Fatalf("%s at %s: after %s came %v, want %s first", st.Name, address, st.last, found, next)
		}
	}
	if !strings.Contains(strings.Join(st.Values, " "), found[0]) {
		t.Fatalf("%s at %s: %v, want one of %v first", st.Name, address, found, st.Values)
	}
	st.last = found[0]
}

// The records whose turns are watched.
const (
	ThreeRecord = "record app A 192.0.2.1 192.0.2.2 192.0.2.3\n"
	OtherRecord = "record app A 198.51.100.1 198.51.100.2 198.51.100.3\n"
)

// FirstAddress asks once, and is the first address of the answer.
func FirstAddress(t *testing.T, s *Server, network, qname string, qtype uint16) string {
	t.Helper()
	m := Send(t, s, network, Question(qname, qtype))
	all := Addresses(m)
	if len(all) == 0 {
		t.Fatalf("%s %s over %s: no address in\n%s", qname, dns.TypeToString[qtype], network, ReplyText(m))
	}
	return all[0]
}

// Next is the value behind another in the order of the Corefile, which is the one whose turn comes next.
func Next(values []string, value string) string {
	return values[(slices.Index(values, value)+1)%len(values)]
}

// SlipAfter is how many rounds of turns pass until a round begins one place later. A record's first
// answer begins a round, and the first slip comes SlipAfter rounds later.
const SlipAfter = 8

// FirstOf asks once over UDP and returns the first address of the answer, "" if there is none.
func FirstOf(t *testing.T, s *Server, name string, qtype uint16) string {
	t.Helper()
	if all := Addresses(Send(t, s, "udp", Question(name, qtype))); len(all) > 0 {
		return all[0]
	}
	return ""
}
