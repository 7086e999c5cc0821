package route53

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Read reads files that the AWS CLI has printed, in any order. Each can hold several objects.
func Read(files []*File) (*Zones, error) {
	in := &input{checks: make(map[string]*healthCheck)}
	for _, file := range files {
		if err := in.read(file); err != nil {
			return nil, err
		}
	}
	zones := &Zones{checks: in.checks, network: make(map[string][]string)}
	byName, err := in.zones()
	if err != nil {
		return nil, err
	}
	if err := in.fill(byName); err != nil {
		return nil, err
	}
	for _, block := range in.blocks {
		if blocks := zones.network[block.LocationName]; !slices.Contains(blocks, block.CidrBlock) {
			zones.network[block.LocationName] = append(blocks, block.CidrBlock)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if z := byName[name]; len(z.sets) > 0 {
			z.divide()
			zones.all = append(zones.all, z)
		}
	}
	return zones, nil
}

// zones finds the zones: those that have an SOA, and those that a hosted zone is given for.
func (in *input) zones() (map[string]*zone, error) {
	zones := make(map[string]*zone)
	add := func(name string) *zone {
		if zones[name] == nil {
			zones[name] = &zone{name: name, base: octal}
		}
		return zones[name]
	}
	for _, hosted := range in.hosted {
		name, err := corefileName(hosted.Name)
		if err != nil {
			return nil, err
		}
		add(name)
	}
	some := false
	for rs := range in.recordSets() {
		if some = true; rs.Type == "SOA" {
			add(rs.name)
		}
	}
	if !some {
		return nil, errors.New("no record sets; print them with aws route53 list-resource-record-sets")
	}
	return zones, nil
}

// recordSets yields all record sets that were read.
func (in *input) recordSets() func(yield func(*recordSet) bool) {
	return func(yield func(*recordSet) bool) {
		for _, doc := range in.documents {
			for _, rs := range doc.sets {
				if !yield(rs) {
					return
				}
			}
		}
		for _, c := range in.changes {
			if !yield(c.set) {
				return
			}
		}
	}
}

// setKey identifies a record set.
type setKey struct{ zone, name, rrtype, identifier string }

// filler puts record sets into their zones.
type filler struct {
	zones map[string]*zone
	sets  map[setKey]*recordSet
	gone  map[*recordSet]bool // record sets that a change has deleted or replaced
}

// fill puts the record sets into their zones, and carries out the changes.
func (in *input) fill(zones map[string]*zone) error {
	f := &filler{zones, make(map[setKey]*recordSet), make(map[*recordSet]bool)}
	for _, doc := range in.documents {
		if err := f.addDocument(doc); err != nil {
			return err
		}
	}
	for _, c := range in.changes {
		if err := f.change(c); err != nil {
			return err
		}
	}
	for _, z := range zones {
		z.sets = slices.DeleteFunc(z.sets, func(rs *recordSet) bool { return f.gone[rs] })
	}
	return nil
}

// addDocument adds the record sets of a document, a page of those of a zone.
func (f *filler) addDocument(doc *document) error {
	for i, rs := range doc.sets {
		z, key, err := f.find(rs)
		if err != nil {
			return err
		}
		if i == 0 {
			z.pages++
		}
		if i == 0 && doc.truncated {
			z.truncated++
		}
		if err := f.add(z, key, rs); err != nil {
			return err
		}
	}
	return nil
}

// change carries out a change.
func (f *filler) change(c *change) error {
	z, key, err := f.find(c.set)
	if err != nil {
		return err
	}
	if old := f.sets[key]; old != nil && c.Action != "CREATE" {
		f.gone[old] = true
		delete(f.sets, key)
	}
	if c.Action == "DELETE" {
		return nil
	}
	return f.add(z, key, c.set)
}

// find returns the zone that a record set belongs to: the longest that its name lies in.
func (f *filler) find(rs *recordSet) (*zone, setKey, error) {
	for off, end := 0, false; !end; off, end = dns.NextLabel(rs.name, off) {
		if z := f.zones[rs.name[off:]]; z != nil {
			return z, setKey{z.name, rs.name, rs.Type, rs.SetIdentifier}, nil
		}
	}
	return nil, setKey{}, rs.at.errorf("no zone for %s: neither an SOA record set nor a hosted zone was read; add what aws route53 get-hosted-zone prints", rs.name)
}

// add adds a record set to its zone. A page may be read twice.
func (f *filler) add(z *zone, key setKey, rs *recordSet) error {
	old := f.sets[key]
	switch {
	case old == nil:
		f.sets[key] = rs
		z.sets = append(z.sets, rs)
		return nil
	case old.isSame(rs):
		return nil
	}
	return rs.at.errorf("%s was read already, with something else; are there two zones of one name, one of them private? Import each by itself", rs)
}

// soa returns the SOA record set of a zone, nil if it has none.
func (z *zone) soa() *recordSet {
	if g := z.groups[groupKey{z.name, "SOA"}]; g != nil {
		if kept := g.kept(); len(kept) > 0 {
			return kept[0]
		}
	}
	return nil
}

// isIncomplete reports whether a page of the zone's record sets is missing.
func (z *zone) isIncomplete() bool { return z.pages > 0 && z.truncated >= z.pages }

const (
	defaultTTL = 300       // of Route 53's console
	maxTTL     = 1<<31 - 1 // of DNS, RFC 2181 §8
)

// ttl returns the TTL of the block: that of the SOA, because it bounds that of negative answers.
func (z *zone) ttl() uint32 {
	if soa := z.soa(); soa != nil && soa.TTL != nil {
		return min(*soa.TTL, maxTTL)
	}
	return defaultTTL
}

// relative writes an owner name as short as it can stand in the zone's block.
func (z *zone) relative(name string) string {
	if name == z.name {
		return "@"
	}
	short := strings.TrimSuffix(name, "."+z.name)
	isWord := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_*.", r) }
	labels := dns.SplitDomainName(short)
	zoneLabels := dns.SplitDomainName(z.name)
	isDigits := strings.Trim(short, "0123456789.") == "" // an address, or a duration
	if strings.ContainsFunc(short, isWord) || isDigits && len(labels) > 1 || len(zoneLabels) == 0 || labels[len(labels)-1] == zoneLabels[len(zoneLabels)-1] {
		return name
	}
	return short
}

// corefileName turns a name of the JSON into a full name as Corefiles have it. Route 53 writes octets in
// octal: \052 is the wildcard.
func corefileName(text string) (string, error) { return spellName(text, octal) }

// The bases of numbers in escapes.
const (
	octal   = 8  // Route 53's
	decimal = 10 // of zone files (RFC 1035)
)

// spellName reads a name, which is full whether or not it ends in a dot, and spells it for a Corefile: in
// lower case, and with octets as decimal numbers.
func spellName(text string, base int) (string, error) {
	if text == "." {
		return ".", nil
	}
	if text == "" {
		return "", errors.New(`"" is not a domain name`)
	}
	var b strings.Builder
	for rest, first := strings.TrimSuffix(text, "."), true; ; first = false {
		label, after, more, err := cutLabel(rest, base)
		if err != nil {
			return "", fmt.Errorf("%s: %w", quoted(text), err)
		}
		if label == "*" && first {
			b.WriteByte('*')
		} else {
			writeLabel(&b, label)
		}
		b.WriteByte('.')
		if rest = after; !more {
			break
		}
	}
	if _, ok := dns.IsDomainName(b.String()); !ok {
		return "", fmt.Errorf("%s is not a domain name", quoted(text))
	}
	return b.String(), nil
}

// cutLabel reads the octets of a name's first label, and returns what stands behind the dot.
func cutLabel(text string, base int) (label, rest string, more bool, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '.':
			return b.String(), text[i+1:], true, nil
		case '\\':
			octet, n, err := readEscape(text[i:], base)
			if err != nil {
				return "", "", false, err
			}
			b.WriteByte(octet)
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false, nil
}

// writeLabel writes the octets of a label in lower case. What may mean something else in a Corefile is
// written as a number.
func writeLabel(b *strings.Builder, label string) {
	for _, c := range []byte(label) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`*\.{}:"'(),;@$#`, c) >= 0 {
			fmt.Fprintf(b, `\%03d`, c)
			continue
		}
		b.WriteByte(c)
	}
}
