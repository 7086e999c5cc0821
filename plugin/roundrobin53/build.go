package roundrobin53

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// The timers of an SOA that the Corefile does not give, in seconds: within the ranges of RIPE-203 and RFC 1912 §2.2.
const (
	defaultRefresh = 7200
	defaultRetry   = 1800
	defaultExpire  = 86400 * 14
)

// zone is what a handler knows of one of its zones beyond the records.
type zone struct {
	name  string
	fall  fall.F
	names int    // owner names with data
	count int    // values: addresses and other records
	hash  uint64 // of everything in the zone but the serial
	ecs   bool   // ECS is heeded
	fast  bool   // queries may be answered beside the chain

	overlay bool // it lies over another plugin's zone of the same name

	serial uint32 // of the SOA, known from the start on
}

// serialSeed makes the hashes of one configuration comparable with those of the next.
var serialSeed = maphash.MakeSeed()

// build makes a handler of the configuration.
func build(c *config) (*Handler, error) {
	h := &Handler{upstream: upstream.New(), alternatives: make([]alternatives, 1)}
	choosers := newChooserBuilder(h)
	var zones []record.ZoneConfig
	for _, d := range c.directives {
		for _, name := range d.zones {
			zones = append(zones, record.ZoneConfig{SOA: soaRecord(d, name), HideSOA: d.overlays(name) && d.soa == nil})
			h.zones = append(h.zones, zone{name: name, fall: fall.F{Zones: d.fall}, ecs: d.ecs, fast: d.fast, overlay: d.overlays(name)})
		}
	}
	hashes := make([]maphash.Hash, len(zones))
	for i := range hashes {
		hashes[i].SetSeed(serialSeed)
		writeRR(&hashes[i], zones[i].SOA)
	}
	builder := record.NewBuilder(len(c.names), zones...)
	addDefaultNS(c, builder)
	var slab pool.Slab
	delegates := false
	for _, owner := range c.names {
		z := &h.zones[owner.zone.index]
		z.names++
		for _, set := range owner.sets {
			z.count += len(set.addresses) + len(set.rrs)
			h.add(builder, choosers, &slab, owner, set, &hashes[owner.zone.index])
			delegates = delegates || set.rrtype == dns.TypeNS && owner.name != z.name
		}
	}
	for i := range hashes {
		h.zones[i].hash = hashes[i].Sum64()
	}
	h.table = builder.Table()
	if err := checkLoops(c, h.table); err != nil {
		return nil, err
	}
	h.keeper = newKeeper(h)
	h.keeper.setAll(func(int) bool { return true }, time.Now())
	h.warnings = c.warnings
	if delegates {
		h.warnings = append(h.warnings, h.delegationWarnings(c)...)
	}
	h.warnings = append(h.warnings, h.nameServerWarnings(c)...)
	return h, nil
}

// add puts an RRset into the table.
func (h *Handler) add(builder *record.Builder, choosers *chooserBuilder, slab *pool.Slab, owner *ownerName, set *rrset, hash *maphash.Hash) {
	name := owner.name
	writeDrained(hash, set)
	if set.addresses == nil {
		for _, rr := range set.rrs {
			rr.Header().Ttl = set.ttl
			writeRR(hash, rr)
		}
		made := record.RRset{Type: set.rrtype, RRs: set.rrs}
		if set.lines != nil {
			made.Chooser = len(h.alternatives)
			a := alternatives{rrs: set.rrs, ttl: set.ttl}
			for lane := range a.choosers {
				a.choosers[lane] = choosers.add(owner, set, -made.Chooser)
			}
			h.alternatives = append(h.alternatives, a)
			h.countFirst(-made.Chooser, owner, set)
		}
		builder.Add(name, made)
		return
	}
	number := len(h.rrsets)
	made := addressRRset{pool.New(set.addresses, set.order, set.answers), set.ttl, noChooser}
	if set.lines != nil {
		made.chooser = int32(choosers.add(owner, set, number))
	}
	slab.Keep(&made.pool)
	h.rrsets = append(h.rrsets, made)
	builder.AddAddresses(name, set.rrtype, number)
	_, _ = hash.WriteString(name)
	maphash.WriteComparable(hash, [2]uint32{set.ttl, uint32(set.rrtype)})
	_, _ = hash.Write(h.rrsets[number].pool.Octets())
	h.countFirst(number, owner, set)
	if msg := tooLarge(name, set); msg != "" {
		h.large = append(h.large, msg)
	}
}

// writeDrained adds to the hash of a zone which values of an RRset are drained: secondaries do not get them.
func writeDrained(hash *maphash.Hash, set *rrset) {
	for i := range set.lines {
		if line := &set.lines[i]; line.drain {
			maphash.WriteComparable(hash, [2]int{line.first, line.count})
		}
	}
}

// countFirst makes the first places of an RRset be counted, if its record says so. Number is that of the addresses, or
// less than 0 that of the alternatives.
func (h *Handler) countFirst(number int, owner *ownerName, set *rrset) {
	if !set.metrics {
		return
	}
	counted := countedRRset{number: number, zone: owner.zone.name, name: owner.name, rrtype: set.rrtype}
	if h.picks == nil {
		h.picks = make(map[int][]*atomic.Uint64)
	}
	for range set.endpoints() {
		h.picks[number] = append(h.picks[number], new(atomic.Uint64))
	}
	h.counted = append(h.counted, counted)
}

func writeRR(hash *maphash.Hash, rr dns.RR) { _, _ = hash.WriteString(rr.String()) }

// soaRecord is the SOA of a zone, given or synthesized, but for its serial.
func soaRecord(d *directive, zone string) *dns.SOA {
	rr := &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: d.ttl},
		Ns:  below(defaultNameServer, zone), Mbox: below(defaultMailbox, zone),
		Refresh: defaultRefresh, Retry: defaultRetry, Expire: defaultExpire, Minttl: d.ttl,
	}
	if len(d.ns) > 0 {
		rr.Ns, _ = target(d.ns[0].name, zone, d.index) // checked when it was read
	}
	if d.soa != nil {
		rr.Ns, _ = target(d.soa.mname, zone, d.index)   // checked when it was read
		rr.Mbox, _ = target(d.soa.rname, zone, d.index) // checked when it was read
		for i, timer := range []*uint32{&rr.Refresh, &rr.Retry, &rr.Expire, &rr.Minttl} {
			if i < len(d.soa.timers) {
				*timer = d.soa.timers[i]
			}
		}
	}
	return rr
}

// addDefaultNS gives the zones without ns lines their NS record; the apex of an overlay has only what its lines say.
func addDefaultNS(c *config, builder *record.Builder) {
	for _, d := range c.directives {
		for _, name := range d.zones {
			if len(d.ns) > 0 || d.overlays(name) {
				continue
			}
			hdr := dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: d.ttl}
			builder.Add(name, record.RRset{Type: dns.TypeNS, RRs: []dns.RR{&dns.NS{Hdr: hdr, Ns: below(defaultNameServer, name)}}})
		}
	}
}
