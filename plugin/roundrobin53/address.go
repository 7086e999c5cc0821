package roundrobin53

import (
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// addressRRset is an A or AAAA RRset: a TTL, and the pool that decides what is answered.
type addressRRset struct {
	pool    pool.Pool
	ttl     uint32
	chooser int32 // among the handler's, noChooser if the pool alone decides
}

// appendTo appends the set's addresses to rrs, under an owner name and in an order.
func (set *addressRRset) appendTo(rrs []dns.RR, owner string, order []uint16) []dns.RR {
	if rrs == nil {
		rrs = make([]dns.RR, 0, len(order))
	}
	if set.pool.Width() == 4 {
		return set.appendA(rrs, owner, order)
	}
	return set.appendAAAA(rrs, owner, order)
}

// appendA takes two allocations, whatever the number of addresses: the records and their octets, which are copied since
// plugins may change what they are handed.
func (set *addressRRset) appendA(rrs []dns.RR, owner string, order []uint16) []dns.RR {
	records := make([]dns.A, len(order))
	octets := make([]byte, 0, 4*len(order))
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: set.ttl}
	for i, endpoint := range order {
		octets = append(octets, set.pool.Address(int(endpoint))...)
		rr := &records[i]
		rr.Hdr = hdr
		rr.A = octets[4*i : 4*i+4 : 4*i+4]
		rrs = append(rrs, rr)
	}
	return rrs
}

func (set *addressRRset) appendAAAA(rrs []dns.RR, owner string, order []uint16) []dns.RR {
	records := make([]dns.AAAA, len(order))
	octets := make([]byte, 0, 16*len(order))
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: set.ttl}
	for i, endpoint := range order {
		octets = append(octets, set.pool.Address(int(endpoint))...)
		rr := &records[i]
		rr.Hdr = hdr
		rr.AAAA = octets[16*i : 16*i+16 : 16*i+16]
		rrs = append(rrs, rr)
	}
	return rrs
}
