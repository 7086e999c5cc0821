package policy

import (
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// Choosing says how a set chooses among its values.
type Choosing struct {
	Name   string // of the owner
	Type   uint16
	Zone   int // by record.Zone.Index
	Order  pool.Order
	needs  Needs         // what follows from Order and Routes; a query asks for it more than once
	Routes *route.Routes // nil if there is one group, for all clients
	Groups []*Group      // as routes number them; none where turns alone decide

	Sources []Source // of the values, with rising First; none if they are not known
	Words   []Words  // of the values, with rising First; none if no line says where it is meant for
	Names   []string // that values were looked up under, by position, "" for written ones; nil if all are written
}

// answer begins the answer to a client with the parts that do not depend on the turn.
func (c *Choosing) answer(b *Board, who *Who) Answer {
	return Answer{Choice: c.choose(b, who), Scope: c.scope(who)}
}

// choose returns the choice of the first group that the client matches and that has a value up. If
// no such group has one up, it returns the choice of the first that has values, or else the first
// whose values are not known; nil if there is none.
func (c *Choosing) choose(b *Board, who *Who) *pool.Choice {
	if c.Routes == nil {
		return b.choice(c.Groups[0].number)
	}
	var s search
	client := route.Client{Network: who.Network, Places: who.Places}
	c.Routes.Match(&client, func(group int) bool { return s.goesOn(b.choice(c.Groups[group].number)) })
	return s.found
}

// A search is the way from the most specific group that a client matches outward to the group that
// answers.
type search struct {
	found *pool.Choice // nil if no group so far has values, or may have some
}

// goesOn looks at the choice of the next group. It reports whether a wider one has to be looked at.
func (s *search) goesOn(choice *pool.Choice) bool {
	status := choice.Status()
	isUp := status == pool.Up
	isFirst := s.found == nil || s.found.Status() == pool.Unknown
	if isUp || isFirst && status.HasEndpoints() || s.found == nil && status == pool.Unknown {
		s.found = choice
	}
	return !isUp
}

// scope returns how many bits of the client's prefix the choice depends on (RFC 7871 §7.2.1).
func (c *Choosing) scope(who *Who) int {
	switch {
	case !who.Subnet || c.needs == 0:
		return 0
	case c.needs != NeedsNetwork || c.Order == pool.Sticky:
		return who.Network.Bits()
	}
	return c.Routes.Networks.Scope(who.Network)
}

// findNeeds returns the parts of Who that the set needs.
func (c *Choosing) findNeeds() Needs {
	var n Needs
	if c.Order == pool.Sticky || c.Routes != nil && c.Routes.Networks != nil {
		n |= NeedsNetwork
	}
	if c.Routes != nil && c.Routes.Places != nil {
		n |= NeedsPlaces
	}
	if c.Order == pool.Nearest {
		n |= NeedsPoint
	}
	return n
}
