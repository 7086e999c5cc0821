package roundrobin53

import (
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// take takes the next turn of a set for the query, and counts it. It appends the positions of the
// values to dst, none if no value is answered now.
func (q *query) take(set *policy.Set, dst []uint16) []uint16 {
	a := q.takeFor(set, q.class, dst)
	set.Count(&a)
	if a.Choice == nil {
		return a.Order
	}
	if a.FailsOpen() {
		q.listener.failOpen[set.Choosing().Zone].Inc()
	}
	if q.h.block.debug {
		q.logWhy(set, slices.Clone(a.Order))
	}
	return a.Order
}

// takeAdditional takes the next turn of a set for the additional section. Clients of SRV and MX use
// these addresses too, but they count neither as first picks nor as answers that fail open.
func (q *query) takeAdditional(set *policy.Set) []uint16 {
	return q.takeFor(set, turn.Additional, nil).Order
}

// takeFor takes the next turn of a set in a class of queries.
func (q *query) takeFor(set *policy.Set, class turn.Class, dst []uint16) policy.Answer {
	if !set.Chooses() {
		return policy.Answer{Order: set.Pool.Take(class, dst)}
	}
	a := set.Take(q.store.Verdicts.Board(), class, q.whoFor(set.Needs()), dst)
	if q.subnet != nil {
		q.subnet.scope = max(q.subnet.scope, a.Scope)
	}
	return a
}
