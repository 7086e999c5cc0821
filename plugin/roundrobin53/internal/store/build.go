package store

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// The SOA timers of zones whose Corefile gives none, in seconds, within the ranges of RIPE-203 and
// RFC 1912 §2.2.
const (
	defaultRefresh = 7200
	defaultRetry   = 1800
	defaultExpire  = 86400 * 14
)

// serialSeed makes the hashes of one configuration comparable with those of the next.
var serialSeed = maphash.MakeSeed()

// A builder makes a store.
type builder struct {
	*Store
	table    *record.Builder
	choosing *choosingBuilder
	slab     pool.Slab
	system   lookup.Resolver // of directives that name no servers; the zero Resolver until one is needed
	hashes   []maphash.Hash  // by zone
}

// Build makes the store of a block. It returns an error if CNAMEs lead nowhere but back to
// themselves.
func Build(c *config.Block) (*Store, error) {
	b := &builder{Store: &Store{cnames: make([]*policy.CNAMEs, 1), Warnings: c.Warnings}}
	b.choosing = newChoosingBuilder(b.Store)
	b.addZones(c)
	b.sets = make([]policy.Set, 0, countSets(c)) // never moved: others point to them
	b.sources.sets = make([]policy.Source, 0, cap(b.sets))
	delegates := false
	for _, owner := range c.Owners {
		z := &b.Zones[owner.Zone.Index]
		z.Names++
		for _, rrset := range owner.RRsets {
			z.Values += len(rrset.Addresses) + len(rrset.RRs)
			if err := b.add(owner, rrset); err != nil {
				return nil, err
			}
			delegates = delegates || rrset.Type == dns.TypeNS && owner.Name != z.Name
		}
	}
	for i := range b.hashes {
		b.Zones[i].hash = b.hashes[i].Sum64()
	}
	s := b.Store
	s.sources.byFile = nil
	s.Table = b.table.Table()
	if err := validateCNAMEs(c, s.Table); err != nil {
		return nil, err
	}
	s.live.settle(b.choosing, len(s.Targets))
	s.Verdicts = policy.NewVerdicts(s.choosingSets(), len(s.Targets), time.Now())
	if delegates {
		s.warnDelegations(c)
	}
	s.warnNameServers(c)
	return s, nil
}

// choosingSets returns all sets that choose among their values.
func (s *Store) choosingSets() []*policy.Set {
	var sets []*policy.Set
	for i := range s.sets {
		if s.sets[i].Chooses() {
			sets = append(sets, &s.sets[i])
		}
	}
	for _, c := range s.cnames[1:] {
		sets = append(sets, c.Sets()...)
	}
	return sets
}

func countSets(c *config.Block) int {
	n := 0
	for _, owner := range c.Owners {
		for _, rrset := range owner.RRsets {
			if rrset.IsAddress() {
				n++
			}
		}
	}
	return n
}

// addZones starts the table with the zones of all directives.
func (b *builder) addZones(c *config.Block) {
	var zones []record.ZoneConfig
	for _, d := range c.Directives {
		for _, name := range d.Zones {
			isOverlay := d.Overlays(name)
			zone := record.ZoneConfig{SOA: soaRecord(d, name), HideSOA: isOverlay && d.SOA == nil}
			if d.SOA != nil {
				zone.Source = b.sources.addRRs(d.SOA.Position)
			}
			zones = append(zones, zone)
			b.Zones = append(b.Zones, Zone{Name: name, ECS: d.ECS, Fastpath: d.Fastpath, State: d.State(), Overlay: isOverlay, through: d.Through})
		}
	}
	b.hashes = make([]maphash.Hash, len(zones))
	for i := range b.hashes {
		b.hashes[i].SetSeed(serialSeed)
		writeRR(&b.hashes[i], zones[i].SOA)
	}
	b.table = record.NewBuilder(len(c.Owners), zones...)
	addDefaultNS(c, b.table)
}

