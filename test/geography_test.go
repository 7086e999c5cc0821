package test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	harness "github.com/roundrobin53/roundrobin53/test/server"
)

// geoDatabase is the path of the database of harness.Locations.
func geoDatabase(t *testing.T) string {
	t.Helper()
	return harness.Path(harness.GeoDatabase)
}

// asnDatabase is the path of one that knows networks, but no places.
func asnDatabase(t *testing.T) string {
	t.Helper()
	return harness.Path(harness.ASNDatabase)
}

// located is a Corefile with a block that knows where clients are.
func located(database, roundrobin53 string) string {
	return "example.org:0 {\nmetadata\ngeoip " + database + " {\nedns-subnet\n}\nroundrobin53 {\necs\n" + roundrobin53 + "\n}\n}\n"
}

// subnetOption is the ECS option that names a network, as a resolver sends it.
func subnetOption(network string) *dns.EDNS0_SUBNET {
	prefix := netip.MustParsePrefix(network)
	option := &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(prefix.Bits()), Address: prefix.Addr().AsSlice(),
	}
	if prefix.Addr().Is6() {
		option.Family = 2
	}
	return option
}

// askFrom asks for addresses for a client in a network.
func askFrom(t *testing.T, s *server, network, name string) *dns.Msg {
	t.Helper()
	return send(t, s, "udp", withOPT(question(name, dns.TypeA), 0, subnetOption(network)))
}

// echoed is the ECS option of a reply as text: ADDRESS/SOURCE/SCOPE. It is empty if there is none.
func echoed(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
				return subnet.String()
			}
		}
	}
	return ""
}
