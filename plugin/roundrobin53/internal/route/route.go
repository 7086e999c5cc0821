// Package route tells which groups of an RRset's values a client gets, by the networks and places
// that the values are for.
//
// A client usually matches several groups, the most specific first: the longest network, the next
// wider one, and so on; then the subdivision, country and continent it is in; at last the values
// without a network or place. Which of them answers depends on verdicts, and is decided elsewhere.
package route

import "net/netip"

// A Client holds the network and the places of a client.
type Client struct {
	// Network is the client's address, or the prefix of it that is known (RFC 7871). It matches the
	// networks that hold all of it; the zero Prefix matches none.
	Network netip.Prefix
	Places  Places
}

// None stands for the absence of a group.
const None = -1

// Routes maps networks and places to the groups of one RRset. It never changes.
type Routes struct {
	Networks *Networks      // nil if no value is for a network
	Groups   []int          // by network, in the order that Networks was made of
	Places   map[string]int // nil if no value is for a place
	Rest     int            // the group of values without network or place, None if there is none
}

// Match calls yield with the groups that a client matches, the most specific first, until yield
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
