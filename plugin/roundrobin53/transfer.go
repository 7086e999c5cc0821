package roundrobin53

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// Transfer implements transfer.Transferer. A zone is transferred whole: all addresses but drained
// ones, whatever their health, in the order of the Corefile. A secondary that has the serial gets
// the SOA alone (RFC 1995 §4). A zone that lies over another plugin's is not transferred here, but
// by that plugin.
func (h *Handler) Transfer(name string, serial uint32) (<-chan []dns.RR, error) {
	s := h.store.Load()
	i := slices.IndexFunc(s.Zones, func(z store.Zone) bool { return z.Name == name })
	if i < 0 || s.Zones[i].Overlay {
		return nil, transfer.ErrNotAuthoritative
	}
	soa := dns.Copy(s.Table.Zones()[i].SOA()).(*dns.SOA)
	soa.Serial = s.Table.Zones()[i].Serial()
	ch := make(chan []dns.RR)
	go func() { // ends when the transfer plugin has read everything, which it always does
		defer close(ch)
		ch <- []dns.RR{dns.Copy(soa)}
		if serial != 0 && !store.IsNewer(soa.Serial, serial) {
			return
		}
		for _, rrs := range zoneRRsets(s, name) {
			ch <- rrs
		}
		ch <- []dns.RR{dns.Copy(soa)}
	}()
	return ch, nil
}

// zoneRRsets returns all RRsets of a zone but the SOA, in the order of their names, the apex first.
func zoneRRsets(s *store.Store, origin string) [][]dns.RR {
	type named struct {
		name string
		rrs  []dns.RR
	}
	var all []named
	add := func(name string, rrs []dns.RR) {
		if len(rrs) > 0 {
			all = append(all, named{name, rrs})
		}
	}
	for name, node := range s.Table.All() {
		if node.Zone.Origin != origin {
			continue
		}
		for i := range node.RRsets {
			add(name, appendRRs(nil, name, transferred(s, &node.RRsets[i])))
		}
		for _, number := range []int{node.A, node.AAAA} {
			if number != record.None {
				set, _ := s.Now(number)
				add(name, transferredAddresses(set, name))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(dns.CountLabel(a.name), dns.CountLabel(b.name)), cmp.Compare(a.name, b.name))
	})
	rrsets := make([][]dns.RR, len(all))
	for i := range all {
		rrsets[i] = all[i].rrs
	}
	return rrsets
}

// transferred returns the records of an RRset that a secondary gets. Of several CNAMEs it gets the
// first that an answer could have, since it rejects a zone with several for one name (RFC 2181
// §10.1).
func transferred(s *store.Store, rrset *record.RRset) []dns.RR {
	if rrset.Type == dns.TypeSOA { // it stands before and behind all others
		return nil
	}
	several := s.CNAMEs(rrset)
	if several == nil {
		return rrset.RRs
	}
	undrained := several.Speaker().Undrained()
	if len(undrained) == 0 {
		return nil
	}
	return rrset.RRs[undrained[0] : undrained[0]+1]
}

// transferredAddresses returns the records of an address RRset that a secondary gets, in the order
// of the Corefile.
func transferredAddresses(set *policy.Set, owner string) []dns.RR {
	var order []uint16
	seen := make(map[string]bool)
	for _, value := range set.Undrained() {
		if address := string(set.Address(value)); !seen[address] { // a value may stand once for each network and tier
			seen[address] = true
			order = append(order, uint16(value))
		}
	}
	return appendAddresses(nil, set, owner, order)
}

// notifyInterval is the least time between two NOTIFY of a server block, reloads aside: names with a
// short TTL may change every few seconds.
const notifyInterval = 5 * time.Second

// A notifier tells the secondaries of zones that changed, at once and then not more often than every
// notifyInterval.
type notifier struct {
	tell func(zones []string)

	mu      sync.Mutex  // guards what follows
	zones   []string    // that have changed since
	last    time.Time   // when secondaries were told
	timer   *time.Timer // nil if none is running
	serving bool        // the instance serves, and did not stop
}

// noteChanged gives zones whose looked-up values changed a newer serial, and tells their
// secondaries, if there are any: without transfer nobody sees the serial.
func (h *Handler) noteChanged(zones []int) {
	if h.block.transfer == nil || len(zones) == 0 {
		return
	}
	s := h.store.Load()
	var changed []string
	for _, zone := range zones {
		z := s.Table.Zones()[zone]
		z.MoveSerial(uint32(time.Now().Unix()))
		if !s.Zones[zone].Overlay {
			changed = append(changed, z.Origin)
		}
	}
	h.notifier.note(changed)
}

// note notes that zones have changed.
func (n *notifier) note(zones []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, zone := range zones {
		if !slices.Contains(n.zones, zone) {
			n.zones = append(n.zones, zone)
		}
	}
	n.armLocked()
}

// armLocked sets the timer of the notifier, if there is something to tell.
func (n *notifier) armLocked() {
	if n.serving && n.timer == nil && len(n.zones) > 0 {
		n.timer = time.AfterFunc(max(0, time.Until(n.last.Add(notifyInterval))), n.fire)
	}
}

// fire tells what has changed.
func (n *notifier) fire() {
	n.mu.Lock()
	zones := n.zones
	n.zones, n.timer, n.last = nil, nil, time.Now()
	n.mu.Unlock()
	n.tell(zones)
}

// start lets the notifier tell.
func (n *notifier) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serving = true
	n.armLocked()
}

// stop makes the notifier tell nothing any more. The changes that it has not told of stay, for the
// next notifier to adopt.
func (n *notifier) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serving = false
	if n.timer != nil && n.timer.Stop() {
		n.timer = nil
	}
}

// adopt takes over the changes that a stopped notifier has not told of, in zones that isOwn
// accepts.
func (n *notifier) adopt(old *notifier, isOwn func(zone string) bool) {
	old.mu.Lock()
	zones := old.zones
	old.mu.Unlock()
	n.note(slices.DeleteFunc(slices.Clone(zones), func(zone string) bool { return !isOwn(zone) }))
}

// startNotifying lets the notifier tell, of the zones that changed by the reload, too.
func (h *Handler) startNotifying(before []*Handler) {
	if h.block.transfer == nil {
		return
	}
	isOwn := func(zone string) bool {
		return slices.ContainsFunc(h.store.Load().Zones, func(z store.Zone) bool { return z.Name == zone && !z.Overlay })
	}
	for _, old := range before {
		h.notifier.adopt(&old.notifier, isOwn)
	}
	h.notifier.note(h.changedZones())
	h.notifier.start()
}

// tellSecondaries tells the secondaries of zones that the zones have changed (RFC 1996). It ends by
// itself: the transfer plugin asks each secondary three times at most, for two seconds each. A reload
// does not stop it, since the next instance would not know that they were not told.
func (h *Handler) tellSecondaries(zones []string) {
	for _, zone := range zones {
		if err := h.block.transfer.Notify(zone); err != nil {
			log.Warningf("NOTIFY for %s: %s", zone, err)
		}
	}
}

// changedZones returns the zones whose present state the secondaries do not have yet.
func (h *Handler) changedZones() []string {
	var changed []string
	for _, z := range h.store.Load().Zones {
		if z.Changed {
			changed = append(changed, z.Name)
		}
	}
	return changed
}
