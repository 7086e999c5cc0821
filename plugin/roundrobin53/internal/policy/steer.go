package policy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// What an operator decides at run time lies on the board as verdicts do. A group with decided
// values has a variant, which counts together with the group and has the same number; the choice on
// the board is then the variant's. A set in which turns alone decide has no group, so its choice
// lies on the board beside the others.

// A Steer holds an operator's decisions about one value.
type Steer struct {
	Drain  string            // where it is written that the value is drained; "" if it is not
	Weight *SteeredWeight    // nil: the Corefile's
	Checks map[string]Forced // by name of the check, or AllChecks
}

// String writes the decisions, each with its place.
func (s *Steer) String() string {
	var texts []string
	if s.Drain != "" {
		texts = append(texts, "drain at "+s.Drain)
	}
	if s.Weight != nil {
		texts = append(texts, fmt.Sprintf("weight %d at %s", s.Weight.Weight, s.Weight.Source))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Checks)) {
		word := "down"
		if s.Checks[name].Up {
			word = "up"
		}
		texts = append(texts, fmt.Sprintf("%s %s at %s", word, name, s.Checks[name].Source))
	}
	return strings.Join(texts, "; ")
}

// AllChecks stands for all checks of a value.
const AllChecks = "*"

// A SteeredWeight is the weight that a value has as if it stood on a line of its own.
type SteeredWeight struct {
	Weight int
	Source string // where it is written
}

// Forced is an operator's verdict.
type Forced struct {
	Up     bool
	Source string // where it is written
}

// with joins the decisions of two lines about one value: other counts first. A value that one of
// them drains is drained.
func (s *Steer) with(other *Steer) *Steer {
	both := &Steer{Drain: cmp.Or(other.Drain, s.Drain), Weight: cmp.Or(other.Weight, s.Weight), Checks: maps.Clone(s.Checks)}
	if both.Checks == nil || other.Checks[AllChecks] != (Forced{}) {
		both.Checks = other.Checks
		return both
	}
	maps.Copy(both.Checks, other.Checks)
	return both
}

// Steers hold an operator's decisions about the values of a set, by Key. A decision about a name
// whose addresses are values applies to all addresses that come from it.
type Steers map[string]*Steer

// Key returns the key of a value in Steers: its octets if it is an address, or else its text.
func Key(value string) string {
	if addr, err := netip.ParseAddr(value); err == nil {
		return string(addr.AsSlice())
	}
	return value
}

// KeyOf returns the Key of a value of the set.
func (s *Set) KeyOf(value int) string {
	if s.more != nil && s.more.cnames != nil {
		return strings.ToLower(s.Value(value))
	}
	return string(s.Address(value))
}

// SteerOf returns the decisions about a value of the set, nil if there are none. It leaves out
// checks that the value does not have: steers hold the decisions about a name for all values of the
// name, whatever their checks.
func (s *Set) SteerOf(steers Steers, value int) *Steer {
	steer, named := steers[s.KeyOf(value)], s.named(steers, value)
	switch {
	case steer == nil:
		steer = named
	case named != nil:
		steer = named.with(steer)
	}
	if steer == nil || len(steer.Checks) == 0 {
		return steer
	}
	isOther := func(check string, _ Forced) bool { return !s.HasCheck(value, check) }
	own := *steer
	own.Checks = maps.Clone(steer.Checks)
	if maps.DeleteFunc(own.Checks, isOther); own.Drain == "" && own.Weight == nil && len(own.Checks) == 0 {
		return nil
	}
	return &own
}

// named returns the decisions about the name that a value was looked up under, nil if there are
// none.
func (s *Set) named(steers Steers, value int) *Steer {
	if name := s.FromName(value); name != "" {
		return steers[name]
	}
	return nil
}

// HasCheck reports whether the value has the check of a name, or any if the name is AllChecks.
func (s *Set) HasCheck(value int, name string) bool {
	return slices.ContainsFunc(s.Groups(), func(g *Group) bool {
		c := g.conditions[value]
		return c != nil && (name == AllChecks || c.has(name))
	})
}

// Steer replaces all decisions about values. Steers holds the new ones by set.
func (v *Verdicts) Steer(steers map[*Set]Steers, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.steers
	v.steers = steers
	var groups []int
	b := v.board.Load()
	for _, sets := range []map[*Set]Steers{before, steers} {
		for home := range sets {
			for _, g := range home.On(b).Groups() {
				v.steerLocked(home.On(b), g)
				groups = append(groups, g.number)
			}
		}
	}
	v.board.Store(&Board{choices: b.choices, live: b.live, plain: plainChoices(steers, now)})
	slices.Sort(groups)
	v.chooseLocked(slices.Compact(groups), b.live, now)
}

// IsDrained reports whether a value is drained in the Corefile.
func (s *Set) IsDrained(value int) bool {
	return slices.ContainsFunc(s.Groups(), func(g *Group) bool {
		return slices.ContainsFunc(g.Lines(), func(l *pool.Line) bool { return l.Drain && value >= l.First && value < l.First+l.Count })
	})
}

// SteersOf returns the decisions about the values of a set, by its home.
func (v *Verdicts) SteersOf(home *Set) Steers {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.steers[home]
}

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

// has reports whether the condition depends on the check of a name.
func (c *Condition) has(name string) bool {
	return c.Check == name || c.hasBelow(name)
}

// hasBelow reports whether one of the conditions that make the condition has the check of a name.
func (c *Condition) hasBelow(name string) bool {
	return slices.ContainsFunc(c.Of, func(of Condition) bool { return of.has(name) })
}
