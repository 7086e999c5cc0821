package policy

import (
	"maps"
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// What an operator decides at run time lies on the board as verdicts do. A group with decided
// values has a variant, which counts together with the group and has the same number; the choice on
// the board is then the variant's. A set in which turns alone decide has no group, so its choice
// lies on the board beside the others.

// steerLocked makes the variant of a group, if something is decided of values of it.
func (v *Verdicts) steerLocked(s *Set, g *Group) {
	delete(v.variants, g.number)
	if variant := g.steered(s, v.steers[g.set]); variant != nil {
		v.variants[g.number] = variant
	}
}

// variantLocked returns the group of a number as it is steered.
func (v *Verdicts) variantLocked(number int) *Group {
	if variant := v.variants[number]; variant != nil {
		return variant
	}
	return v.groups[number]
}

// steered returns the variant of a group, nil if nothing is decided of its values.
func (g *Group) steered(s *Set, steers Steers) *Group {
	if len(steers) == 0 {
		return nil
	}
	steering := newSteering()
	conditions := slices.Clone(g.conditions)
	isSteered := false
	for _, value := range g.Endpoints() {
		steer := s.SteerOf(steers, value)
		if steer == nil {
			continue
		}
		isSteered = true
		steering.add(value, steer, s.named(steers, value))
		if c := conditions[value]; c != nil {
			conditions[value] = c.steered(steer.Checks)
		}
	}
	if !isSteered {
		return nil
	}
	return &Group{Group: g.Steered(&steering.Steering), Name: g.Name, Key: g.Key, conditions: conditions, set: g.set, number: g.number}
}

// A steering gathers what pool has to know.
type steering struct {
	pool.Steering
	sharers map[*Steer]int // numbers of the names whose addresses share a weight
}

func newSteering() steering {
	return steering{pool.Steering{Drained: make(map[int]bool), Weights: make(map[int]int), Shared: make(map[int]int)}, make(map[*Steer]int)}
}

// add adds the decisions about a value. Named holds those about the name that the value comes from,
// nil if there are none: the addresses of a name share its weight.
func (s *steering) add(value int, steer, named *Steer) {
	if steer.Drain != "" {
		s.Drained[value] = true
	}
	if steer.Weight == nil {
		return
	}
	s.Weights[value] = steer.Weight.Weight
	if named == nil || named.Weight != steer.Weight {
		return
	}
	if _, ok := s.sharers[named]; !ok {
		s.sharers[named] = len(s.sharers)
	}
	s.Shared[value] = s.sharers[named]
}

// plainChoices returns the choices of sets in which turns alone decide if an operator steers their
// values; nil if there are none.
func plainChoices(steers map[*Set]Steers, now time.Time) map[*Set]*pool.Choice {
	var choices map[*Set]*pool.Choice
	for s, steers := range steers {
		if s.Chooses() {
			continue
		}
		steering := newSteering()
		for value := range s.Len() {
			if steer := s.SteerOf(steers, value); steer != nil {
				steering.add(value, steer, nil)
			}
		}
		if choices == nil {
			choices = make(map[*Set]*pool.Choice)
		}
		choices[s] = s.plainChoice(&steering.Steering, now)
	}
	return choices
}

// PlainChoice returns the choice of a set in which turns alone decide if an operator steers its
// values, and nil otherwise.
func (b *Board) PlainChoice(s *Set) *pool.Choice { return b.plain[s] }

// plainChoice makes the choice of a set in which turns alone decide, when it is steered.
func (s *Set) plainChoice(steering *pool.Steering, now time.Time) *pool.Choice {
	rules := pool.Rules{Order: s.Order(), MinUp: 1}
	if s.Answers() < s.Len() {
		rules.Answers = s.Answers()
	}
	g := pool.NewGroup(rules, []pool.Line{{Count: s.Len(), Weight: 1, Priority: 1}}, nil)
	g.AdoptCounters(s.Counters())
	choice, _ := g.Steered(steering).Choose(func(int) bool { return true }, new(pool.Failover), now)
	return choice
}

// steered returns the condition with the verdicts of checks that are decided. It is the condition
// itself if none is. A check that is named counts before AllChecks.
func (c *Condition) steered(checks map[string]Forced) *Condition {
	forced, ok := checks[c.Check]
	if c.Check == "" || !ok {
		if slices.ContainsFunc(slices.Collect(maps.Keys(checks)), c.hasBelow) {
			return c.steeredBelow(checks)
		}
		if forced, ok = checks[AllChecks]; !ok {
			return c
		}
	}
	steered := *c
	steered.Forced = &forced
	return &steered
}

// steeredBelow returns a condition of others, of which at least one is decided.
func (c *Condition) steeredBelow(checks map[string]Forced) *Condition {
	steered := *c
	steered.Of = slices.Clone(c.Of)
	for i := range steered.Of {
		steered.Of[i] = *c.Of[i].steered(checks)
	}
	return &steered
}
