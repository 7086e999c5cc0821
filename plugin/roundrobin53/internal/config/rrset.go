package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// RRset holds what the lines say of one owner name and type.
type RRset struct {
	Position // of the first line
	Type     uint16
	TTL      uint32
	ttlGiven bool // by the line itself, not by the directive
	RRs      []dns.RR

	further   *further     // of RRs behind the first; nil if there are none
	Addresses []netip.Addr // of A and AAAA, as far as they are written
	Metrics   bool
	ChoiceOptions

	// Set only if an answer depends on more than turns: see isPlain.
	Lines     []RRsetLine
	Routing   *Routing
	Weighted  bool
	Remaining bool       // the answer has the remaining TTL of the lookup, at most TTL
	Directive *Directive // where their networks and checks are defined
}

// newRRset makes an RRset with the options of a record, but without values.
func (rec *Record) newRRset(d *Directive, rrtype uint16) *RRset {
	return &RRset{
		Position: rec.Position, Type: rrtype, TTL: rec.ttl, ttlGiven: rec.seen.ttl,
		Metrics: rec.metrics, ChoiceOptions: rec.ChoiceOptions, Directive: d,
	}
}

// has reports whether the RRset has a record already.
func (rrset *RRset) has(rr dns.RR) bool {
	isSame := func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }
	const few = 16 // below this a scan beats a map
	if len(rrset.RRs) <= few {
		return slices.ContainsFunc(rrset.RRs, isSame)
	}
	return slices.ContainsFunc(rrset.further.texts.like(rr, rrset.RRs), isSame)
}

// add adds a record that stands at p.
func (rrset *RRset) add(rr dns.RR, p Position) {
	if len(rrset.RRs) > 0 {
		if rrset.further == nil {
			rrset.further = new(further)
		}
		rrset.further.positions = append(rrset.further.positions, p)
	}
	rrset.RRs = append(rrset.RRs, rr)
}

// Positions returns the position of each record of an RRset without Lines. The first position is
// that of the RRset.
func (rrset *RRset) Positions() []Position {
	positions := []Position{rrset.Position}
	if rrset.further != nil {
		positions = append(positions, rrset.further.positions...)
	}
	return positions
}

// further holds what only RRsets of several records have. It is apart because most have one.
type further struct {
	positions []Position // of all records but the first
	texts     textIndex
}

// textIndex finds records of a list by their text in lower case. Equal records have equal texts.
type textIndex struct {
	count  int // of the records of the list that are in byText
	byText map[string][]dns.RR
}

// like returns the records of a list whose text is that of rr. Each call has the list of the call
// before, or a longer one.
func (x *textIndex) like(rr dns.RR, rrs []dns.RR) []dns.RR {
	text := func(rr dns.RR) string { return strings.ToLower(rr.String()) }
	if x.byText == nil {
		x.byText = make(map[string][]dns.RR)
	}
	for _, rr := range rrs[x.count:] {
		x.byText[text(rr)] = append(x.byText[text(rr)], rr)
	}
	x.count = len(rrs)
	return x.byText[text(rr)]
}

// divide sets the lines of an RRset and their routing, unless its values are plain. Count returns
// how many endpoints of a line the RRset has.
func (rrset *RRset) divide(rec *Record, count func(*ValueLine) int) error {
	if rec.isPlain() {
		if twice, ok := firstDuplicate(rrset.Addresses); ok {
			return fmt.Errorf("%q stands twice; an answer is a set", twice)
		}
		return nil
	}
	first := 0
	for _, v := range rec.values {
		n, names := count(v), v.sources(rec)
		if n == 0 && names == nil {
			continue
		}
		opts := v.said()
		rrset.Weighted = rrset.Weighted || opts.Seen.weight
		rrset.Lines = append(rrset.Lines, RRsetLine{v.Position, opts, first, n, names, rec.checksOf(opts)})
		first += n
	}
	if (rrset.Weighted || rec.Order.AnswersOne()) && !rec.seen.answers {
		rrset.Answers = 1 // resolvers reorder what they get
	}
	return rrset.route()
}

// isPlain reports whether the record's values are alike and always up, so that only their order
// changes from answer to answer.
func (rec *Record) isPlain() bool {
	says := func(v *ValueLine) bool { return v.opts != nil }
	if rec.rrtype == dns.TypeCNAME {
		return len(rec.rrs) == len(rec.owners) && len(rec.checks) == 0 && !slices.ContainsFunc(rec.values, says)
	}
	if rec.ByLine && len(rec.values) > 1 || rec.hasSources() {
		return false
	}
	return !rec.Order.IsPersonal() && len(rec.checks) == 0 && !slices.ContainsFunc(rec.values, says)
}

// ofFamily returns the addresses that an RRset of a type can hold. A list of one family is returned
// as it is.
func ofFamily(addresses []netip.Addr, rrtype uint16) []netip.Addr {
	other := func(addr netip.Addr) bool { return addr.Is4() != (rrtype == dns.TypeA) }
	if !slices.ContainsFunc(addresses, other) {
		return addresses
	}
	return slices.DeleteFunc(slices.Clone(addresses), other)
}

// firstDuplicate returns the first value that stands twice, and whether there is one.
func firstDuplicate[T comparable](values []T) (T, bool) {
	var none T
	const few = 16 // below this a scan beats a map, and most RRsets are small
	if len(values) <= few {
		for i, value := range values {
			if slices.Contains(values[:i], value) {
				return value, true
			}
		}
		return none, false
	}
	seen := make(map[T]struct{}, len(values))
	for _, value := range values {
		if _, ok := seen[value]; ok {
			return value, true
		}
		seen[value] = struct{}{}
	}
	return none, false
}

// Endpoints returns how many values the RRset has.
func (rrset *RRset) Endpoints() int { return max(len(rrset.Addresses), len(rrset.RRs)) }

// MostCandidates returns how many values one network or place selects at most.
func (rrset *RRset) MostCandidates() int {
	if rrset.Routing == nil {
		return len(rrset.Addresses)
	}
	most := 0
	for _, g := range rrset.Routing.Groups {
		n := 0
		for _, line := range g.Lines {
			n += rrset.Lines[line].Count
		}
		most = max(most, n)
	}
	return most
}

// MostAnswers returns how many values an answer can have at most.
func (rrset *RRset) MostAnswers() int {
	most := rrset.MostCandidates()
	switch {
	case rrset.ByLine && rrset.Lines != nil:
		isShorter := func(a, b RRsetLine) int { return a.Count - b.Count }
		return min(most, slices.MaxFunc(rrset.Lines, isShorter).Count)
	case rrset.Answers > 0:
		return min(most, rrset.Answers)
	}
	return most
}

// Answerable returns the records of the RRset except the drained ones.
func (rrset *RRset) Answerable() []dns.RR {
	if rrset.Lines == nil {
		return rrset.RRs
	}
	var rrs []dns.RR
	for i := range rrset.Lines {
		if line := &rrset.Lines[i]; !line.Drain {
			rrs = append(rrs, rrset.RRs[line.First:line.First+line.Count]...)
		}
	}
	return rrs
}
