// Package record holds owner names, their RRsets, and the zones they lie in, ready to be looked up.
//
// A Table is built once and never changes. Lookup is a pure function from a name and a type to a
// Result; the rules of RFC 1034 (delegations), RFC 4592 (wildcards) and RFC 2308 (NXDOMAIN or
// NODATA) live here and nowhere else. The addresses of A and AAAA RRsets are not here: a Table
// knows them by number. Whoever builds the Table keeps the addresses and decides which of them are
// answered.
package record

import (
	"iter"
	"sync/atomic"

	"github.com/miekg/dns"
)

// AddressTypes are the types of RRsets whose values are addresses.
var AddressTypes = [...]uint16{dns.TypeA, dns.TypeAAAA}

// Kind says what a Table knows of a name and type.
type Kind uint8

// The kinds of Result.
const (
	Outside    Kind = iota // no zone of the table holds the name
	Addresses              // an A or AAAA RRset: Result.Addresses is its number
	RRs                    // any other RRset: Result.RRset
	CNAME                  // the name has a CNAME and another type was asked: Result.RRset is the CNAME
	Any                    // the name has data and QTYPE was ANY
	Delegation             // the name lies at or below a zone cut: Result.RRset is the NS RRset, Result.DS may be set
	NoData                 // the name exists, the type does not (RFC 2308 §2.2)
	NXDomain               // the name does not exist and nothing exists below it

	Kinds = iota // how many there are
)

// Result is the answer to a Lookup.
type Result struct {
	Kind      Kind
	Zone      *Zone  // the zone the name lies in; nil if Outside
	Addresses int    // set for Addresses
	RRset     *RRset // set for RRs, CNAME and Delegation
	DS        *RRset // the DS RRset of a delegation, nil if it has none

	// Unclaimed is set for a negative result if no record of the table says anything of the name:
	// it does not exist, or is an empty non-terminal, or an apex without the type. If the zone only
	// lies over another plugin's, that plugin has to answer.
	Unclaimed bool
}

// An RRset holds all records of one owner name and type. They must not be changed: whoever puts
// them into a message copies them.
type RRset struct {
	Type   uint16
	Source int32 // where RRs are written, by a number that the maker of the table knows; 0 if they are not
	RRs    []dns.RR

	CNAMEs int // the number of several CNAMEs that are chosen among; 0 for all other RRsets
}

// A Zone is a zone of a Table.
type Zone struct {
	Origin string // apex, lower-case and fully qualified
	Index  int    // position among the zones of the table

	// Negative is the authority section of a negative answer: the SOA with the negative TTL, the
	// lesser of the SOA's own TTL and its MINIMUM (RFC 2308 §5).
	Negative []dns.RR

	soa    *dns.SOA
	parent *Zone // the zone of the same table that this one lies in, nil if none
	serial atomic.Uint32
}

// SOA returns the zone's SOA record, which must not be changed. Its serial is that of the start: see
// Serial.
func (z *Zone) SOA() *dns.SOA { return z.soa }

// SetSerial gives the zone its serial. It may be called only before the table is used.
func (z *Zone) SetSerial(serial uint32) {
	z.soa.Serial = serial
	z.Negative[0].(*dns.SOA).Serial = serial
	z.serial.Store(serial)
}

// Serial returns the present serial of the zone.
func (z *Zone) Serial() uint32 { return z.serial.Load() }

// MoveSerial gives the zone a newer serial while it is served: now or, if that is not newer, the
// serial behind the present one.
func (z *Zone) MoveSerial(now uint32) {
	for {
		before := z.serial.Load()
		next := now
		if next-before-1 >= 1<<31-1 { // RFC 1982 §3.2: it is not newer
			next = before + 1
		}
		if z.serial.CompareAndSwap(before, next) {
			return
		}
	}
}

// Stamp gives the SOA records among rrs, which are copies of the zone's, the present serial.
func (z *Zone) Stamp(rrs []dns.RR) {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok {
			soa.Serial = z.Serial()
		}
	}
}

// A Table holds the records of some zones. It is safe for concurrent use.
type Table struct {
	index
	zones []Zone
}

