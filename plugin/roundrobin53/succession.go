package roundrobin53

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// succession is how the handlers of one configuration go on from those of the one before: rotations, waits and counts
// move on, and serials never run backwards.
//
// What goes on is found by zone and view, not by server block: a block may get another key, a zone may move to another
// block. One zone can also stand in several blocks, for several ports, say, whose state is not to be mixed up. So each
// zone of the old configuration has one successor at most, and so has each RRset.
type succession struct {
	old  []servedZone
	from []int // by zone of the new configuration: which of the old, noZone if none

	newest  map[string]uint32 // serials of the old configuration, by zone name in any view
	byName  map[zoneKey][]int // old zones by view and name
	claimed map[*Handler]*claims
	orphans []orphan
}

// servedZone is a zone of a handler, by record.Zone.Index.
type servedZone struct {
	h     *Handler
	index int
}

// zoneKey tells zones apart.
type zoneKey struct {
	place      string // the server block, or a listener of it; "" for any
	view, name string
}

// claims are which RRsets of an old handler have a successor.
type claims struct{ addresses, alternatives []bool }

// orphan is an RRset whose zone had none of its name and type before. Number is that of the addresses, or less than 0 that
// of the alternatives.
type orphan struct {
	h      *Handler
	name   string
	rrtype uint16
	number int
}

const noZone = -1

// succeed makes handlers take over from those of the configuration before, which may be none. It may be called only before
// they answer.
func succeed(handlers, old []*Handler, now time.Time) {
	s := &succession{
		old: zonesOf(old), newest: make(map[string]uint32), byName: make(map[zoneKey][]int),
		claimed: make(map[*Handler]*claims),
	}
	for i, z := range s.old {
		zone := z.zone()
		if newest, ok := s.newest[zone.name]; !ok || isNewer(zone.serial, newest) {
			s.newest[zone.name] = zone.serial
		}
		key := zoneKey{"", z.h.view, zone.name}
		s.byName[key] = append(s.byName[key], i)
	}
	for _, h := range old {
		s.claimed[h] = &claims{make([]bool, len(h.rrsets)), make([]bool, len(h.alternatives))}
	}
	s.pair(zonesOf(handlers))
	from := s.from
	for _, h := range handlers {
		s.setSerials(h, from, now)
		if len(old) > 0 {
			s.adopt(h, from)
		}
		from = from[len(h.zones):]
	}
	for _, o := range s.orphans {
		s.adoptOrphan(o)
	}
}

func (z servedZone) zone() *zone { return &z.h.zones[z.index] }

func zonesOf(handlers []*Handler) []servedZone {
	var zones []servedZone
	for _, h := range handlers {
		for i := range h.zones {
			zones = append(zones, servedZone{h, i})
		}
	}
	return zones
}

// pair finds the predecessors of zones: first in the same server block, then at the same listener, then in the same view.
// What is equal in that is paired in the order of the Corefile.
func (s *succession) pair(zones []servedZone) {
	s.from = slices.Repeat([]int{noZone}, len(zones))
	taken := make([]bool, len(s.old))
	for _, places := range []func(servedZone) []string{
		newBlockNumbers().of,
		listenersByHandler{}.of,
		func(servedZone) []string { return []string{""} },
	} {
		heirless := make(map[zoneKey][]int)
		for i, z := range s.old {
			if !taken[i] {
				for _, key := range z.keys(places(z)) {
					heirless[key] = append(heirless[key], i)
				}
			}
		}
		for i, z := range zones {
			if s.from[i] == noZone {
				s.from[i] = take(heirless, z.keys(places(z)), taken)
			}
		}
	}
}

// take is the first zone of one of the keys that nobody has taken yet.
func take(heirless map[zoneKey][]int, keys []zoneKey, taken []bool) int {
	for _, key := range keys {
		for len(heirless[key]) > 0 {
			first := heirless[key][0]
			heirless[key] = heirless[key][1:]
			if !taken[first] {
				taken[first] = true
				return first
			}
		}
	}
	return noZone
}

// keys are those of a zone at some places.
func (z servedZone) keys(places []string) []zoneKey {
	keys := make([]zoneKey, len(places))
	for i, place := range places {
		keys[i] = zoneKey{place, z.h.view, z.zone().name}
	}
	return keys
}

