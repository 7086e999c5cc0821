package store

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A Pointee is a name that a record points to.
type Pointee struct {
	Name    string
	Service uint16 // SVCB or HTTPS, if a record of that type in AliasMode points to it
	Glue    bool   // a name server: its address below a zone cut counts, too
	Owner   bool   // the record points to its own owner, which is Name
}

// AppendPointees appends the names that rrs point to and whose addresses a client will want next,
// each once.
func AppendPointees(pointees []Pointee, rrs []dns.RR) []Pointee {
	for _, rr := range rrs {
		var t Pointee
		switch rr := rr.(type) {
		case *dns.MX: // RFC 1035 §3.3.9
			t.Name = rr.Mx
		case *dns.NS: // RFC 1035 §3.3.11
			t.Name, t.Glue = rr.Ns, true
		case *dns.SRV: // RFC 2782
			t.Name = rr.Target
		case *dns.HTTPS:
			t = servicePointee(&rr.SVCB)
		case *dns.SVCB:
			t = servicePointee(rr)
		}
		isSame := func(other Pointee) bool { return strings.EqualFold(t.Name, other.Name) }
		if t.Name != "" && t.Name != "." && !slices.ContainsFunc(pointees, isSame) {
			pointees = append(pointees, t)
		}
	}
	return pointees
}

// servicePointee returns the name that a SVCB or HTTPS record points to. The target "." means the
// owner itself (RFC 9460 §2.5.2); in AliasMode it means that there is no such service (§2.5.1).
func servicePointee(rr *dns.SVCB) Pointee {
	switch {
	case rr.Priority == 0 && rr.Target == ".":
		return Pointee{}
	case rr.Priority == 0:
		return Pointee{Name: rr.Target, Service: rr.Hdr.Rrtype}
	case rr.Target == ".":
		return Pointee{Name: rr.Hdr.Name, Owner: true}
	}
	return Pointee{Name: rr.Target}
}

// Services returns the SVCB or HTTPS records of the target of a record in AliasMode, nil if it has
// none here.
func (s *Store) Services(t Pointee) *record.RRset {
	if t.Service == dns.TypeNone {
		return nil
	}
	found := s.Table.Lookup(strings.ToLower(t.Name), t.Service)
	if found.Kind != record.RRs {
		return nil
	}
	return found.RRset
}

// AddressesOf returns the number of the A or AAAA RRset of a pointee, record.None if it has none here.
func (s *Store) AddressesOf(t Pointee, rrtype uint16) int {
	name := strings.ToLower(t.Name)
	found := s.Table.Lookup(name, rrtype)
	if found.Kind == record.Addresses {
		return found.Addresses
	}
	if found.Kind == record.Delegation && t.Glue {
		if number, ok := s.Table.Glue(name, rrtype); ok {
			return number
		}
	}
	return record.None
}

// AdditionalOctets returns how many octets the addresses of a set take at most in the additional
// section, where the owner name stands once.
func AdditionalOctets(set *policy.Set, owner string) int {
	const fixed = 12 // pointer to the owner name, type, class, TTL, length
	return len(owner) + 1 + set.Answers()*(fixed+set.Width())
}
