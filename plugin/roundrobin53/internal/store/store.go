// Package store holds what one server block serves: its zones and names, the sets of values behind
// them, and the targets that have to be probed for them.
//
// A Store is built from a config.Block. It never changes, except for the counters and the board of
// its sets. A reload builds another Store, which adopts rotations, waits, counts and serials from
// the old one. Whoever serves a Store holds it by one pointer, and may swap it between two queries.
package store

import (
	"iter"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A Store holds what a server block serves. It is safe for concurrent use.
type Store struct {
	Table    *record.Table
	Zones    []Zone // by record.Zone.Index
	Verdicts *policy.Verdicts
	Targets  []Target // by the numbers that Verdicts knows them by
	Watches  []Watch
	Warnings []string // about lines of the Corefile
	Large    []string // about RRsets that an ordinary UDP answer can't hold

	Counted []Counted // the sets that count their first picks

	live   live             // the RRsets with looked-up values
	sets   []policy.Set     // by record.Result.Addresses
	cnames []*policy.CNAMEs // by record.RRset.CNAMEs; number 0 stands for none

	sources sources
	aliases map[int]string // what A and AAAA RRsets are an ALIAS for, by number
	steered steered
	drained []Counted // the sets with values that are drained in the Corefile
}

// A Zone describes one of a store's zones, without its records.
type Zone struct {
	Name     string
	Names    int    // owner names with data
	Values   int    // addresses and other records
	ECS      bool   // ECS is heeded
	Fastpath bool   // queries may be answered beside the chain
	State    string // the state file that decides about its values; "" if there is none
	Overlay  bool   // the zone lies over another plugin's zone of the same name
	Serial   uint32 // of the SOA, known when the store has adopted
	Changed  bool   // secondaries do not have the serial yet

	through config.ZoneIndex // zones that fall through
	hash    uint64           // of everything in the zone but the serial
}

// Through reports whether a query for a name falls through to the next plugin if the zone does not
// have the name.
func (z *Zone) Through(name string) bool { return z.through.Of(name) != "" }

// FallsThrough reports whether queries for some names fall through.
func (z *Zone) FallsThrough() bool { return len(z.through) > 0 }

// A Target is probed for values of the store.
type Target struct {
	health.Target
	Key TargetKey
}

// A TargetKey identifies a target across configurations.
type TargetKey struct {
	Address netip.Addr
	Check   string
}

// A Watch is a check of a value, as operators know it.
type Watch struct {
	Target int // by its number
	Zone   string
	Check  string
	Value  string
}

// Counted is a set that counts its first picks, or has drained values: a set with what metrics call it.
type Counted struct {
	Zone, Name string
	Type       uint16
	Set        *policy.Set
}

// Set returns the set of an A or AAAA RRset, by the RRset's number in the table. Where values are
// looked up, the present ones are only on the board: see Now.
func (s *Store) Set(number int) *policy.Set { return &s.sets[number] }

// Now returns the present set of an A or AAAA RRset, by the RRset's number in the table, and the
// board under which it answers. A query calls it once.
func (s *Store) Now(number int) (*policy.Set, *policy.Board) {
	board := s.Verdicts.Board()
	return s.sets[number].On(board), board
}

// CNAMEs returns the CNAMEs that an answer chooses among, nil for any other RRset of the table.
func (s *Store) CNAMEs(rrset *record.RRset) *policy.CNAMEs { return s.cnames[rrset.CNAMEs] }

// Sets returns the sets of the A and AAAA RRsets, by their numbers in the table.
func (s *Store) Sets() []policy.Set { return s.sets }

// RRset names an RRset of a store.
type RRset struct {
	Name string
	Type uint16
	Zone *record.Zone

	Number int // of its set, among those of its kind
}

// All yields the sets of all RRsets that have one, in no particular order. Of several CNAMEs it
// yields the set that speaks for all.
func (s *Store) All() iter.Seq2[RRset, *policy.Set] {
	return func(yield func(RRset, *policy.Set) bool) {
		for name, node := range s.Table.All() {
			for rrtype, number := range numbersOf(&node) {
				if !yield(RRset{name, rrtype, node.Zone, number}, s.set(rrtype, number)) {
					return
				}
			}
		}
	}
}

// set returns the set of a type by its number. Of several CNAMEs it is the set that speaks for all.
func (s *Store) set(rrtype uint16, number int) *policy.Set {
	if rrtype == dns.TypeCNAME {
		return s.cnames[number].Speaker()
	}
	return &s.sets[number]
}