// blockNumbers stand for the keys of server blocks, which can be as many as there are zones.
type blockNumbers struct {
	byKeys    map[string]string
	byHandler map[*Handler]string
}

func newBlockNumbers() blockNumbers {
	return blockNumbers{make(map[string]string), make(map[*Handler]string)}
}

func (b blockNumbers) of(z servedZone) []string {
	number, ok := b.byHandler[z.h]
	if !ok {
		if number, ok = b.byKeys[z.h.block]; !ok {
			number = strconv.Itoa(len(b.byKeys))
			b.byKeys[z.h.block] = number
		}
		b.byHandler[z.h] = number
	}
	return []string{number}
}

// listenersByHandler are the listeners of handlers, by the zones in the keys of their server blocks.
type listenersByHandler map[*Handler]map[string][]string

// of are the listeners that a zone is asked at: those of the keys that it lies in.
func (l listenersByHandler) of(z servedZone) []string {
	byZone, ok := l[z.h]
	if !ok {
		byZone = z.h.listeners()
		l[z.h] = byZone
	}
	var listeners []string
	for zone := range enclosing(z.zone().name) {
		listeners = append(listeners, byZone[zone]...)
	}
	return listeners
}

// listeners are the transports and ports of a server block, with the addresses that they are bound to, by zone.
func (h *Handler) listeners() map[string][]string {
	byZone := make(map[string][]string)
	for key := range strings.FieldsSeq(h.block) {
		scheme, rest, _ := strings.Cut(key, "://") // the keys have one form: dns://ZONE:PORT
		colon := strings.LastIndexByte(rest, ':')
		zone, port := rest[:max(colon, 0)], rest[colon+1:]
		for _, host := range h.config.ListenHosts {
			byZone[zone] = append(byZone[zone], scheme+" "+host+" "+port)
		}
	}
	return byZone
}

// enclosing are a name and all that it lies in, up to the root.
func enclosing(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for off, end := 0, name == "."; !end; off, end = dns.NextLabel(name, off) {
			if !yield(name[off:]) {
				return
			}
		}
		yield(".")
	}
}

// setSerials gives the zones of a handler their serials. A zone that did not change keeps the one of its predecessor; any
// other gets a newer one than the zone had anywhere, since secondaries know it by its name alone.
func (s *succession) setSerials(h *Handler, from []int, now time.Time) {
	for i, served := range h.table.Zones() {
		z := &h.zones[i]
		if from[i] != noZone && s.old[from[i]].zone().hash == z.hash {
			z.serial = s.old[from[i]].zone().serial
			served.SetSerial(z.serial)
			continue
		}
		z.serial = uint32(now.Unix())
		if newest, ok := s.newest[z.name]; ok && !isNewer(z.serial, newest) {
			z.serial = newest + 1
		}
		served.SetSerial(z.serial)
		if !z.overlay { // else the zone is the next plugin's to tell of
			h.changed = append(h.changed, z.name)
		}
	}
}

// adopt makes the RRsets of a handler go on where those of the same name and type in the predecessors of its zones were.
func (s *succession) adopt(h *Handler, from []int) {
	h.table.Walk(func(name string, z *record.Zone, a, aaaa int, rrsets []record.RRset) {
		var old *Handler
		if before := from[z.Index]; before != noZone {
			old = s.old[before].h
		}
		adopt := func(rrtype uint16, number int) {
			o := orphan{h, name, rrtype, number}
			if old == nil || !s.adoptFrom(old, o) {
				s.orphans = append(s.orphans, o)
			}
		}
		if a >= 0 {
			adopt(dns.TypeA, a)
		}
		if aaaa >= 0 {
			adopt(dns.TypeAAAA, aaaa)
		}
		for _, set := range rrsets {
			if set.Chooser > 0 {
				adopt(dns.TypeCNAME, -set.Chooser)
			}
		}
	})
}

// adoptOrphan looks for the predecessor of an RRset in the other zones of its view, and finds it where a name moved from one
// zone to another one above or below.
func (s *succession) adoptOrphan(o orphan) {
	for zone := range enclosing(o.name) {
		for _, i := range s.byName[zoneKey{"", o.h.view, zone}] {
			if s.adoptFrom(s.old[i].h, o) {
				return
			}
		}
	}
}

