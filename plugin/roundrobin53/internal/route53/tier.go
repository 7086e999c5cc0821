package route53

import (
	"errors"
	"slices"
	"strings"
)

// value is a line of values in a Corefile, from one record set without a policy or with one.
type value struct {
	data      []string // addresses, or full names
	isName    bool     // of addresses: a name stands for them
	weight    int
	hasWeight bool
	at        location // "" if the order does not go by distance
	checks    []string // all of them must pass; in the order of their names
	comments  []string // the identifiers of the record sets on the way to it
	sets      []*recordSet
}

// tier holds the values among which a weight or a distance chooses.
type tier struct {
	values []value
	many   bool // up to eight of the values are answered
}

// route holds what is answered to the clients of a place or network: the first tier that has a value up.
type route struct {
	place, network string // both "": to those that no other route is for
	tiers          []tier // if they have no value up, the policies above go on to something else
	rest           []tier // if nothing has a value up; the last one is always up
}

// all returns all tiers, the last of which is always up.
func (r *route) all() []tier { return append(slices.Clip(r.tiers), r.rest...) }

// with returns tiers whose values have checks more.
func with(tiers []tier, checks []string) []tier {
	if len(checks) == 0 {
		return tiers
	}
	return edit(tiers, func(v *value) {
		v.checks = append(slices.Clone(v.checks), checks...)
		slices.Sort(v.checks)
		v.checks = slices.Compact(v.checks)
	})
}

// through returns tiers with values that a record set leads to. Comment names the record set.
func through(tiers []tier, rs *recordSet, comment string) []tier {
	return edit(tiers, func(v *value) {
		v.sets = append(slices.Clone(v.sets), rs)
		v.comments = slices.Clone(v.comments)
		switch {
		case comment == "":
		case v.comments == nil:
			v.comments = []string{comment}
		default:
			v.comments[0] = comment + ", " + v.comments[0]
		}
	})
}

// placed returns tiers whose values are at a location.
func placed(tiers []tier, at location) []tier { return edit(tiers, func(v *value) { v.at = at }) }

// edit returns a copy of tiers whose values are changed.
func edit(tiers []tier, change func(*value)) []tier {
	copied := slices.Clone(tiers)
	for i := range copied {
		copied[i].values = slices.Clone(copied[i].values)
		for j := range copied[i].values {
			change(&copied[i].values[j])
		}
	}
	return copied
}

// reduce leaves out tiers that are never used: whenever one of their values is up, so is one of an earlier tier.
func reduce(tiers []tier) []tier {
	var kept []tier
	for _, t := range tiers {
		isCovered := func(v value) bool {
			for _, earlier := range kept {
				for _, other := range earlier.values {
					if isSubset(other.checks, v.checks) {
						return true
					}
				}
			}
			return false
		}
		if slices.ContainsFunc(t.values, func(v value) bool { return !isCovered(v) }) {
			kept = append(kept, t)
		}
	}
	return kept
}

func isSubset(checks, of []string) bool {
	return !slices.ContainsFunc(checks, func(check string) bool { return !slices.Contains(of, check) })
}

// failsOpen reports whether the last tiers of a route need not be written: where nothing is up, the server answers
// as if the first tier were.
func (r *route) failsOpen() bool {
	all := reduce(r.all())
	if len(all) != len(reduce(r.tiers))+1 || len(all) < 2 {
		return len(all) == len(reduce(r.tiers))
	}
	return isSameOpen(all[0], all[len(all)-1])
}

// isSameOpen reports whether a tier is another one without checks.
func isSameOpen(first, last tier) bool {
	return slices.EqualFunc(first.values, last.values, func(a, b value) bool {
		return len(b.checks) == 0 && slices.Equal(a.data, b.data) && a.weight == b.weight && a.hasWeight == b.hasWeight && a.at == b.at
	})
}

// single returns the one tier that is used while anything is up.
func (r *route) single() (tier, error) {
	tiers := reduce(r.tiers)
	if len(tiers) != 1 {
		return tier{}, errors.New("a failover, or health that an alias does not evaluate, lies below it")
	}
	return tiers[0], nil
}

// checksKey tells whether values are up and down together.
func checksKey(v value) string { return strings.Join(v.checks, " ") }

// uniform returns an error unless all values of a tier are up and down together.
func (t tier) uniform() error {
	for _, v := range t.values {
		if checksKey(v) != checksKey(t.values[0]) {
			return errors.New("its values have health checks of their own, and weights within weights stay exact only if all are up or down together")
		}
	}
	return nil
}
