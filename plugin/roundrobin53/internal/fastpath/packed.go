package fastpath

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// An rrset is an RRset of the table, but for A and AAAA, packed, with what its answers have beside
// it. The table never changes, so all of that is found when the snapshot is made.
type rrset struct {
	wire.RRset
	owner   []byte   // its name, packed
	targets []target // of CNAMEs
	extras  []extra  // what may come in the additional section
	glue    int      // of a referral: how many of extras it can't do without
}

// A target is where a CNAME leads.
type target struct {
	name   string // lower-case
	packed []byte // as it is written
}

// An extra is a name that an RRset points to, with its records.
type extra struct {
	target
	isOwner bool                                  // the owner of the RRset, whatever it is called; it has no records here
	sets    [len(record.AddressTypes)]*policy.Set // nil where there is none
	service *rrset                                // of a name that a record in AliasMode points to; nil if there is none
	from    int                                   // the position, plus 1, of the service that points here; 0 if the RRset does
}

// packed holds the RRsets of a store for the fast path.
type packed struct {
	rrsets map[*record.RRset]*rrset // those that it can pack

	// By zone: the apex, the SOA of negative answers, and the answer to ANY.
	origins  [][]byte
	negative []wire.SOA
	any      []wire.RRset

	// Whether queries for the several CNAMEs of a name are answered here. They are not if an answer
	// may have to be left to the chain when the CNAME has taken its turn.
	takesCNAMEs bool
	largest     int // octets of the largest address RRset
}

// pack packs the RRsets of a store. HasPlaces says whether it is known here where clients are.
func pack(s *store.Store, hasNext, hasPlaces bool) packed {
	p := packed{rrsets: make(map[*record.RRset]*rrset), takesCNAMEs: true}
	for _, z := range s.Table.Zones() {
		origin, _ := packName(z.Origin) // it was read by miekg/dns
		negative, _ := packRRs(z.Negative)
		soa := wire.NewSOA(origin, negative.TTL, negative.Data(0))
		hinfo := &dns.HINFO{Hdr: dns.RR_Header{Name: z.Origin, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: z.SOA().Hdr.Ttl}, Cpu: store.AnyCPU}
		hinfos, _ := packRRs([]dns.RR{hinfo})
		p.origins, p.negative, p.any = append(p.origins, origin), append(p.negative, soa), append(p.any, hinfos)
	}
	for _, node := range s.Table.All() {
		for i := range node.RRsets {
			p.add(s, &node.RRsets[i])
			p.takesCNAMEs = p.takesCNAMEs && !leaves(s, &node.RRsets[i], hasNext)
		}
	}
	for i := range s.Sets() {
		set := &s.Sets()[i]
		p.largest = max(p.largest, store.AdditionalOctets(set, ""))
		p.takesCNAMEs = p.takesCNAMEs && (hasPlaces || set.Needs()&needsPlace == 0) && !set.IsLive()
	}
	return p
}

// leaves reports whether an RRset has a CNAME that the handler does not follow by itself.
func leaves(s *store.Store, of *record.RRset, hasNext bool) bool {
	for _, rr := range of.RRs {
		if cname, ok := rr.(*dns.CNAME); ok {
			name := strings.ToLower(cname.Target)
			found := s.Table.Lookup(name, dns.TypeA)
			if found.Kind == record.Outside || found.Unclaimed && hasNext && s.Zones[found.Zone.Index].Through(name) {
				return true
			}
		}
	}
	return false
}

// add packs an RRset, unless it is done or can't be.
func (p *packed) add(s *store.Store, of *record.RRset) *rrset {
	if done, ok := p.rrsets[of]; ok {
		return done
	}
	made, ok := packRRs(of.RRs)
	owner, isName := packName(of.RRs[0].Header().Name)
	if !ok || !isName {
		return nil
	}
	r := &rrset{RRset: made, owner: owner}
	p.rrsets[of] = r // before its extras, which may lead back here
	switch of.Type {
	case dns.TypeCNAME:
		for _, rr := range of.RRs {
			to, ok := newTarget(rr.(*dns.CNAME).Target)
			if !ok {
				delete(p.rrsets, of)
				return nil
			}
			r.targets = append(r.targets, to)
		}
	default:
		if !p.addExtras(s, r, of) {
			delete(p.rrsets, of)
			return nil
		}
	}
	return r
}

// addExtras finds what may come in the additional section of the answers that have an RRset, in the
// order of the chain. It reports false if a name can't be packed.
func (p *packed) addExtras(s *store.Store, r *rrset, of *record.RRset) bool {
	pointees := store.AppendPointees(nil, of.RRs)
	from := make([]int, len(pointees))
	for i := 0; i < len(pointees); i++ { // services have pointees, too
		t := pointees[i]
		e, ok := newExtra(s, t, from[i])
		if !ok {
			return false
		}
		if services := s.Services(t); services != nil {
			if e.service = p.add(s, services); e.service == nil {
				return false
			}
			pointees = store.AppendPointees(pointees, renamed(services.RRs, t.Name))
			for len(from) < len(pointees) {
				from = append(from, i+1)
			}
		}
		r.extras = append(r.extras, e)
	}
	if of.Type == dns.TypeNS {
		r.sortGlue(of.RRs[0].Header().Name)
	}
	return true
}

// newExtra makes an extra of a pointee, without services. It reports false if the name can't be packed.
func newExtra(s *store.Store, t store.Pointee, from int) (extra, bool) {
	to, ok := newTarget(t.Name)
	e := extra{target: to, isOwner: t.Owner && from == 0, from: from}
	for i, rrtype := range record.AddressTypes {
		if number := s.AddressesOf(t, rrtype); number != record.None && !e.isOwner {
			e.sets[i] = s.Set(number)
		}
	}
	return e, ok
}

// renamed returns copies of records with another owner.
func renamed(rrs []dns.RR, owner string) []dns.RR {
	copies := make([]dns.RR, 0, len(rrs))
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		copies = append(copies, rr)
	}
	return copies
}

// sortGlue puts the name servers that lie below a zone cut in front of the others.
func (r *rrset) sortGlue(cut string) {
	var glue, others []extra
	for _, e := range r.extras {
		if dns.IsSubDomain(cut, e.name) {
			glue = append(glue, e)
		} else {
			others = append(others, e)
		}
	}
	r.extras, r.glue = append(glue, others...), len(glue)
}

func newTarget(name string) (target, bool) {
	packed, ok := packName(name)
	return target{strings.ToLower(name), packed}, ok
}

// packName packs a name. It reports false if the name has escapes, whose lengths miekg/dns counts in
// ways of its own.
func packName(name string) ([]byte, bool) {
	octets := make([]byte, len(name)+1)
	n, err := dns.PackDomainName(name, octets, 0, nil, false)
	return octets[:n], err == nil && !strings.Contains(name, `\`)
}

// packRRs packs the data of records, which are of one RRset. It reports false if that fails, or if
// the length that miekg/dns tells of a record is not its length, as with escapes.
func packRRs(rrs []dns.RR) (wire.RRset, bool) {
	const head = 11 // of a record of the root
	data := make([][]byte, len(rrs))
	for i, rr := range rrs {
		rr = dns.Copy(rr)
		rr.Header().Name = "."
		octets := make([]byte, dns.Len(rr)+1)
		n, err := dns.PackRR(rr, octets, 0, nil, false)
		if err != nil || n != dns.Len(rr) {
			return wire.RRset{}, false
		}
		data[i] = octets[head:n:n]
	}
	hdr := rrs[0].Header()
	return wire.NewRRset(hdr.Rrtype, hdr.Ttl, data), true
}
