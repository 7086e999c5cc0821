package roundrobin53

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// appendAddresses appends addresses of a set to rrs, under an owner name and in the given order. It
// is never inlined, see respond.
//
//go:noinline
func appendAddresses(rrs []dns.RR, set *policy.Set, owner string, order []uint16) []dns.RR {
	if rrs == nil {
		rrs = make([]dns.RR, 0, len(order))
	}
	if set.Width() == 4 {
		return appendA(rrs, set, owner, order)
	}
	return appendAAAA(rrs, set, owner, order)
}

// appendA makes two allocations, whatever the number of addresses: one for the records and one for
// their octets. The octets are copied, since plugins may change what they are handed.
func appendA(rrs []dns.RR, set *policy.Set, owner string, order []uint16) []dns.RR {
	records := make([]dns.A, len(order))
	octets := make([]byte, 0, 4*len(order))
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: set.TTL}
	for i, endpoint := range order {
		octets = append(octets, set.Address(int(endpoint))...)
		rr := &records[i]
		rr.Hdr = hdr
		rr.A = octets[4*i : 4*i+4 : 4*i+4]
		rrs = append(rrs, rr)
	}
	return rrs
}

func appendAAAA(rrs []dns.RR, set *policy.Set, owner string, order []uint16) []dns.RR {
	records := make([]dns.AAAA, len(order))
	octets := make([]byte, 0, 16*len(order))
	hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: set.TTL}
	for i, endpoint := range order {
		octets = append(octets, set.Address(int(endpoint))...)
		rr := &records[i]
		rr.Hdr = hdr
		rr.AAAA = octets[16*i : 16*i+16 : 16*i+16]
		rrs = append(rrs, rr)
	}
	return rrs
}

// appendRRs appends an RRset of the table to rrs, under an owner name. It copies the records: a
// message belongs to the plugins it is handed to, and the cache of another server block, for
// example, sets TTLs in it.
func appendRRs(rrs []dns.RR, owner string, rrset []dns.RR) []dns.RR {
	rrs = slices.Grow(rrs, len(rrset))
	for _, rr := range rrset {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		rrs = append(rrs, rr)
	}
	return rrs
}