// Zones returns the zones of t, in the order they were given.
func (t *Table) Zones() []*Zone {
	zones := make([]*Zone, len(t.zones))
	for i := range t.zones {
		zones[i] = &t.zones[i]
	}
	return zones
}

// Lookup finds what t holds for a lower-case, fully qualified name.
func (t *Table) Lookup(name string, qtype uint16) Result {
	if n := t.find(name); n != nil {
		if cut := t.rare(n).cut; cut != nil && (cut != n || qtype != dns.TypeDS) {
			return t.refer(n, cut)
		}
		return t.answer(n, name, qtype)
	}
	n := t.closestEncloser(name)
	if n == nil {
		return Result{Kind: Outside}
	}
	switch rare := t.rare(n); {
	case rare.cut != nil:
		return t.refer(n, rare.cut)
	case rare.wild != nil: // RFC 4592 §3.3.1: the source of synthesis is the wildcard right below the closest encloser
		return t.answer(rare.wild, name, qtype)
	}
	return Result{Kind: NXDomain, Zone: &t.zones[n.zone], Unclaimed: true}
}

// A Node holds the RRsets of one owner name of a table.
type Node struct {
	Zone    *Zone
	A, AAAA int     // numbers of the address RRsets, None where there is none
	RRsets  []RRset // all others
}

// All yields the owner names that have data, in no particular order.
func (t *Table) All() iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		for i := range t.nodes {
			n := &t.nodes[i]
			if n.hash == 0 || !t.hasData(n) {
				continue
			}
			if !yield(t.name(n), Node{&t.zones[n.zone], int(n.a), int(n.aaaa), t.rare(n).rrsets}) {
				return
			}
		}
	}
}

// Glue returns the number of the A or AAAA RRset that stands at name itself, even below a zone cut.
// It reports false if there is none.
func (t *Table) Glue(name string, qtype uint16) (int, bool) {
	n := t.find(name)
	if n == nil {
		return 0, false
	}
	number := n.addresses(qtype)
	return int(number), number != None
}

// closestEncloser returns the longest existing ancestor of a name that does not exist itself (RFC
// 4592 §3.3.1), nil if there is none.
func (t *Table) closestEncloser(name string) *node {
	for off, end := dns.NextLabel(name, 0); !end; off, end = dns.NextLabel(name, off) {
		if n := t.find(name[off:]); n != nil {
			return n
		}
	}
	return t.find(".")
}

func (t *Table) answer(n *node, name string, qtype uint16) Result {
	r := Result{Kind: NoData, Zone: &t.zones[n.zone]}
	if number := n.addresses(qtype); number != None {
		r.Kind, r.Addresses = Addresses, int(number)
		return r
	}
	if qtype == dns.TypeANY && t.hasData(n) {
		r.Kind = Any
		return r
	}
	rrsets := t.rare(n).rrsets
	for i := range rrsets {
		switch rrsets[i].Type {
		case qtype:
			r.Kind, r.RRset = RRs, &rrsets[i]
			return r
		case dns.TypeCNAME:
			r.Kind, r.RRset = CNAME, &rrsets[i]
			return r
		}
	}
	r.Unclaimed = name == r.Zone.Origin || !t.hasData(n)
	if qtype == dns.TypeDS && name == r.Zone.Origin && r.Zone.parent != nil {
		r.Zone = r.Zone.parent // a DS RRset is the parent's to deny (RFC 4035 §3.1.4.1)
	}
	return r
}

// refer makes the result for a name at or below a zone cut.
func (t *Table) refer(n, cut *node) Result {
	return Result{
		Kind:  Delegation,
		Zone:  &t.zones[n.zone],
		RRset: t.rare(cut).rrset(dns.TypeNS),
		DS:    t.rare(cut).rrset(dns.TypeDS),
	}
}

// hasData reports whether a node has RRsets. An empty non-terminal has none (RFC 4592 §2.2.2).
func (t *Table) hasData(n *node) bool {
	return n.a != None || n.aaaa != None || len(t.rare(n).rrsets) > 0
}
