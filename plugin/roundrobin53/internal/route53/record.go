package route53

import (
	"errors"
	"fmt"
	"slices"
)

// errNoAlias says that a group is not written as an ALIAS.
var errNoAlias = errors.New("not an alias by itself")

// writeAlias writes a group as an ALIAS: an alias without a policy, to another record of the zone or to a name
// elsewhere. If the name has a second alias, for the other family, both are one line.
func (w *writer) writeAlias(it *item, g *group) error {
	kept := g.kept()
	rs := kept[0]
	if g.policy != simple || len(kept) > 1 || !rs.isAlias() {
		return errNoAlias
	}
	target := w.target(rs)
	name, err := corefileName(rs.AliasTarget.DNSName)
	if err != nil {
		return err
	}
	if target != nil {
		if _, err := w.chart(g); err != nil {
			return err
		}
		it.needs = target.groupKey
	} else if _, err := w.leaf(rs); err != nil {
		return err
	}
	var comments []string
	if rs.HealthCheckID != "" {
		comments = append(comments, "its health check "+quoted(rs.HealthCheckID)+" changes nothing: there is no other record set to answer")
	}
	shown := name
	if target != nil {
		shown = w.zone.relative(name)
	}
	words := []string{"record", w.zone.relative(g.name), "ALIAS", shown}
	other := w.zone.groups[groupKey{g.name, map[string]string{"A": "AAAA", "AAAA": "A"}[g.rrtype]}]
	switch {
	case w.isSameAlias(rs, other):
		it.groups = append(it.groups, other)
		if target == nil {
			_, err = w.leaf(other.kept()[0])
		} else {
			_, err = w.chart(other)
		}
		if err != nil {
			return err
		}
	default:
		words = append(words, g.rrtype)
	}
	it.statements = []statement{{words: words, comments: comments}}
	return nil
}

// isSameAlias reports whether a group is an alias like another one.
func (w *writer) isSameAlias(rs *recordSet, other *group) bool {
	if other == nil {
		return false
	}
	kept := other.kept()
	return len(kept) == 1 && other.policy == simple && kept[0].isAlias() && kept[0].AliasTarget.DNSName == rs.AliasTarget.DNSName &&
		(w.target(rs) == nil) == (w.target(kept[0]) == nil) && kept[0].HealthCheckID == rs.HealthCheckID
}

// writeChart writes a group with its options.
func (w *writer) writeChart(g *group) ([]statement, error) {
	made, err := w.chart(g)
	if err != nil {
		return nil, err
	}
	routes, err := made.written()
	if err != nil {
		return nil, err
	}
	g.remarkOnIdle(routes)
	if len(made.ttls) > 1 {
		g.change(fmt.Sprintf("its TTL becomes %d: the record sets of one name and type have one here", made.ttls[0]))
	}
	layout, err := newLayout(routes, made.fills)
	if err != nil {
		return nil, err
	}
	ttl := uint32(aliasTTL)
	if len(made.ttls) > 0 {
		ttl = made.ttls[0]
	}
	st := statement{words: []string{"record", w.zone.relative(g.name), fmt.Sprint(ttl), g.rrtype}}
	for _, r := range routes {
		for i, t := range r.tiers {
			for _, v := range t.values {
				st.block = append(st.block, statement{words: layout.words(&r, i, v), comments: v.comments})
			}
		}
	}
	for _, option := range layout.options() {
		st.block = append(st.block, statement{words: option})
	}
	if len(st.block) == 1 {
		st.words, st.comments, st.block = append(st.words, st.block[0].words[1:]...), st.block[0].comments, nil
	}
	return []statement{st}, nil
}

// remarkOnIdle notes which record sets lead to no value: others, which are always healthy, are answered instead.
func (g *group) remarkOnIdle(routes []route) {
	used := make(map[*recordSet]bool)
	for _, r := range routes {
		for _, t := range r.tiers {
			for _, v := range t.values {
				for _, rs := range v.sets {
					used[rs] = true
				}
			}
		}
	}
	for _, rs := range g.kept() {
		if !used[rs] {
			rs.change("it is not written, because it is never answered: whenever it is healthy, so is one that comes before it")
		}
	}
}

// written returns the routes as the Corefile has them. The server itself goes on to wider routes, and answers the
// first tier where nothing is up; where Route 53 does something else, it is written out.
func (c *chart) written() ([]route, error) {
	isNative := !slices.ContainsFunc(c.routes, func(r route) bool { return !r.failsOpen() })
	var routes []route
	for _, r := range c.routes {
		tiers := r.tiers
		if !isNative {
			seen, err := branch{chart: c}.seenFrom(&r)
			if err != nil {
				return nil, err
			}
			tiers = append(seen.tiers, r.rest...)
		}
		routes = append(routes, route{place: r.place, network: r.network, tiers: reduce(tiers)})
	}
	return routes, nil
}

// layout is how the values of a record are written.
type layout struct {
	byDistance, byLine, fills bool
}

// anywhere is the location of values whose distance does not matter, in records of which other values have one.
const anywhere location = "0,0"

func newLayout(routes []route, fills bool) (*layout, error) {
	l := &layout{fills: fills}
	isPlaced := func(v value) bool { return v.at != "" }
	isWeighted := func(v value) bool { return v.hasWeight }
	isLine := func(v value) bool { return v.isName || len(v.data) > 1 }
	var isChosen, isLong bool
	for _, r := range routes {
		for _, t := range r.tiers {
			if fills && !t.fitsBesideMany() {
				return nil, errors.New("beside a multivalue answer, another policy or more than 8 values at once")
			}
			l.byDistance = l.byDistance || slices.ContainsFunc(t.values, isPlaced)
			isChosen = isChosen || slices.ContainsFunc(t.values, isWeighted)
			isLong = isLong || slices.ContainsFunc(t.values, isLine)
		}
	}
	isChosen = isChosen || l.byDistance
	if fills && isChosen {
		return nil, errors.New("both multivalue answers and another policy that chooses, in one tree of aliases")
	}
	l.byLine = isChosen && isLong
	return l, nil
}

// fitsBesideMany reports whether a tier can be in a record whose answers have up to eight values.
func (t tier) fitsBesideMany() bool {
	return t.many || len(t.values) == 1 && !t.values[0].isName && len(t.values[0].data) <= answersAtMost
}

// words writes a value line of tier i, which counts from 0.
func (l *layout) words(r *route, i int, v value) []string {
	words := append([]string{"value"}, v.data...)
	add := func(isGiven bool, more ...string) {
		if isGiven {
			words = append(words, more...)
		}
	}
	add(v.hasWeight, "weight", fmt.Sprint(v.weight))
	add(i > 0, "priority", fmt.Sprint(i+1))
	add(r.network != "", "from", r.network)
	add(r.place != "", "geo", r.place)
	at := v.at
	if at == "" {
		at = anywhere
	}
	add(l.byDistance, "at", string(at))
	if len(v.checks) > 0 {
		words = append(append(words, "check"), v.checks...)
	}
	return words
}

// options writes the options of the record.
func (l *layout) options() [][]string {
	var options [][]string
	add := func(isGiven bool, words ...string) {
		if isGiven {
			options = append(options, words)
		}
	}
	add(l.byDistance, "order", "nearest")
	add(l.byLine, "answers", "line")
	add(l.fills, "answers", fmt.Sprint(answersAtMost))
	return options
}
