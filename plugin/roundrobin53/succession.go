package roundrobin53

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

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
			if !h.zones[i].fall.Through(zone.Origin) { // else the zone is the next plugin's to tell of
				h.changed = append(h.changed, zone.Origin)
			}
		}
		h.zones[i].serial = serial
		zone.SetSerial(serial)
	}
	if old == nil {
		return
	}
	h.table.Walk(func(name string, _ *record.Zone, a, aaaa int, _ []record.RRset) {
		h.adopt(old, name, dns.TypeA, a)
		h.adopt(old, name, dns.TypeAAAA, aaaa)
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
	set.pool.Adopt(oldSet.pool.Counters())
	counts, oldCounts := h.picks[number], old.picks[before]
	if counts == nil || oldCounts == nil {
		return
	}
	byValue := make(map[string]*atomic.Uint64, len(oldCounts))
	for i, count := range oldCounts {
		byValue[string(oldSet.pool.Address(i))] = count
	}
	for i := range counts {
		if count := byValue[string(set.pool.Address(i))]; count != nil {
			counts[i] = count
		}
	}
}
