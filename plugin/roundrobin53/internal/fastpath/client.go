package fastpath

import (
	"net/netip"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// anyone is the client of a query whose answer does not depend on the client.
var anyone policy.Who

// whoFor returns the client, as far as a set needs it. It returns nil if the set needs a place: only
// the plugin metadata of the chain knows that.
func (w *worker) whoFor(set *policy.Set) *policy.Who {
	switch set.Needs() {
	case 0:
		return &anyone
	case policy.NeedsNetwork:
		if !w.isKnown {
			w.isKnown, w.who.Network = true, w.network()
			w.who.Subnet = w.query.Echo
		}
		return &w.who
	}
	return nil
}

// network returns the client's network: the one that ECS names, or the source address as a whole.
func (w *worker) network() netip.Prefix {
	if w.query.Echo {
		network, _ := w.query.Network() // well-formed, or the query is not answered here
		return network
	}
	addr := w.packet.Client()
	return netip.PrefixFrom(addr, addr.BitLen())
}
