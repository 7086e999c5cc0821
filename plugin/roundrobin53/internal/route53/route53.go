// Package route53 turns the AWS CLI's output about Amazon Route 53, and plain zone files, into
// server blocks with a roundrobin53 directive.
//
// Read and ReadZoneFile return Zones. Zones.Write writes a block for each: the record sets of one
// name and type become a record whose stages (route, health, tier, order, limit) give the same
// answers. Trees of aliases are flattened if the answers stay the same. What has no counterpart is
// left out, with a comment at its place and a line in the Report; nothing is approximated in
// silence.
//
// The package knows the words of the Corefile. Before it writes a block, it reads the block with
// package config, so that a server starts with it.
package route53

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Zones holds the zones that were read, and the health checks and locations that their record sets
// refer to.
type Zones struct {
	all     []*zone // in the order of their names
	checks  map[string]*healthCheck
	network map[string][]string // by location of a CIDR collection: its blocks
}

// zone is one hosted zone.
type zone struct {
	name   string // full and in lower case
	base   int    // of numbers in escapes
	sets   []*recordSet
	groups map[groupKey]*group

	pages, truncated int // lists of record sets that were read, and how many of them say that more follows
}

// groupKey names the record sets among which Route 53 chooses.
type groupKey struct{ name, rrtype string }

// group holds the record sets of one name and type.
type group struct {
	groupKey
	policy policy
	sets   []*recordSet
}

// fate says what becomes of a record set.
type fate int

const (
	asItWas fate = iota
	changed
	leftOut
)

// change notes that a record set is answered differently, and why.
func (rs *recordSet) change(why string) {
	if rs.fate == asItWas {
		rs.fate = changed
	}
	if !slices.Contains(rs.whys, why) {
		rs.whys = append(rs.whys, why)
	}
}

// leave notes that a record set is left out, and why.
func (rs *recordSet) leave(why string) {
	rs.fate = leftOut
	rs.whys = []string{why}
}

// String names a record set as comments and messages do.
func (rs *recordSet) String() string {
	text := rs.name + " " + rs.Type
	if rs.SetIdentifier != "" {
		text += " " + quoted(rs.SetIdentifier)
	}
	return text
}

// divide groups the record sets of a zone. It leaves out those that Route 53 itself could not hold.
func (z *zone) divide() {
	z.groups = make(map[groupKey]*group)
	for _, rs := range z.sets {
		key := groupKey{rs.name, rs.Type}
		g, ok := z.groups[key]
		if !ok {
			g = &group{groupKey: key}
			z.groups[key] = g
		}
		g.sets = append(g.sets, rs)
	}
	for _, g := range z.groups {
		g.sort()
		g.judge()
	}
}

// kept returns the record sets of a group that are not left out.
func (g *group) kept() []*recordSet {
	return slices.DeleteFunc(slices.Clone(g.sets), func(rs *recordSet) bool { return rs.fate == leftOut })
}

// leave leaves out all record sets of a group.
func (g *group) leave(why string) {
	for _, rs := range g.kept() {
		rs.leave(strings.TrimPrefix(why, nameOf(rs)+": ")) // another one may be the reason
	}
}

// sortedGroups returns the groups in the order of their names, the apex first, as Route 53 lists them.
func (z *zone) sortedGroups() []*group {
	all := make([]*group, 0, len(z.groups))
	keys := make(map[string]string, len(z.groups))
	for _, g := range z.groups {
		all = append(all, g)
		keys[g.name] = sortKey(g.name)
	}
	slices.SortFunc(all, func(a, b *group) int {
		if order := strings.Compare(keys[a.name], keys[b.name]); order != 0 {
			return order
		}
		return strings.Compare(a.rrtype, b.rrtype)
	})
	return all
}

// sortKey orders names by their labels, the last one first.
func sortKey(name string) string {
	labels := dns.SplitDomainName(name)
	slices.Reverse(labels)
	return strings.Join(labels, "\x00")
}
