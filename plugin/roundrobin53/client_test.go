package roundrobin53

import (
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

func TestSubnetPrefix(t *testing.T) {
	for _, row := range []struct {
		name   string
		subnet dns.EDNS0_SUBNET
		want   string // "" if it is malformed
	}{
		{"IPv4", dns.EDNS0_SUBNET{Family: 1, SourceNetmask: 24, Address: net.IP{192, 0, 2, 0}}, "192.0.2.0/24"},
		{"IPv4 in 16 octets", dns.EDNS0_SUBNET{Family: 1, SourceNetmask: 24, Address: net.ParseIP("192.0.2.0")}, "192.0.2.0/24"},
		{"IPv6", dns.EDNS0_SUBNET{Family: 2, SourceNetmask: 56, Address: net.ParseIP("2001:db8::")}, "2001:db8::/56"},
		{"nothing", dns.EDNS0_SUBNET{Family: 1, Address: net.IPv4zero}, "0.0.0.0/0"},
		{"nothing without a family", dns.EDNS0_SUBNET{}, "0.0.0.0/0"},
		{"scope in a query", dns.EDNS0_SUBNET{Family: 1, SourceNetmask: 24, SourceScope: 24, Address: net.IP{192, 0, 2, 0}}, ""},
		{"bits behind the length", dns.EDNS0_SUBNET{Family: 1, SourceNetmask: 24, Address: net.IP{192, 0, 2, 1}}, ""},
		{"unknown family", dns.EDNS0_SUBNET{Family: 3, SourceNetmask: 8, Address: net.IP{10, 0, 0, 0}}, ""},
		{"other family", dns.EDNS0_SUBNET{Family: 2, SourceNetmask: 24, Address: net.IP{192, 0, 2, 0}}, ""},
		{"no address", dns.EDNS0_SUBNET{Family: 1, SourceNetmask: 24}, ""},
	} {
		prefix, ok := subnetPrefix(&row.subnet)
		if ok != (row.want != "") || ok && prefix.String() != row.want {
			t.Errorf("%s: %v, %t, want %q", row.name, prefix, ok, row.want)
		}
	}
}

// TestNoPlaceWithoutGeoIP guards a query that no geoip plugin has seen: its client has no place.
func TestNoPlaceWithoutGeoIP(t *testing.T) {
	q := query{ctx: t.Context(), w: new(discard)}
	if who := q.who(policy.NeedsPoint); who.Located {
		t.Error("located")
	}
}

// TestNothingToAdd guards the additional section where a name has no values for the client.
func TestNothingToAdd(t *testing.T) {
	h := handler(t, "roundrobin53 {\nrecord @ MX 10 mail\nrecord mail A 192.0.2.1 from 203.0.113.0/24\n}")
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("example.org.", dns.TypeMX)); err != nil {
		t.Fatal(err)
	}
	if len(w.m.Answer) != 1 || len(w.m.Extra) != 0 {
		t.Errorf("got\n%s\nwant the MX alone", w.m)
	}
}
