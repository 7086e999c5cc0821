package roundrobin53

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// succeed takes over from the handler of the same server block in the instance before, if there was one: rotations and
// counts go on, and zones that did not change keep their serial. It may be called only before h answers.
func (h *Handler) succeed(old *Handler, now time.Time) {
	for i, zone := range h.table.Zones() {
		serial := uint32(now.Unix())
		before, known := old.zone(h.zones[i].name)
		switch {
		case known && before.hash == h.zones[i].hash:
			serial = before.serial
		case known && !isNewer(serial, before.serial):
			serial = before.serial + 1
			fallthrough
		default:
			if !h.zones[i].overlay { // else the zone is the next plugin's to tell of
				h.changed = append(h.changed, zone.Origin)
			}
		}
		h.zones[i].serial = serial
		zone.SetSerial(serial)
	}
	if old == nil {
		return
	}
	h.table.Walk(func(name string, _ *record.Zone, a, aaaa int, rrsets []record.RRset) {
		h.adopt(old, name, dns.TypeA, a)
		h.adopt(old, name, dns.TypeAAAA, aaaa)
		for _, set := range rrsets {
			if set.Chooser > 0 {
				h.adoptAlternatives(old, name, set.Chooser)
			}
		}
	})
}

// zone is the zone of this name in h, which may be nil.
func (h *Handler) zone(name string) (zone, bool) {
	if h == nil {
		return zone{}, false
	}
	i := slices.IndexFunc(h.zones, func(z zone) bool { return z.name == name })
	if i < 0 {
		return zone{}, false
	}
	return h.zones[i], true
}

// adopt makes an RRset go on where the one of the same name and type was. The two share their counters, since for a
// moment both answer.
func (h *Handler) adopt(old *Handler, name string, rrtype uint16, number int) {
	if number < 0 {
		return
	}
	before, ok := old.table.Glue(name, rrtype)
	if !ok {
		return
	}
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
	isForAll := func(g group) bool { return g.key == selectorOfRest }
	if i := slices.IndexFunc(groups, isForAll); i >= 0 {
		return groups[i].Group
	}
	return nil
}

// adoptAlternatives makes the CNAMEs of a name go on where those before were.
func (h *Handler) adoptAlternatives(old *Handler, name string, number int) {
	before := old.table.Lookup(name, dns.TypeCNAME).RRset
	if before == nil || before.Chooser == 0 || before.RRs[0].Header().Name != name {
		return
	}
	for lane := range lanes {
		h.adoptGroups(old, h.alternatives[number].choosers[lane], old.alternatives[before.Chooser].choosers[lane])
	}
	h.adoptPicks(old, -number, -before.Chooser)
}

// adoptGroups makes the groups of a chooser go on where those of the same networks and places were.
func (h *Handler) adoptGroups(old *Handler, number, before int) {
	groups, oldGroups := h.groupsOf(number), old.groupsOf(before)
	byKey := make(map[string]int, len(oldGroups))
	for j := range oldGroups {
		byKey[oldGroups[j].key] = j
	}
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