// adoptFrom makes an RRset go on where the one of its name and type in an old handler is, if there is one that nobody has
// adopted yet.
func (s *succession) adoptFrom(old *Handler, o orphan) bool {
	if o.rrtype == dns.TypeCNAME {
		before := old.alternativesOf(o.name)
		if before == 0 || s.claimed[old].alternatives[before] {
			return false
		}
		s.claimed[old].alternatives[before] = true
		o.h.adoptAlternatives(old, -o.number, before)
		return true
	}
	before, ok := old.table.Glue(o.name, o.rrtype)
	if !ok || s.claimed[old].addresses[before] {
		return false
	}
	s.claimed[old].addresses[before] = true
	o.h.adoptAddresses(old, o.number, before)
	return true
}

// alternativesOf is the number of the alternatives that stand at name itself, 0 if there are none.
func (h *Handler) alternativesOf(name string) int {
	set := h.table.Lookup(name, dns.TypeCNAME).RRset
	if set == nil || set.Chooser == 0 || set.RRs[0].Header().Name != name {
		return 0
	}
	return set.Chooser
}

// adoptAddresses makes addresses go on where those before were. The two share their counters, since for a moment both
// answer.
func (h *Handler) adoptAddresses(old *Handler, number, before int) {
	set, oldSet := &h.rrsets[number], &old.rrsets[before]
	switch g, oldGroup := h.groupForAll(int(set.chooser)), old.groupForAll(int(oldSet.chooser)); {
	case set.chooser == noChooser && oldSet.chooser == noChooser:
		set.pool.Adopt(oldSet.pool.Counters())
	case set.chooser != noChooser && oldSet.chooser != noChooser:
		h.adoptGroups(old, int(set.chooser), int(oldSet.chooser))
	case g != nil: // it got its first check or weight
		g.AdoptCounters(oldSet.pool.Counters())
	case oldGroup != nil: // it lost its last
		set.pool.Adopt(oldGroup.Counters())
	}
	h.adoptPicks(old, number, before)
}

// groupForAll is the group that answers everyone whom no network or place selects another for, nil if there is none.
func (h *Handler) groupForAll(number int) *pool.Group {
	if number == noChooser {
		return nil
	}
	groups := h.groupsOf(number)
	isForAll := func(g group) bool { return g.key == config.ForAll }
	if i := slices.IndexFunc(groups, isForAll); i >= 0 {
		return groups[i].Group
	}
	return nil
}

// adoptAlternatives makes CNAMEs go on where those before were.
func (h *Handler) adoptAlternatives(old *Handler, number, before int) {
	for lane := range lanes {
		h.adoptGroups(old, h.alternatives[number].choosers[lane], old.alternatives[before].choosers[lane])
	}
	h.adoptPicks(old, -number, -before)
}

// adoptGroups makes the groups of a chooser go on where those of the same networks and places were.
func (h *Handler) adoptGroups(old *Handler, number, before int) {
	groups, oldGroups := h.groupsOf(number), old.groupsOf(before)
	byKey := make(map[string]int, len(oldGroups))
	for j := range oldGroups {
		byKey[oldGroups[j].key] = j
	}
	h.keeper.failing.descend(number, old.keeper, before)
	for i := range groups {
		if j, ok := byKey[groups[i].key]; ok {
			h.keeper.inherit(h.choosers[number].first+i, old.keeper, old.choosers[before].first+j)
		}
	}
}

// groupsOf is the groups of a chooser.
func (h *Handler) groupsOf(number int) []group {
	end := len(h.groups)
	if number+1 < len(h.choosers) {
		end = h.choosers[number+1].first
	}
	return h.groups[h.choosers[number].first:end]
}

// adoptPicks makes the counts of an RRset's first places go on, for the values that stayed.
func (h *Handler) adoptPicks(old *Handler, number, before int) {
	counts, oldCounts := h.picks[number], old.picks[before]
	if counts == nil || oldCounts == nil {
		return
	}
	byValue := make(map[string]*atomic.Uint64, len(oldCounts))
	for i, count := range oldCounts {
		byValue[old.value(before, i)] = count
	}
	for i := range counts {
		if count := byValue[h.value(number, i)]; count != nil {
			counts[i] = count
		}
	}
}
