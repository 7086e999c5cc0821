package roundrobin53

import (
	"cmp"
	"slices"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// Transfer implements transfer.Transferer. A zone is transferred whole: all addresses but drained ones, whatever their
// health, in the order of the Corefile. A secondary that has the serial gets the SOA alone (RFC 1995 §4). Zones that lie over another plugin's are that one's to
// transfer.
func (h *Handler) Transfer(name string, serial uint32) (<-chan []dns.RR, error) {
	i := slices.IndexFunc(h.zones, func(z zone) bool { return z.name == name })
	if i < 0 || h.zones[i].fall.Through(name) {
		return nil, transfer.ErrNotAuthoritative
	}
	soa := h.table.Zones()[i].SOA()
	ch := make(chan []dns.RR)
	go func() { // ends when the transfer plugin has read everything, which it always does
		defer close(ch)
		ch <- []dns.RR{dns.Copy(soa)}
		if serial != 0 && !isNewer(soa.Serial, serial) {
			return
		}
		for _, rrs := range h.zoneRRsets(name) {
			ch <- rrs
		}
		ch <- []dns.RR{dns.Copy(soa)}
	}()
	return ch, nil
}

// isNewer compares serials (RFC 1982 §3.2).
func isNewer(a, b uint32) bool { return a != b && a-b < 1<<31 }

// zoneRRsets is all RRsets of a zone but the SOA, in the order of their names, the apex first.
func (h *Handler) zoneRRsets(origin string) [][]dns.RR {
	type named struct {
		name string
		rrs  []dns.RR
	}
	var all []named
	h.table.Walk(func(name string, zone *record.Zone, a, aaaa int, rrsets []record.RRset) {
		if zone.Origin != origin {
			return
		}
		for _, set := range rrsets {
			if rrs := h.transferred(set); set.Type != dns.TypeSOA && len(rrs) > 0 {
				all = append(all, named{name, appendRRs(nil, name, rrs)})
			}
		}
		for _, number := range []int{a, aaaa} {
			if number < 0 {
				continue
			}
			if rrs := h.transferredAddresses(name, number); len(rrs) > 0 {
				all = append(all, named{name, rrs})
			}
		}
	})
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(dns.CountLabel(a.name), dns.CountLabel(b.name)), cmp.Compare(a.name, b.name))
	})
	rrsets := make([][]dns.RR, len(all))
	for i := range all {
		rrsets[i] = all[i].rrs
	}
	return rrsets
}

// transferred is the records of an RRset that a secondary gets: of several CNAMEs the first that an answer could have, since
// it takes no zone with a name that has more than one (RFC 2181 §10.1).
func (h *Handler) transferred(set record.RRset) []dns.RR {
	if set.Chooser == 0 {
		return set.RRs
	}
	undrained := h.undrained(h.alternatives[set.Chooser].choosers[laneOther]) // the other lanes have the same values
	if len(undrained) == 0 {
		return nil
	}
	first := undrained[0]
	return set.RRs[first : first+1]
}

// transferredAddresses is the records of an address RRset that a secondary gets, in the order of the Corefile.
func (h *Handler) transferredAddresses(owner string, number int) []dns.RR {
	set := &h.rrsets[number]
	var order []uint16
	if set.chooser == noChooser {
		for i := range set.pool.Len() {
			order = append(order, uint16(i))
		}
		return set.appendTo(nil, owner, order)
	}
	seen := make(map[string]bool)
	for _, endpoint := range h.undrained(int(set.chooser)) {
		if value := string(set.pool.Address(endpoint)); !seen[value] { // a value may stand once for each network and tier
			seen[value] = true
			order = append(order, uint16(endpoint))
		}
	}
	return set.appendTo(nil, owner, order)
}

// undrained is the endpoints that answers of a chooser can have, in the order of the Corefile.
func (h *Handler) undrained(chooser int) []int {
	var endpoints []int
	for _, g := range h.groupsOf(chooser) {
		endpoints = append(endpoints, g.Undrained()...)
	}
	slices.Sort(endpoints)
	return slices.Compact(endpoints)
}

// notify tells the secondaries of zones that there is something new (RFC 1996). It ends by itself: the transfer plugin
// asks each of them three times at most, two seconds long. A reload on the way does not stop it, since the next instance
// would not know that they were not told.
func notify(t *transfer.Transfer, zones []string) {
	for _, zone := range zones {
		if err := t.Notify(zone); err != nil {
			log.Warningf("NOTIFY for %s: %s", zone, err)
		}
	}
}
