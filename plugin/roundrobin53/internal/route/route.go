// Package route tells which groups of an RRset's values a client is for, by the networks and places
// that the values are meant for.
//
// A client matches several groups as a rule, the most specific first: the longest network, the next
// wider one, and so on; then the subdivision, country and continent it is in; at last the values
// without a network or place. Which of them answers depends on what is up, and is decided
// elsewhere.
package route

import "net/netip"

// Client is who asks, as far as routes go.
type Client struct {
	// Network is the client's address, or the prefix of it that is known (RFC 7871). It matches the
	// networks that hold all of it; the zero Prefix matches none.
	Network netip.Prefix
	Places  Places
}

// None stands for no group.
const None = -1

// Routes is the groups of one RRset by what they are meant for. It never changes.
type Routes struct {
	Networks *Networks      // nil if no value is meant for a network
	Groups   []int          // by network, in the order that Networks was made of
	Places   map[string]int // nil if no value is meant for a place
	Rest     int            // the group of values without network or place, None if there is none
}

// Match calls yield with the groups that a client matches, the most specific first, until it
// returns false.
func (r *Routes) Match(c *Client, yield func(group int) bool) {
	if r.Networks != nil {
		for n := r.Networks.find(c.Network); n != None; n = r.Networks.outward[n] {
			if !yield(r.Groups[n]) {
				return
			}
		}
	}
	for _, place := range c.Places {
		if group, ok := r.Places[place]; ok && !yield(group) {
			return
		}
	}
	if r.Rest != None {
		yield(r.Rest)
	}
}
