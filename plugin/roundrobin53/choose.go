package roundrobin53

import (
	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// take takes the next turn of a set under a board, and counts it. It appends the positions of the
// values to dst, none if no value is answered now. It is never inlined, see respond.
//
//go:noinline
func (q *query) take(set *policy.Set, board *policy.Board, dst []uint16) policy.Answer {
	var a policy.Answer
	if set.Needs() == 0 {
		a = set.Take(board, q.class, nil, dst)
	} else {
		a = q.takeFor(set, board, q.class, dst)
	}
	set.Count(&a)
	if q.h.block.tells || q.h.block.debug || a.FailsOpen() {
		q.tell(set, board, a)
	}
	return a
}

// tell tells metrics, metadata and the log of an answer, those that want to know. It is never
// inlined, see respond.
//
//go:noinline
func (q *query) tell(set *policy.Set, board *policy.Board, a policy.Answer) {
	if q.h.block.tells {
		q.publish(set, outcomeOf(set, board, &a))
	}
	if a.FailsOpen() {
		q.listener.failOpen[set.Choosing().Zone].Inc()
	}
	if q.h.block.debug && a.Choice != nil && set.Chooses() {
		q.logWhy(set, a.Order)
	}
}

// takeAdditional takes the next turn of a set for the additional section. Clients of SRV and MX use
// these addresses too, but they count neither as first picks nor as answers that fail open.
func (q *query) takeAdditional(set *policy.Set, board *policy.Board) []uint16 {
	return q.takeFor(set, board, turn.Additional, nil).Order
}

// takeFor takes the next turn of a set that may not be the same for all clients, in a class of
// queries. It is never inlined: see respond, a client takes stack that other queries can do without.
//
//go:noinline
func (q *query) takeFor(set *policy.Set, board *policy.Board, class turn.Class, dst []uint16) policy.Answer {
	who := q.who(set.Needs())
	a := set.Take(board, class, &who, dst)
	if q.subnet != nil {
		q.subnet.scope = max(q.subnet.scope, a.Scope)
	}
	return a
}
