package route53

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// statement is a line of a Corefile with its comments and its block.
type statement struct {
	words    []string
	comments []string
	block    []statement
}

// item holds the statements of a zone's block for one name and type, or for A and AAAA of one name.
type item struct {
	name       string
	statements []statement
	groups     []*group
	needs      groupKey // the group that an ALIAS leads to; without it the item makes no sense
}

// leave leaves an item out.
func (it *item) leave(why string) {
	it.statements = nil
	for _, g := range it.groups {
		g.leave(why)
	}
}

// writer makes the items of a zone.
type writer struct {
	*charter
	items []*item
}

// write makes the item of a group, if it has anything to write.
func (w *writer) write(g *group) {
	if w.isWritten(g) {
		return
	}
	it := &item{name: g.name, groups: []*group{g}}
	w.items = append(w.items, it)
	kept := g.kept()
	if len(kept) == 0 {
		return
	}
	var err error
	switch g.rrtype {
	case "SOA":
		it.statements, err = writeSOA(kept[0], w.zone.base)
	case "A", "AAAA":
		if err = w.writeAlias(it, g); errors.Is(err, errNoAlias) {
			it.statements, err = w.writeChart(g)
		}
	case "CNAME":
		it.statements, err = w.writeChart(g)
	default:
		it.statements, err = w.writeData(g)
	}
	if err != nil {
		it.leave(err.Error())
	}
}

// isWritten reports whether a group is part of an item before.
func (w *writer) isWritten(g *group) bool {
	if len(w.items) == 0 {
		return false
	}
	last := w.items[len(w.items)-1]
	return last.name == g.name && slices.Contains(last.groups, g)
}

// writeData writes records of types that have no options.
func (w *writer) writeData(g *group) ([]statement, error) {
	kept := g.kept()
	all, err := w.dataOfGroup(g, kept)
	if err != nil {
		return nil, err
	}
	var statements []statement
	isApexNS := g.rrtype == "NS" && g.name == w.zone.name
	ttl := ttlOf(kept) // now that those of aliases are known
	for _, text := range all {
		words, err := dataWords(g.rrtype, text, w.zone.base)
		if err != nil {
			return nil, err
		}
		st := statement{words: append([]string{"record", w.zone.relative(g.name), ttl, g.rrtype}, words...)}
		if isApexNS {
			st.words = append([]string{"ns"}, words...)
		}
		statements = append(statements, st)
		if g.rrtype == "TXT" && !sameStrings(text, w.zone.base) {
			g.change("the strings of a TXT are joined, and cut again at 255 octets")
		}
	}
	statements[0].comments = identifiers(kept)
	if isApexNS {
		w.remarkOnServers(g, ttl, all)
	}
	return statements, nil
}

// dataOfGroup returns the data of all records of a group that has no options: those of a multivalue answer together,
// or else those that all of its record sets have.
func (w *writer) dataOfGroup(g *group, kept []*recordSet) ([]string, error) {
	var all []string
	for i, rs := range kept {
		if rs.HealthCheckID != "" && g.policy != simple {
			rs.change(fmt.Sprintf("its health check is left out: %s records have none here, and are answered whatever their health", g.rrtype))
		}
		values, err := w.dataOf(rs, nil)
		switch {
		case err != nil:
			return nil, err
		case i == 0 || g.policy == multivalue:
			all = append(all, values...)
		case !slices.Equal(all, values):
			return nil, fmt.Errorf("a %s policy among %s records, which have no options here", g.policy, g.rrtype)
		}
	}
	if g.policy == multivalue && len(all) > answersAtMost {
		return nil, fmt.Errorf("a multivalue answer of %d %s records, which are answered all at once here", len(all), g.rrtype)
	}
	return all, nil
}

// remarkOnServers notes what is different with the zone's name servers.
func (w *writer) remarkOnServers(g *group, ttl string, names []string) {
	if ttl != fmt.Sprint(w.zone.ttl()) {
		g.change(fmt.Sprintf("their TTL, %s, becomes that of the SOA", ttl))
	}
	isOfAWS := func(name string) bool { return strings.Contains(name, ".awsdns-") }
	if slices.ContainsFunc(names, isOfAWS) {
		g.change("write your own name servers instead of Route 53's")
	}
}

// dataOf returns the data of a record set, or of the simple one that it is an alias to.
func (w *writer) dataOf(rs *recordSet, way []*group) ([]string, error) {
	if !rs.isAlias() {
		return rs.values(), nil
	}
	target := w.target(rs)
	if target == nil || slices.Contains(way, target) {
		return nil, fmt.Errorf("its alias target %s has no %s record set in the zone", quoted(rs.AliasTarget.DNSName), rs.Type)
	}
	kept := target.kept()
	if len(kept) != 1 {
		return nil, fmt.Errorf("its alias target %s has a policy, and %s records have no options here", quoted(rs.AliasTarget.DNSName), rs.Type)
	}
	rs.TTL = kept[0].TTL
	return w.dataOf(kept[0], append(way, target))
}

// change notes a change of all record sets of a group.
func (g *group) change(why string) {
	for _, rs := range g.kept() {
		rs.change(why)
	}
}

// identifiers are comments with the set identifiers of record sets.
func identifiers(sets []*recordSet) []string {
	var all []string
	for _, rs := range sets {
		if rs.SetIdentifier != "" {
			all = append(all, quoted(rs.SetIdentifier))
		}
	}
	return all
}

// ttlOf returns the smallest TTL of record sets, and notes where they differ: an RRset has one.
func ttlOf(sets []*recordSet) string {
	least, found, differ := uint32(aliasTTL), false, false
	for _, rs := range sets {
		if rs.TTL == nil {
			continue
		}
		differ = differ || found && *rs.TTL != least
		if !found || *rs.TTL < least {
			least = *rs.TTL
		}
		found = true
	}
	if differ {
		for _, rs := range sets {
			rs.change(fmt.Sprintf("its TTL becomes %d: the record sets of one name and type have one here", least))
		}
	}
	return fmt.Sprint(least)
}

var errNoSOA = errors.New("it is not an SOA")

// writeSOA writes the SOA directive, which has no serial and no TTL.
func writeSOA(rs *recordSet, base int) ([]statement, error) {
	const fields = 7 // MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM
	words := strings.Fields(strings.Join(rs.values(), " "))
	if len(words) != fields {
		return nil, errNoSOA
	}
	st := statement{words: []string{"soa"}}
	for _, text := range words[:2] {
		name, err := spellName(text, base)
		if err != nil {
			return nil, err
		}
		st.words = append(st.words, name)
	}
	for _, text := range words[3:] {
		if _, err := strconv.ParseUint(text, 10, 31); err != nil {
			return nil, errNoSOA
		}
		st.words = append(st.words, text)
	}
	rs.change("its serial is made by the server")
	return []statement{st}, nil
}
