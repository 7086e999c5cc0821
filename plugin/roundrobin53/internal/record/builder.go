package record

import (
	"cmp"
	"strings"

	"github.com/miekg/dns"
)

// A Builder makes a Table. Names given to it are lower-case and fully qualified and lie inside one
// of its zones, and no zone is a wildcard. Whoever reads the configuration ensures that, and also
// the rules that concern more than one RRset (CNAME beside other data).
type Builder struct {
	zones  []Zone
	drafts []draft
	names  map[string]int32 // owner name to draft
}

// A draft is a node of the table to be.
type draft struct {
	name    string
	zone    int32
	a, aaaa int32
	rrsets  []RRset
}

// A ZoneConfig describes a zone to NewBuilder.
type ZoneConfig struct {
	SOA *dns.SOA // its owner is the apex; the serial is set later, see Zone.SetSerial

	HideSOA bool  // the apex has no SOA RRset: the SOA is there for negative answers only
	Source  int32 // of the SOA RRset: see RRset
}

// NewBuilder starts a table of zones. Size is the expected number of names.
func NewBuilder(size int, zones ...ZoneConfig) *Builder {
	b := &Builder{
		zones:  make([]Zone, len(zones)),
		drafts: make([]draft, 0, size+len(zones)),
		names:  make(map[string]int32, size+len(zones)),
	}
	for i, zone := range zones {
		negative := *zone.SOA
		negative.Hdr.Ttl = min(zone.SOA.Hdr.Ttl, zone.SOA.Minttl)
		z := &b.zones[i]
		z.Origin, z.Index = zone.SOA.Hdr.Name, i
		z.Negative, z.soa = []dns.RR{&negative}, zone.SOA
	}
	for i, zone := range zones {
		z := &b.zones[i]
		apex := b.insert(z.Origin, int32(i))
		if !zone.HideSOA {
			apex.rrsets = append(apex.rrsets, RRset{Type: dns.TypeSOA, Source: zone.Source, RRs: []dns.RR{z.soa}})
		}
	}
	for i := range b.zones { // only now, since the names are the apexes alone
		b.zones[i].parent = b.enclosing(b.zones[i].Origin)
	}
	for i := range b.zones {
		if z := &b.zones[i]; z.parent != nil {
			b.draft(above(z.Origin))
		}
	}
	return b
}

// AddAddresses gives name the A or AAAA RRset with this number.
func (b *Builder) AddAddresses(name string, rrtype uint16, number int) {
	d := b.draft(name)
	if rrtype == dns.TypeA {
		d.a = int32(number)
	} else {
		d.aaaa = int32(number)
	}
}

// Add gives name an RRset of any type but A and AAAA.
func (b *Builder) Add(name string, rrset RRset) {
	d := b.draft(name)
	d.rrsets = append(d.rrsets, rrset)
}

// Table returns the finished table. The builder must not be used again.
func (b *Builder) Table() *Table {
	t := &Table{index: newIndex(len(b.drafts)), zones: b.zones}
	size := 0
	for i := range b.drafts {
		size += len(b.drafts[i].name)
	}
	var names strings.Builder
	names.Grow(size)
	for i := range b.drafts {
		d := &b.drafts[i]
		n := t.add(d.name, node{start: uint32(names.Len()), length: uint16(len(d.name)), a: d.a, aaaa: d.aaaa, zone: d.zone})
		names.WriteString(d.name)
		if d.rrsets != nil {
			t.addRare(n).rrsets = d.rrsets
		}
	}
	t.names = names.String()
	for i := range b.drafts {
		name := b.drafts[i].name
		n := t.find(name)
		if cut := t.topmostCut(n); cut != nil {
			t.addRare(n).cut = cut
		}
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			t.addRare(t.find(cmp.Or(parent, "."))).wild = n // the parent exists: no apex is a wildcard
		}
	}
	return t
}

// enclosing returns the zone right above an apex, nil if there is none. It finds it by name, while
// the only names are apexes.
func (b *Builder) enclosing(origin string) *Zone {
	for name := origin; name != "."; {
		name = above(name)
		if i, ok := b.names[name]; ok {
			return &b.zones[b.drafts[i].zone]
		}
	}
	return nil
}

// draft returns the draft of name. It makes it, with the empty non-terminals above it, if there is
// none.
func (b *Builder) draft(name string) *draft {
	if i, ok := b.names[name]; ok {
		return &b.drafts[i]
	}
	if name == "." {
		panic("record: a name lies in no zone of the table")
	}
	return b.insert(name, b.draft(above(name)).zone)
}

// above returns a name without its first label.
func above(name string) string {
	off, _ := dns.NextLabel(name, 0)
	return cmp.Or(name[off:], ".")
}

func (b *Builder) insert(name string, zone int32) *draft {
	b.names[name] = int32(len(b.drafts))
	b.drafts = append(b.drafts, draft{name: name, zone: zone, a: None, aaaa: None})
	return &b.drafts[len(b.drafts)-1]
}

// topmostCut returns the topmost node with an NS RRset below the apex of n's zone, n itself
// included, nil if there is none. Names below it belong to another zone (RFC 1034 §4.2).
func (t *Table) topmostCut(n *node) *node {
	var cut *node
	name, apex := t.name(n), t.zones[n.zone].Origin
	for off, end := 0, false; !end && len(name)-off > len(apex); off, end = dns.NextLabel(name, off) {
		if above := t.find(name[off:]); above != nil && t.rare(above).rrset(dns.TypeNS) != nil {
			cut = above
		}
	}
	return cut
}
