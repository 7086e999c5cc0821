package roundrobin53

import (
	"context"
	"net/netip"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// A clientSubnet is the client's network as ECS names it (RFC 7871).
type clientSubnet struct {
	option *dns.EDNS0_SUBNET
	prefix netip.Prefix
	scope  int // bits of the prefix that the answer depends on so far
}

// readSubnet reads the ECS option of a query, if it has one and the zone heeds it (RFC 7871). It
// reports false if the option is malformed. It is never inlined, see respond.
//
//go:noinline
func (q *query) readSubnet(ecs bool) bool {
	if !ecs {
		return true
	}
	opt := q.r.IsEdns0()
	if opt == nil {
		return true
	}
	for _, option := range opt.Option {
		if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
			prefix, ok := subnetPrefix(subnet)
			q.subnet = &clientSubnet{option: subnet, prefix: prefix}
			return ok
		}
	}
	return true
}

// The address families of ECS: those of the IANA registry.
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// subnetPrefix returns the network that an ECS option names. It reports false if the option is
// malformed, which RFC 7871 §7.1.2 answers with FORMERR.
func subnetPrefix(subnet *dns.EDNS0_SUBNET) (netip.Prefix, bool) {
	addr, _ := netip.AddrFromSlice(subnet.Address)
	switch {
	case subnet.SourceScope != 0: // only a server may set it
		return netip.Prefix{}, false
	case subnet.SourceNetmask == 0 && subnet.Family == 0: // clients that do not want their address to be used
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	case subnet.Family == familyIPv4:
		addr = addr.Unmap()
	case subnet.Family != familyIPv6:
		return netip.Prefix{}, false
	}
	prefix, err := addr.Prefix(int(subnet.SourceNetmask))
	return prefix, err == nil && prefix.Addr() == addr && addr.Is4() == (subnet.Family == familyIPv4)
}

// network returns the client's network, which ECS names, or else the source address as a whole.
func (q *query) network() netip.Prefix {
	if q.subnet != nil {
		return q.subnet.prefix
	}
	addr := asker.Address(q.w.RemoteAddr())
	return netip.PrefixFrom(addr, addr.BitLen())
}

// who returns the client, with the parts that a set needs.
func (q *query) who(needs policy.Needs) policy.Who {
	who := policy.Who{Network: q.network(), Subnet: q.subnet != nil} // every part of Who needs a scope
	q.h.Locate(q.ctx, needs, &who)
	return who
}

// Locate implements fastpath.Handler: it is where metadata becomes places, for both ways to an
// answer.
func (*Handler) Locate(ctx context.Context, needs policy.Needs, who *policy.Who) {
	label := func(name string) string { return geoLabel(ctx, name) }
	if needs&policy.NeedsPlaces != 0 {
		who.Places = route.NewPlaces(label("asn/number"), label("continent/code"), label("country/code"), label("subdivisions/code"))
	}
	if needs&policy.NeedsPoint != 0 {
		if at, ok := config.ParseLocation(label("latitude"), label("longitude")); ok {
			who.Point, who.Located = pool.PointAt(at.Latitude, at.Longitude), true
		}
	}
}

// geoLabel returns a label that the geoip plugin has for the client, "" if it has none.
func geoLabel(ctx context.Context, name string) string {
	if value := metadata.ValueFunc(ctx, "geoip/"+name); value != nil {
		return value()
	}
	return ""
}
