package policy

import (
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// ForAll is the name and key of the group of the values without network and place.
const ForAll = "default"

// A Group holds the values of a set that the same networks and places select.
type Group struct {
	*pool.Group
	Name string // names the networks and places that select the group, for people
	Key  string // the same in full: it identifies the group across reloads

	conditions []*Condition // of the set's values by position; nil for a value that is always up
	set        *Set
	number     int // on the board
}

// NewGroup makes a group. There is a condition for each value of the set, by position, nil for a
// value that is always up.
func NewGroup(g *pool.Group, name, key string, conditions []*Condition) *Group {
	return &Group{Group: g, Name: name, Key: key, conditions: conditions}
}

// targets returns the targets that the group depends on, each once.
func (g *Group) targets() []int {
	var numbers []int
	var last *Condition
	for _, value := range g.Endpoints() {
		if c := g.conditions[value]; c != nil && c != last { // values often share one
			numbers, last = c.targets(numbers), c
		}
	}
	return numbers
}

// choose finds what the group answers, given the verdicts of all targets, and when to choose anew
// even if no verdict changes.
func (g *Group) choose(up []bool, failover *pool.Failover, now time.Time) (choice *pool.Choice, again time.Time) {
	return g.Choose(func(value int) bool { return g.isUp(up, value) }, failover, now)
}

// isUp reports whether a value is up, given the verdicts of all targets.
func (g *Group) isUp(up []bool, value int) bool {
	c := g.conditions[value]
	return c == nil || c.holds(up)
}
