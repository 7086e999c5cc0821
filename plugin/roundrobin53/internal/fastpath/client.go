package fastpath

import (
	"net/netip"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// anyone is the client of a query whose answer does not depend on the client.
var anyone policy.Who

// whoFor returns the client, with the parts that a set needs. It returns nil if only the chain knows
// these.
func (w *worker) whoFor(set *policy.Set) *policy.Who {
	needs := set.Needs()
	if needs == 0 {
		return &anyone
	}
	missing := needs &^ w.known
	if missing == 0 {
		return &w.who
	}
	w.who.Network, w.who.Subnet = w.network(), w.query.Echo // every part of Who needs a scope
	if missing&needsPlace != 0 {
		p := w.reply.block.places
		if p == nil {
			return nil
		}
		here, ok := p.of(w.packet, w.query.SubnetOption())
		if !ok {
			return nil
		}
		w.who.Places, w.who.Point, w.who.Located = here.Places, here.Point, here.Located
		needs |= needsPlace
	}
	w.known |= needs
	return &w.who
}

// network returns the client's network, which ECS names, or else the source address as a whole.
func (w *worker) network() netip.Prefix {
	if w.query.Echo {
		network, _ := w.query.Network() // well-formed, or the query is not answered here
		return network
	}
	addr := w.packet.Client()
	return netip.PrefixFrom(addr, addr.BitLen())
}
