package store

import (
	"iter"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A Served is a store with the place where it is served. When one configuration adopts from
// another, zones are paired by these places.
type Served struct {
	*Store
	Block string // the keys of the server block
	View  string

	// Listeners are the listeners at which the zones in the keys of the server block are asked, by
	// zone.
	Listeners map[string][]string
}

// An adoption makes the stores of one configuration go on from those of the previous one:
// rotations, waits and counts move on, and serials never run backwards.
//
// Zones are paired by name and view, not by server block: a block may get another key, and a zone
// may move to another block. One zone may also stand in several blocks, for several ports for
// example, whose state must not be mixed up. So each zone of the old configuration is adopted by
// one zone at most, and so is each RRset.
type adoption struct {
	old  []servedZone
	from []int // by zone of the new configuration: the old zone that it adopts from, noZone if none

	newest  map[string]uint32 // serials of the old configuration, by zone name in any view
	byName  map[zoneKey][]int // old zones by view and name
	claimed map[*Store]*claims
	orphans []orphan
}

// claims says which RRsets of an old store have been adopted, by number.
type claims struct{ sets, cnames []bool }

// An orphan is an RRset whose zone had no RRset of its name and type before.
type orphan struct {
	s      *Served
	name   string
	rrtype uint16
	number int // of the set, or of the CNAMEs
}

// Adopt makes stores go on where the stores of the previous configuration are. There may be no
// previous stores. It may be called only before the new stores answer.
func Adopt(stores, old []*Served, now time.Time) {
	a := &adoption{
		old: zonesOf(old), newest: make(map[string]uint32), byName: make(map[zoneKey][]int),
		claimed: make(map[*Store]*claims),
	}
	for i, z := range a.old {
		zone := z.zone()
		if newest, ok := a.newest[zone.Name]; !ok || IsNewer(z.serial(), newest) {
			a.newest[zone.Name] = z.serial()
		}
		key := zoneKey{"", z.s.View, zone.Name}
		a.byName[key] = append(a.byName[key], i)
	}
	for _, s := range old {
		a.claimed[s.Store] = &claims{make([]bool, len(s.sets)), make([]bool, len(s.cnames))}
	}
	a.pair(zonesOf(stores))
	from := a.from
	for _, s := range stores {
		a.setSerials(s, from, now)
		if len(old) > 0 {
			a.adoptAll(s, from)
		}
		from = from[len(s.Zones):]
	}
	for _, o := range a.orphans {
		a.adoptOrphan(o)
	}
}

// Adopt makes the store go on where another store is that was served at the same place.
func (s *Store) Adopt(old *Store, now time.Time) {
	Adopt([]*Served{{Store: s}}, []*Served{{Store: old}}, now)
}

// IsNewer reports whether serial a is newer than b (RFC 1982 §3.2).
func IsNewer(a, b uint32) bool { return a != b && a-b < 1<<31 }

// setSerials gives the zones of a store their serials. A zone that did not change keeps its serial.
// Any other zone gets a serial that is newer than the zone had in any view, since secondaries know
// it by its name alone.
func (a *adoption) setSerials(s *Served, from []int, now time.Time) {
	for i, served := range s.Table.Zones() {
		z := &s.Zones[i]
		if from[i] != noZone && a.old[from[i]].zone().hash == z.hash {
			z.Serial = a.old[from[i]].serial()
			served.SetSerial(z.Serial)
			continue
		}
		z.Serial = uint32(now.Unix())
		if newest, ok := a.newest[z.Name]; ok && !IsNewer(z.Serial, newest) {
			z.Serial = newest + 1
		}
		served.SetSerial(z.Serial)
		z.Changed = !z.Overlay // else the zone is the next plugin's to tell of
	}
}

// adoptAll makes the RRsets of a store go on where the RRsets of the same name and type in the
// paired zones were.
func (a *adoption) adoptAll(s *Served, from []int) {
	for name, node := range s.Table.All() {
		var old *Store
		if before := from[node.Zone.Index]; before != noZone {
			old = a.old[before].s.Store
		}
		for rrtype, number := range numbersOf(&node) {
			o := orphan{s, name, rrtype, number}
			if old == nil || !a.adoptFrom(old, o) {
				a.orphans = append(a.orphans, o)
			}
		}
	}
}

// numbersOf yields the numbers of the sets that a name has: of its A and AAAA RRsets, and of the
// CNAMEs that are chosen among.
func numbersOf(node *record.Node) iter.Seq2[uint16, int] {
	return func(yield func(uint16, int) bool) {
		if node.A != record.None && !yield(dns.TypeA, node.A) ||
			node.AAAA != record.None && !yield(dns.TypeAAAA, node.AAAA) {
			return
		}
		for i := range node.RRsets {
			if number := node.RRsets[i].CNAMEs; number > 0 && !yield(dns.TypeCNAME, number) {
				return
			}
		}
	}
}

// adoptOrphan looks for the RRset in the other old zones of its view. It is there if its name moved
// between a zone and one above or below.
func (a *adoption) adoptOrphan(o orphan) {
	for zone := range enclosing(o.name) {
		for _, i := range a.byName[zoneKey{"", o.s.View, zone}] {
			if a.adoptFrom(a.old[i].s.Store, o) {
				return
			}
		}
	}
}

// adoptFrom makes an RRset go on where the RRset of its name and type in an old store is. It
// reports false if there is none, or if it has been adopted already.
func (a *adoption) adoptFrom(old *Store, o orphan) bool {
	claimed := a.claimed[old]
	if o.rrtype == dns.TypeCNAME {
		before := old.cnamesAt(o.name)
		if before == 0 || claimed.cnames[before] {
			return false
		}
		claimed.cnames[before] = true
		o.s.Verdicts.AdoptCNAMEs(o.s.cnames[o.number], old.Verdicts, old.cnames[before])
		return true
	}
	before, ok := old.Table.Glue(o.name, o.rrtype)
	if !ok || claimed.sets[before] {
		return false
	}
	claimed.sets[before] = true
	o.s.Verdicts.Adopt(&o.s.sets[o.number], old.Verdicts, &old.sets[before])
	return true
}

// cnamesAt returns the number of the CNAMEs that stand at name itself and are chosen among, 0 if
// there are none.
func (s *Store) cnamesAt(name string) int {
	rrset := s.Table.Lookup(name, dns.TypeCNAME).RRset
	if rrset == nil || rrset.CNAMEs == 0 || rrset.RRs[0].Header().Name != name {
		return 0
	}
	return rrset.CNAMEs
}
