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
