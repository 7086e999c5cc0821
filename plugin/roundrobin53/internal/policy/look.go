package policy

import (
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// Choice returns what a group answers under the board.
func (b *Board) Choice(g *Group) *pool.Choice { return b.choice(g.number) }

// Condition returns the condition for a value to be up, nil if the value is always up.
func (g *Group) Condition(value int) *Condition { return g.conditions[value] }

// GroupsNow returns the groups of a set as an operator steers them. It holds up verdicts that change
// meanwhile, but no query.
func (v *Verdicts) GroupsNow(s *Set) []*Group {
	v.mu.Lock()
	defer v.mu.Unlock()
	groups := make([]*Group, 0, len(s.Groups()))
	for _, g := range s.Groups() {
		groups = append(groups, v.variantLocked(g.number))
	}
	return groups
}

// HasPlain reports whether an operator steers values of sets in which turns alone decide.
func (b *Board) HasPlain() bool { return len(b.plain) > 0 }

// Wait returns when a group chooses anew because a better tier has been fit for long enough, the
// zero time if no tier waits. It holds up verdicts that change meanwhile, but no query.
func (v *Verdicts) Wait(g *Group) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.waits[g.number]
}
