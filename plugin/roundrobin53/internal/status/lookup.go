package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// lookups describes all names that are values, each name of a block once.
func (v *view) lookups(in *Instance) []Lookup {
	all := make([][]Lookup, len(in.Blocks))
	for i, b := range in.Blocks {
		all[i] = b.lookups(v)
	}
	return append([]Lookup{}, slices.Concat(all...)...)
}

// lookups describes the block's names that are values.
func (b *Block) lookups(v *view) []Lookup {
	questions := b.Store.Questions()
	if len(questions) == 0 {
		return nil
	}
	all, index := make([]Lookup, len(questions)), make(map[lookup.Question]int, len(questions))
	for i, q := range questions {
		all[i], index[q] = v.lookup(b, q), i
	}
	for _, e := range v.entries {
		if v.zones[e.zone].block != b || e.rrset != nil {
			continue
		}
		for _, name := range b.Store.Names(v.set(&e)) {
			shown := &all[index[name.Question]]
			shown.Sources = append(shown.Sources, name.Source)
		}
	}
	return all
}

// names describes the names among the values of an RRset, for people: names that need an operator
// come first.
func (v *view) names(e *entry) []Lookup {
	if e.rrset != nil {
		return nil
	}
	b := v.zones[e.zone].block
	var all []Lookup
	for _, name := range b.Store.Names(v.set(e)) {
		shown := v.lookup(b, name.Question)
		shown.Sources = append(shown.Sources, name.Source)
		all = append(all, shown)
	}
	slices.SortStableFunc(all, func(a, b Lookup) int { return cmp.Compare(a.rank(), b.rank()) })
	return all
}

// rank orders names by how much they matter to an operator.
func (l *Lookup) rank() int {
	if l.Left > 0 {
		return len(resultRanks)
	}
	if rank := slices.Index(resultRanks, l.Result); rank >= 0 {
		return rank
	}
	return len(resultRanks) + 1
}

var resultRanks = []string{lookup.Never.String(), lookup.Empty.String(), lookup.Stale.String()}

// lookup describes a question.
func (v *view) lookup(b *Block, q lookup.Question) Lookup {
	var set lookup.Set
	if b.Known != nil {
		set = b.Known(q)
	}
	shown := Lookup{
		Name: q.Name, Type: dns.Type(q.Type).String(), Resolver: q.Resolver.String(),
		Result: set.State.String(), Since: timeOf(set.Since), TTL: int(set.TTL.Seconds()),
		Left: set.Left, Addresses: []string{}, Sources: []string{},
	}
	if !set.When.IsZero() {
		shown.Age = max(0, v.now.Sub(set.When)).Round(time.Second).String()
	}
	if set.Err != nil {
		shown.Reason = set.Err.Error()
	}
	for _, address := range set.Addresses {
		shown.Addresses = append(shown.Addresses, address.String())
	}
	return shown
}

// Found returns how many addresses the name has.
func (l *Lookup) Found() int { return len(l.Addresses) + l.Left }

// State returns the state whose looks the result has on the page.
func (l *Lookup) State() State {
	switch l.Result {
	case lookup.OK.String():
		return Up
	case lookup.Empty.String():
		return Down
	}
	return Unknown
}

// hasName reports whether a name among the values of an RRset contains a text.
func (v *view) hasName(e *entry, text string) bool {
	has := func(name store.Name) bool { return strings.Contains(name.Name, text) }
	return slices.ContainsFunc(v.zones[e.zone].block.Store.Names(v.set(e)), has)
}
