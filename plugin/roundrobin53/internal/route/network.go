package route

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// Networks is a collection of networks that finds the longest one around an address. RRsets for the
// same networks share it.
type Networks struct {
	table   bart.Table[int] // network to its position
	outward []int           // by position: the next wider network, None if there is none
}

// NewNetworks makes a collection of networks, which are masked and all different.
func NewNetworks(networks []netip.Prefix) *Networks {
	n := &Networks{outward: make([]int, len(networks))}
	for i, network := range networks {
		n.table.Insert(network, i)
	}
	for i, network := range networks {
		n.outward[i] = None
		if network.Bits() > 0 {
			wider, _ := network.Addr().Prefix(network.Bits() - 1)
			n.outward[i] = n.find(wider)
		}
	}
	return n
}

// find returns the position of the longest network that holds all of p, None if there is none.
func (n *Networks) find(p netip.Prefix) int {
	if _, i, ok := n.table.LookupPrefixLPM(p); ok {
		return i
	}
	return None
}

// maxInner limits how many networks inside a client's prefix are examined: a query for half of all
// addresses must not cost more than others.
const maxInner = 64

// Scope returns the length of the shortest prefix around p whose addresses all match the same
// networks: the SCOPE PREFIX-LENGTH of RFC 7871 §7.2.1. If addresses inside p match different
// networks, it returns a length beyond p's at which they no longer do.
func (n *Networks) Scope(p netip.Prefix) int {
	if p.Bits() == 0 {
		return 0 // the client does not want its address to be used (RFC 7871 §7.1.2)
	}
	longest, seen := 0, 0
	for inner := range n.table.Subnets(p) {
		longest = max(longest, inner.Bits())
		if seen++; seen == maxInner {
			break
		}
	}
	if longest > p.Bits() {
		return longest
	}
	matched := 0
	if network, _, ok := n.table.LookupPrefixLPM(p); ok {
		matched = network.Bits()
	}
	short, long := matched, p.Bits() // the shorter the prefix, the more networks are in it
	for short < long {
		middle := (short + long) / 2
		if n.isDivided(p, middle, matched) {
			short = middle + 1
		} else {
			long = middle
		}
	}
	return short
}

// isDivided reports whether the prefix of a length around p holds a network that is longer than
// matched, the length of the network that p matches.
func (n *Networks) isDivided(p netip.Prefix, length, matched int) bool {
	around, _ := p.Addr().Prefix(length)
	for inner := range n.table.Subnets(around) {
		if inner.Bits() > matched {
			return true
		}
	}
	return false
}
