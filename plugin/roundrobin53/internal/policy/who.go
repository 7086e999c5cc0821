package policy

import (
	"net/netip"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// Who describes the client of a query, as far as the choice of values depends on it. Parts that a
// set does not need may be left out, see Set.Needs.
type Who struct {
	Network netip.Prefix // the client's address, or the network that ECS names
	Subnet  bool         // ECS names Network
	Places  route.Places
	Point   pool.Point
	Located bool // Point is known
}

// Needs says which parts of Who a set needs.
type Needs uint8

// The parts.
const (
	NeedsNetwork Needs = 1 << iota
	NeedsPlaces
	NeedsPoint
)

// client returns what an order has to know of the client.
func (w *Who) client(order pool.Order) pool.Client {
	switch order {
	case pool.Sticky:
		network := w.Network
		if !w.Subnet { // a network that ECS names counts as one client
			network = turn.ClientNetwork(network.Addr())
		}
		return pool.Client{Network: turn.HashNetwork(network)}
	case pool.Nearest:
		return pool.Client{Place: w.Point, Located: w.Located}
	}
	return pool.Client{}
}
