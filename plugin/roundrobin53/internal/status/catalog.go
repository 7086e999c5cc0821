package status

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A catalog lists the RRsets of an instance: zones in the order of the Corefile, names in the order
// of RFC 4034 §6.1, so that what belongs together stands together.
type catalog struct {
	zones    []zone
	entries  []entry // of all zones, one zone after another
	choosing []int   // the entries whose values can be anything but up
	values   int
}

// A zone is a zone of a server block, with its entries.
type zone struct {
	*store.Zone
	block      *Block
	server     string
	index      int // in the block's store
	first, end int // of its entries
}

// An entry is an RRset.
type entry struct {
	name   string
	zone   int // in the catalog
	rrtype uint16
	number int           // of its set
	rrset  *record.RRset // nil for A and AAAA
}

func newCatalog(blocks []*Block) *catalog {
	c := new(catalog)
	for _, b := range blocks {
		first := len(c.zones)
		servers := b.servers()
		for i := range b.Store.Zones {
			z := &b.Store.Zones[i]
			c.zones = append(c.zones, zone{Zone: z, block: b, server: servers(z.Name), index: i})
			c.values += z.Values
		}
		for name, node := range b.Store.Table.All() {
			c.add(entry{name: name, zone: first + node.Zone.Index}, &node)
		}
	}
	slices.SortFunc(c.entries, compareEntries)
	for i := range c.entries {
		z := &c.zones[c.entries[i].zone]
		if z.end == 0 {
			z.first = i
		}
		z.end = i + 1
		if set := c.set(&c.entries[i]); set != nil && set.Chooses() {
			c.choosing = append(c.choosing, i)
		}
	}
	return c
}

// add adds the RRsets of a name.
func (c *catalog) add(e entry, node *record.Node) {
	for i, number := range [...]int{node.A, node.AAAA} {
		if number != record.None {
			c.entries = append(c.entries, entry{e.name, e.zone, record.AddressTypes[i], number, nil})
		}
	}
	for i := range node.RRsets {
		c.entries = append(c.entries, entry{e.name, e.zone, node.RRsets[i].Type, node.RRsets[i].CNAMEs, &node.RRsets[i]})
	}
}

// set returns how the values of an RRset are chosen, nil if an answer has them as they are.
func (c *catalog) set(e *entry) *policy.Set {
	s := c.zones[e.zone].block.Store
	if e.rrset == nil {
		return s.Set(e.number)
	}
	if cnames := s.CNAMEs(e.rrset); cnames != nil {
		return cnames.Speaker()
	}
	return nil
}

// present returns set with the values of now, where they are looked up.
func (c *catalog) present(e *entry) *policy.Set {
	set := c.set(e)
	if set == nil {
		return nil
	}
	return set.On(c.zones[e.zone].block.Store.Verdicts.Board())
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.zone, b.zone), compareNames(a.name, b.name), cmp.Compare(a.rrtype, b.rrtype))
}

// compareNames compares two names label by label, the last first.
func compareNames(a, b string) int {
	for a != b {
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		restA, labelA := cutLast(a)
		restB, labelB := cutLast(b)
		if labelA != labelB {
			return cmp.Compare(labelA, labelB)
		}
		a, b = restA, restB
	}
	return 0
}

// cutLast cuts the last label off a name.
func cutLast(name string) (rest, label string) {
	name = strings.TrimSuffix(name, ".")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// servers returns a function that tells which keys of the server block a zone lies in: those of the
// longest name.
func (b *Block) servers() func(zone string) string {
	keys := make(map[string][]string)
	for _, key := range b.Keys {
		_, rest, _ := strings.Cut(key, "://")
		name := rest[:max(0, strings.LastIndexByte(rest, ':'))]
		keys[name] = append(keys[name], key)
	}
	return func(zone string) string {
		for off, end := 0, zone == "."; !end; off, end = dns.NextLabel(zone, off) {
			if found := keys[zone[off:]]; found != nil {
				return strings.Join(found, " ")
			}
		}
		return strings.Join(keys["."], " ")
	}
}
