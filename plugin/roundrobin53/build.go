package roundrobin53

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
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
func build(c *config.Block) (*Handler, error) {
	h := &Handler{upstream: upstream.New(), alternatives: make([]alternatives, 1)}
	choosers := newChooserBuilder(h)
	var zones []record.ZoneConfig
	for _, d := range c.Directives {
		for _, name := range d.Zones {
			zones = append(zones, record.ZoneConfig{SOA: soaRecord(d, name), HideSOA: d.Overlays(name) && d.SOA == nil})
			h.zones = append(h.zones, zone{name: name, fall: fall.F{Zones: d.Fallthrough}, ecs: d.ECS, fast: d.Fastpath, overlay: d.Overlays(name)})
		}
	}
	hashes := make([]maphash.Hash, len(zones))
	for i := range hashes {
		hashes[i].SetSeed(serialSeed)
		writeRR(&hashes[i], zones[i].SOA)
	}
	builder := record.NewBuilder(len(c.Owners), zones...)
	addDefaultNS(c, builder)
	var slab pool.Slab
	delegates := false
	for _, owner := range c.Owners {
		z := &h.zones[owner.Zone.Index]
		z.names++
		for _, set := range owner.RRsets {
			z.count += len(set.Addresses) + len(set.RRs)
			h.add(builder, choosers, &slab, owner, set, &hashes[owner.Zone.Index])
			delegates = delegates || set.Type == dns.TypeNS && owner.Name != z.name
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
	h.warnings = c.Warnings
	if delegates {
		h.warnings = append(h.warnings, h.delegationWarnings(c)...)
	}
	h.warnings = append(h.warnings, h.nameServerWarnings(c)...)
	return h, nil
}

// add puts an RRset into the table.
func (h *Handler) add(builder *record.Builder, choosers *chooserBuilder, slab *pool.Slab, owner *config.Owner, set *config.RRset, hash *maphash.Hash) {
	name := owner.Name
	writeDrained(hash, set)
	if set.Addresses == nil {
		for _, rr := range set.RRs {
			rr.Header().Ttl = set.TTL
			writeRR(hash, rr)
		}
		made := record.RRset{Type: set.Type, RRs: set.RRs}
		if set.Lines != nil {
			made.Chooser = len(h.alternatives)
			a := alternatives{rrs: set.RRs, ttl: set.TTL}
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
	made := addressRRset{pool.New(set.Addresses, set.Order, set.Answers), set.TTL, noChooser}
	if set.Lines != nil {
		made.chooser = int32(choosers.add(owner, set, number))
	}
	slab.Keep(&made.pool)
	h.rrsets = append(h.rrsets, made)
	builder.AddAddresses(name, set.Type, number)
	_, _ = hash.WriteString(name)
	maphash.WriteComparable(hash, [2]uint32{set.TTL, uint32(set.Type)})
	_, _ = hash.Write(h.rrsets[number].pool.Octets())
	h.countFirst(number, owner, set)
	if msg := tooLarge(name, set); msg != "" {
		h.large = append(h.large, msg)
	}
}

// writeDrained adds to the hash of a zone which values of an RRset are drained: secondaries do not get them.
func writeDrained(hash *maphash.Hash, set *config.RRset) {
	for i := range set.Lines {
		if line := &set.Lines[i]; line.Drain {
			maphash.WriteComparable(hash, [2]int{line.First, line.Count})
		}
	}
}

// countFirst makes the first places of an RRset be counted, if its record says so. Number is that of the addresses, or
// less than 0 that of the alternatives.
func (h *Handler) countFirst(number int, owner *config.Owner, set *config.RRset) {
	if !set.Metrics {
		return
	}
	counted := countedRRset{number: number, zone: owner.Zone.Name, name: owner.Name, rrtype: set.Type}
	if h.picks == nil {
		h.picks = make(map[int][]*atomic.Uint64)
	}
	for range set.Endpoints() {
		h.picks[number] = append(h.picks[number], new(atomic.Uint64))
	}
	h.counted = append(h.counted, counted)
}

func writeRR(hash *maphash.Hash, rr dns.RR) { _, _ = hash.WriteString(rr.String()) }

// soaRecord is the SOA of a zone, given or synthesized, but for its serial.
func soaRecord(d *config.Directive, zone string) *dns.SOA {
	rr := &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: d.TTL},
		Ns:  config.Below(config.DefaultNameServer, zone), Mbox: config.Below(config.DefaultMailbox, zone),
		Refresh: defaultRefresh, Retry: defaultRetry, Expire: defaultExpire, Minttl: d.TTL,
	}
	if len(d.NameServers) > 0 {
		rr.Ns, _ = config.FullName(d.NameServers[0].Name, zone, d.Index) // checked when it was read
	}
	if d.SOA != nil {
		rr.Ns, _ = config.FullName(d.SOA.MName, zone, d.Index)   // checked when it was read
		rr.Mbox, _ = config.FullName(d.SOA.RName, zone, d.Index) // checked when it was read
		for i, timer := range []*uint32{&rr.Refresh, &rr.Retry, &rr.Expire, &rr.Minttl} {
			if i < len(d.SOA.Timers) {
				*timer = d.SOA.Timers[i]
			}
		}
	}
	return rr
}

// addDefaultNS gives the zones without ns lines their NS record; the apex of an overlay has only what its lines say.
func addDefaultNS(c *config.Block, builder *record.Builder) {
	for _, d := range c.Directives {
		for _, name := range d.Zones {
			if len(d.NameServers) > 0 || d.Overlays(name) {
				continue
			}
			hdr := dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: d.TTL}
			builder.Add(name, record.RRset{Type: dns.TypeNS, RRs: []dns.RR{&dns.NS{Hdr: hdr, Ns: config.Below(config.DefaultNameServer, name)}}})
		}
	}
}
