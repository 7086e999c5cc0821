package record

import (
	"cmp"
	"strings"

	"github.com/miekg/dns"
)

// Builder makes a Table. Names given to it are lower-case and fully qualified and lie inside one of its zones, and no
// zone is a wildcard; whoever
// reads the configuration sees to that, and to the rules that one RRset can't break alone (CNAME beside other data).
type Builder struct {
	t Table
}

// ZoneConfig describes a zone to NewBuilder.
type ZoneConfig struct {
	SOA *dns.SOA // its owner is the apex; the serial is set later, see Zone.SetSerial

	HideSOA bool // the apex has no SOA RRset: the SOA is there for negative answers only
}

// NewBuilder starts a table of zones. Size is how many names are to be expected.
func NewBuilder(size int, zones ...ZoneConfig) *Builder {
	b := &Builder{t: Table{
		names: make(map[string]int32, size+len(zones)),
		nodes: make([]node, 0, size+len(zones)),
		zones: make([]Zone, len(zones)),
	}}
	for i, zone := range zones {
		negative := *zone.SOA
		negative.Hdr.Ttl = min(zone.SOA.Hdr.Ttl, zone.SOA.Minttl)
		b.t.zones[i] = Zone{
			Origin:   zone.SOA.Hdr.Name,
			Index:    i,
			Negative: []dns.RR{&negative},
			soa:      zone.SOA,
		}
	}
	for i, zone := range zones {
		z := &b.t.zones[i]
		apex := b.insert(z.Origin, int32(i))
		if n := &b.t.nodes[apex]; !zone.HideSOA {
			n.rrsets = append(n.rrsets, RRset{Type: dns.TypeSOA, RRs: []dns.RR{z.soa}})
		}
		z.parent = b.enclosing(z.Origin)
	}
	for i := range b.t.zones {
		if z := &b.t.zones[i]; z.parent != nil {
			b.insertAbove(z.Origin, int32(z.parent.Index))
		}
	}
	return b
}

// AddAddresses gives name the A or AAAA RRset of this number.
func (b *Builder) AddAddresses(name string, rrtype uint16, number int) {
	n := b.node(name)
	if rrtype == dns.TypeA {
		n.a = int32(number)
	} else {
		n.aaaa = int32(number)
	}
}

// Add gives name an RRset of any type but A and AAAA.
func (b *Builder) Add(name string, set RRset) {
	n := b.node(name)
	n.rrsets = append(n.rrsets, set)
}

// Table is the finished table; the builder may not be used again.
func (b *Builder) Table() *Table {
	t := &b.t
	for name, i := range t.names {
		t.nodes[i].cut = b.cut(name, i)
		if parent, ok := strings.CutPrefix(name, "*."); ok {
			t.nodes[t.names[cmp.Or(parent, ".")]].wild = i // it exists: no apex is a wildcard
		}
	}
	return t
}

// enclosing is the zone right above an apex.
func (b *Builder) enclosing(origin string) *Zone {
	var found *Zone
	for i := range b.t.zones {
		z := &b.t.zones[i]
		if z.Origin != origin && dns.IsSubDomain(z.Origin, origin) && (found == nil || len(z.Origin) > len(found.Origin)) {
			found = z
		}
	}
	return found
}

// node is the node of name; it is made, with the empty non-terminals above it, if it does not exist.
func (b *Builder) node(name string) *node {
	if i, ok := b.t.names[name]; ok {
		return &b.t.nodes[i]
	}
	encloser, ok := b.t.closestEncloser(name)
	if !ok {
		panic("record: " + name + " lies in no zone of the table")
	}
	zone := b.t.nodes[encloser].zone
	b.insertAbove(name, zone)
	i := b.insert(name, zone)
	return &b.t.nodes[i]
}

// insertAbove makes the empty non-terminals above name, up to the first name that exists.
func (b *Builder) insertAbove(name string, zone int32) {
	for off, _ := dns.NextLabel(name, 0); off < len(name); off, _ = dns.NextLabel(name, off) {
		if _, ok := b.t.names[name[off:]]; ok {
			return
		}
		b.insert(name[off:], zone)
	}
}

func (b *Builder) insert(name string, zone int32) int32 {
	i := int32(len(b.t.nodes))
	b.t.nodes = append(b.t.nodes, node{a: none, aaaa: none, zone: zone, cut: none, wild: none})
	b.t.names[name] = i
	return i
}

// cut is the topmost node between the apex of name's zone and name itself that holds an NS RRset: names below it are
// another zone's (RFC 1034 §4.2).
func (b *Builder) cut(name string, i int32) int32 {
	cut := int32(none)
	apex := b.t.zones[b.t.nodes[i].zone].Origin
	for off, end := 0, false; !end && len(name)-off > len(apex); off, end = dns.NextLabel(name, off) {
		if above, ok := b.t.names[name[off:]]; ok && b.t.nodes[above].rrset(dns.TypeNS) != nil {
			cut = above
		}
	}
	return cut
}
