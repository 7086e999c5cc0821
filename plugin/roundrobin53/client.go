package roundrobin53

import (
	"context"
	"net"
	"net/netip"

	"github.com/cespare/xxhash/v2"
	"github.com/coredns/coredns/plugin/metadata"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// The lengths of the prefixes that are one client for the order sticky: what a subscriber or an office has, whose
// addresses change.
const (
	stickyBits4 = 24
	stickyBits6 = 56
)

// clientSubnet is the client as ECS names it.
type clientSubnet struct {
	option *dns.EDNS0_SUBNET
	prefix netip.Prefix
	scope  int // how much of it the answer depends on so far, in bits
}

// readSubnet reads the ECS option of a query, if it has one and the zone heeds it (RFC 7871). It reports false for one
// that is malformed.
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

// subnetPrefix is the network that an ECS option names. It reports false for one that is malformed: RFC 7871 §7.1.2
// answers it with FORMERR.
func subnetPrefix(subnet *dns.EDNS0_SUBNET) (netip.Prefix, bool) {
	addr, _ := netip.AddrFromSlice(subnet.Address)
	switch {
	case subnet.SourceScope != 0: // it is the server's to set
		return netip.Prefix{}, false
	case subnet.SourceNetmask == 0 && subnet.Family == 0: // some say so that their address is not to be used
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	case subnet.Family == familyIPv4:
		addr = addr.Unmap()
	case subnet.Family != familyIPv6:
		return netip.Prefix{}, false
	}
	prefix, err := addr.Prefix(int(subnet.SourceNetmask))
	return prefix, err == nil && prefix.Addr() == addr && addr.Is4() == (subnet.Family == familyIPv4)
}

// network is the client's network: the one that ECS names, or the whole source address.
func (q *query) network() netip.Prefix {
	if q.subnet != nil {
		return q.subnet.prefix
	}
	addr := sourceAddress(q.w.RemoteAddr())
	return netip.PrefixFrom(addr, addr.BitLen())
}

// sourceAddress is the address that a query comes from; the zero Addr if it can't be told.
func sourceAddress(remote net.Addr) netip.Addr {
	var addr netip.Addr
	switch remote := remote.(type) {
	case *net.UDPAddr:
		addr = remote.AddrPort().Addr()
	case *net.TCPAddr:
		addr = remote.AddrPort().Addr()
	default:
		if port, err := netip.ParseAddrPort(remote.String()); err == nil {
			addr = port.Addr()
		}
	}
	return addr.Unmap().WithZone("")
}

// routeClient is what routes know of the client.
func (q *query) routeClient(routes *route.Routes) route.Client {
	var c route.Client
	if routes.Networks != nil {
		c.Network = q.network()
		q.addScope(routes.Networks.Scope)
	}
	if routes.Places != nil {
		label := func(name string) string { return geoLabel(q.ctx, name) }
		c.Places = route.NewPlaces(label("continent/code"), label("country/code"), label("subdivisions/code"))
		q.addScope(netip.Prefix.Bits)
	}
	return c
}

// poolClient is what the order of a group knows of the client.
func (q *query) poolClient(order pool.Order) pool.Client {
	var c pool.Client
	switch order {
	case pool.Sticky:
		c.Network = hashNetwork(q.network(), q.subnet != nil)
		q.addScope(netip.Prefix.Bits)
	case pool.Nearest:
		if at, ok := parseLocation(geoLabel(q.ctx, "latitude"), geoLabel(q.ctx, "longitude")); ok {
			c.Place, c.Located = pool.PointAt(at.latitude, at.longitude), true
		}
		q.addScope(netip.Prefix.Bits)
	}
	return c
}

// geoLabel is what the geoip plugin knows of the client, "" if it does not.
func geoLabel(ctx context.Context, name string) string {
	if value := metadata.ValueFunc(ctx, "geoip/"+name); value != nil {
		return value()
	}
	return ""
}

// hashNetwork tells clients' networks apart. A network that ECS names is taken as it is.
func hashNetwork(network netip.Prefix, exact bool) uint64 {
	if !exact {
		bits := stickyBits6
		if network.Addr().Is4() {
			bits = stickyBits4
		}
		network, _ = network.Addr().Prefix(bits)
	}
	octets := network.Addr().As16()
	var text [17]byte
	copy(text[:], octets[:])
	text[16] = byte(network.Bits())
	return xxhash.Sum64(text[:])
}

// addScope widens the scope of the answer by what a part of it depends on.
func (q *query) addScope(bits func(netip.Prefix) int) {
	if q.subnet != nil {
		q.subnet.scope = max(q.subnet.scope, bits(q.subnet.prefix))
	}
}
