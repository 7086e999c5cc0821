package roundrobin53

import (
	"net/netip"
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

// condition is what has to hold for a value to be up: that a target is, or so many of other conditions.
type condition struct {
	target   int // of the handler; unused if there are others
	need     int
	of       []condition
	inverted bool // it has not to hold
}

// isMet tells whether a condition holds where targets are up or not.
func (c *condition) isMet(up []bool) bool {
	if len(c.of) == 0 {
		return up[c.target] != c.inverted
	}
	met := 0
	for i := range c.of {
		if c.of[i].isMet(up) {
			met++
		}
	}
	return (met >= c.need) != c.inverted
}

// targetKey names a target from one configuration to the next.
type targetKey struct {
	address netip.Addr
	check   string
}

// probed is a target, and what it is called over a reload.
type probed struct {
	key targetKey
	health.Target
}

// watch is a check of a value, as operators know it.
type watch struct {
	target int // of the handler
	zone   string
	check  string
	value  string
}

// affectedGroups is the groups that have a value whose verdict depends on a target, by target.
func (h *Handler) affectedGroups() [][]int {
	targetsOf := make([][]int, len(h.conditions))
	for i := range h.conditions {
		targetsOf[i] = h.conditions[i].targets(nil)
	}
	affected := make([][]int, len(h.targets))
	for number := range h.groups {
		for _, endpoint := range h.groups[number].Endpoints() {
			c := h.groups[number].conditions[endpoint]
			if c == alwaysUp {
				continue
			}
			for _, target := range targetsOf[c] {
				if list := affected[target]; len(list) == 0 || list[len(list)-1] != number {
					affected[target] = append(list, number)
				}
			}
		}
	}
	return affected
}

// targets appends the targets that a condition depends on to numbers.
func (c *condition) targets(numbers []int) []int {
	if len(c.of) == 0 {
		if !slices.Contains(numbers, c.target) {
			numbers = append(numbers, c.target)
		}
		return numbers
	}
	for i := range c.of {
		numbers = c.of[i].targets(numbers)
	}
	return numbers
}
