package policy

import "slices"

// A Condition decides whether a value is up. It is one target, or at least N of several conditions
// (check NAME N of NAME...). A target holds while it is up. An inverted condition holds when the
// condition itself does not. Targets are known by their numbers.
type Condition struct {
	Target   int // unless the condition is made of others
	Need     int // how many of Of have to hold
	Of       []Condition
	Inverted bool
	Forced   *Forced // an operator's verdict, which overrules the targets; nil if there is none
	Check    string  // the name of the check, for people; "" for conditions that only join others
}

// holds reports whether the condition holds, given the verdicts of all targets.
func (c *Condition) holds(up []bool) bool {
	if c.Forced != nil {
		return c.Forced.Up
	}
	if len(c.Of) == 0 {
		return up[c.Target] != c.Inverted
	}
	n := 0
	for i := range c.Of {
		if c.Of[i].holds(up) {
			n++
		}
	}
	return (n >= c.Need) != c.Inverted
}

// targets appends the targets that the condition depends on to numbers, each once.
func (c *Condition) targets(numbers []int) []int {
	if len(c.Of) == 0 {
		if !slices.Contains(numbers, c.Target) {
			numbers = append(numbers, c.Target)
		}
		return numbers
	}
	for i := range c.Of {
		numbers = c.Of[i].targets(numbers)
	}
	return numbers
}

// has reports whether the condition depends on the check of a name.
func (c *Condition) has(name string) bool {
	return c.Check == name || c.hasBelow(name)
}

// hasBelow reports whether one of the conditions that make the condition has the check of a name.
func (c *Condition) hasBelow(name string) bool {
	return slices.ContainsFunc(c.Of, func(of Condition) bool { return of.has(name) })
}