// add puts an RRset into the table.
func (b *builder) add(owner *config.Owner, rrset *config.RRset) error {
	hash := &b.hashes[owner.Zone.Index]
	writeDrained(hash, rrset)
	if rrset.IsAddress() {
		return b.addAddresses(owner, rrset, hash)
	}
	for _, rr := range rrset.RRs {
		rr.Header().Ttl = rrset.TTL
		writeRR(hash, rr)
	}
	made := record.RRset{Type: rrset.Type, Source: b.sources.addRRs(rrset.Positions()...), RRs: rrset.RRs}
	if rrset.Lines != nil {
		made.CNAMEs = len(b.cnames)
		cnames := policy.NewCNAMEs(rrset.RRs, rrset.TTL, func() policy.Choosing { return b.choosing.of(owner, rrset) })
		if rrset.Metrics {
			cnames.CountPicks()
			b.noteCounted(owner, rrset, cnames.Speaker())
		}
		b.noteDrained(owner, rrset, cnames.Speaker())
		b.cnames = append(b.cnames, cnames)
	}
	b.table.Add(owner.Name, made)
	return nil
}

// addAddresses puts an A or AAAA RRset into the table.
func (b *builder) addAddresses(owner *config.Owner, rrset *config.RRset, hash *maphash.Hash) error {
	number := len(b.sets)
	made := policy.NewSet(newPool(rrset), rrset.TTL)
	isLive := rrset.IsLookedUp()
	switch {
	case isLive:
		resolver, err := b.resolverOf(rrset)
		if err != nil {
			return err
		}
		made = b.live.add(b.choosing, owner, rrset, resolver)
	case rrset.Lines != nil:
		made.SetChoosing(b.choosing.of(owner, rrset))
	}
	if rrset.Metrics {
		made.CountPicks()
	}
	if !isLive {
		b.slab.Keep(&made.Pool)
	}
	b.sets = append(b.sets, made)
	b.sources.sets = append(b.sources.sets, b.sources.source(rrset.Position, 0))
	if other := owner.AliasOf(rrset); other != "" {
		b.noteAlias(number, other)
	}
	if isLive {
		b.live.place(&b.sets[number])
	}
	if rrset.Metrics {
		b.noteCounted(owner, rrset, &b.sets[number])
	}
	b.noteDrained(owner, rrset, &b.sets[number])
	b.table.AddAddresses(owner.Name, rrset.Type, number)
	_, _ = hash.WriteString(owner.Name)
	maphash.WriteComparable(hash, [2]uint32{rrset.TTL, uint32(rrset.Type)})
	_, _ = hash.Write(made.Octets())
	writeNames(hash, rrset)
	if msg := tooLarge(owner.Name, rrset); msg != "" {
		b.Large = append(b.Large, msg)
	}
	return nil
}

// writeNames adds the values that are names to the hash of their zone.
func writeNames(hash *maphash.Hash, rrset *config.RRset) {
	for i := range rrset.Lines {
		for _, name := range rrset.Lines[i].Names {
			_, _ = hash.WriteString(name)
		}
	}
}

// noteCounted notes a set that counts its first picks.
func (b *builder) noteCounted(owner *config.Owner, rrset *config.RRset, counted *policy.Set) {
	b.Counted = append(b.Counted, Counted{owner.Zone.Name, owner.Name, rrset.Type, counted})
}

// noteAlias notes that the A or AAAA RRset of a number is an ALIAS for another name.
func (b *builder) noteAlias(number int, other string) {
	if b.aliases == nil {
		b.aliases = make(map[int]string)
	}
	b.aliases[number] = other
}

// noteDrained notes a set with drained values.
func (b *builder) noteDrained(owner *config.Owner, rrset *config.RRset, set *policy.Set) {
	if slices.ContainsFunc(rrset.Lines, func(line config.RRsetLine) bool { return line.Drain }) {
		b.drained = append(b.drained, Counted{owner.Zone.Name, owner.Name, rrset.Type, set})
	}
}

// writeDrained adds the drained values of an RRset to the hash of its zone, since secondaries do
// not get them.
func writeDrained(hash *maphash.Hash, rrset *config.RRset) {
	for i := range rrset.Lines {
		if line := &rrset.Lines[i]; line.Drain {
			maphash.WriteComparable(hash, [2]int{line.First, line.Count})
		}
	}
}
func writeRR(hash *maphash.Hash, rr dns.RR) { _, _ = hash.WriteString(rr.String()) }

// soaRecord returns the SOA of a zone, given or synthesized, without its serial.
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

// addDefaultNS gives the zones without ns lines their NS record. The apex of an overlay has only
// what its lines say.
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
