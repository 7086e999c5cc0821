package policy

import (
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// A Report tells what the next query of a client gets from a set, and how that comes about. It is
// made by the code that answers, and takes no turn.
type Report struct {
	Answer
	Set    *Set         // with the values of the moment
	Steers Steers       // an operator's decisions about values
	Tried  []Tried      // the groups that were looked at, the most specific first; none if turns alone decide
	Values []ValueState // by position; none if turns alone decide

	// The rest is about the group that answers, if one does.
	Group *Group
	Tiers []pool.TierState
	Wait  time.Time // when a failback wait ends; the zero time if there is none
}

// Tried is a group that the client matches, with its state.
type Tried struct {
	Group  *Group
	Status pool.Status
}

// A ValueState describes one value of a set.
type ValueState struct {
	Line   *pool.Line
	Up     bool
	Blames []Blame // what takes the value down
	Steer  *Steer  // an operator's decisions about it; nil if there are none
}

// IsDrained reports whether the value is never answered.
func (s *ValueState) IsDrained() bool { return s.Line.Drain || s.Steer != nil && s.Steer.Drain != "" }

// A Blame names a check that makes a condition fail: the check does not pass or, if the condition
// inverts it, passes.
type Blame struct {
	Check    string
	Target   int // of the check; NoTarget for a check of several checks
	Inverted bool
	Forced   string // where it is written that the check fails; "" if it does so by itself
}

// NoTarget stands for the absence of a target.
const NoTarget = -1

// Report tells what the next query of a class and client gets from s. It holds up verdicts that
// change meanwhile, but no query.
func (v *Verdicts) Report(s *Set, class turn.Class, who *Who) *Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.board.Load()
	home := s
	s = s.On(b)
	r := &Report{Answer: s.See(b, class, who), Set: s, Steers: v.steers[home]}
	if !s.Chooses() {
		return r
	}
	r.Tried = s.more.tried(b, who)
	r.Values = v.valuesLocked(s, r.Steers)
	if r.Choice == nil {
		return r
	}
	for _, g := range s.more.Groups {
		if b.choice(g.number) == r.Choice {
			g = v.variantLocked(g.number)
			r.Group, r.Wait = g, v.waits[g.number]
			r.Tiers = g.TierStates(func(value int) bool { return r.Values[value].Up }, &v.failovers[g.number])
		}
	}
	return r
}

// GroupOf returns which of the set's groups a choice on a board belongs to, -1 if none.
func (s *Set) GroupOf(b *Board, choice *pool.Choice) int {
	isOf := func(g *Group) bool { return b.choice(g.number) == choice }
	return slices.IndexFunc(s.Groups(), isOf)
}

// tried returns the groups that a search looks at.
func (c *Choosing) tried(b *Board, who *Who) []Tried {
	if c.Routes == nil {
		return []Tried{{c.Groups[0], b.choice(c.Groups[0].number).Status()}}
	}
	var s search
	var tried []Tried
	client := route.Client{Network: who.Network, Places: who.Places}
	c.Routes.Match(&client, func(group int) bool {
		g := c.Groups[group]
		choice := b.choice(g.number)
		tried = append(tried, Tried{g, choice.Status()})
		return s.goesOn(choice)
	})
	return tried
}

// valuesLocked returns the states of the values of a set that chooses.
func (v *Verdicts) valuesLocked(s *Set, steers Steers) []ValueState {
	states := make([]ValueState, s.Values())
	for _, g := range s.more.Groups {
		g = v.variantLocked(g.number)
		for _, line := range g.Lines() {
			for i := line.First; i < line.First+line.Count; i++ {
				states[i] = ValueState{Line: line, Up: g.isUp(v.up, i), Steer: s.SteerOf(steers, i)}
				if c := g.conditions[i]; c != nil {
					states[i].Blames = c.blames(v.up, nil)
				}
			}
		}
	}
	return states
}

// Values returns how many values the set has.
func (s *Set) Values() int {
	if s.more != nil && s.more.cnames != nil {
		return len(s.more.cnames)
	}
	return s.Len()
}

// blames appends what makes the condition fail, nothing if it holds.
func (c *Condition) blames(up []bool, blames []Blame) []Blame {
	switch {
	case c.holds(up):
		return blames
	case c.Forced != nil:
		return append(blames, Blame{Check: c.Check, Target: NoTarget, Forced: c.Forced.Source})
	case len(c.Of) == 0:
		return append(blames, Blame{Check: c.Check, Target: c.Target, Inverted: c.Inverted})
	case c.Inverted: // because others pass
		return append(blames, Blame{Check: c.Check, Target: NoTarget, Inverted: true})
	}
	for i := range c.Of {
		blames = c.Of[i].blames(up, blames)
	}
	return blames
}
