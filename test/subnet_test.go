package test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// scopeOf is the ECS option of a reply, nil if it has none.
func scopeOf(m *dns.Msg) *dns.EDNS0_SUBNET {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	for _, option := range opt.Option {
		if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
			return subnet
		}
	}
	return nil
}

// The option's network is the client's, and the reply echoes it with the scope that the answer is good for.
func TestClientSubnet(t *testing.T) {
	const zone = "subnet.example.org"
	s := server.Start(t, server.Block(zone, server.RouteNetworks, server.PolicyRecord("app", "ten: i j ten-one: k default: p q", ""), "record plain A 192.0.2.1"))
	for _, c := range []struct {
		row, qname, client string
		want               string
		least, most        uint8 // scope
	}{
		{"73", "app", "10.2.0.0/24", "i j", 15, 24},
		{"73", "app", "10.2.0.1/32", "i j", 15, 32},
		{"73", "app", "10.1.0.0/24", "k", 16, 24},
		{"73", "app", "203.0.113.0/24", "p q", 1, 24},
		{"73", "app", "2001:db8::/56", "p q", 0, 56},
		{"74", "app", "10.0.0.0/8", "i j", 16, 16},
		{"74", "app", "10.0.0.0/15", "i j", 16, 16},
		{"74", "app", "10.1.0.0/16", "k", 16, 16},
		{"74", "app", "8.0.0.0/6", "p q", 16, 16}, // all networks are in it
		{"75", "app", "0.0.0.0/0", "p q", 0, 0},
		{"75", "app", "::/0", "p q", 0, 0},
		{"75", "plain", "10.2.0.0/24", "a", 0, 0}, // the same for everyone
	} {
		t.Run(c.row+" "+c.qname+" "+c.client, func(t *testing.T) {
			option := server.PolicySubnet(c.client)
			ask := func() *dns.Msg {
				return server.Send(t, s, "udp", server.WithOPT(server.Question(c.qname+"."+zone, dns.TypeA), 0, option))
			}
			server.CheckTurns(t, ask, c.want, 0)
			got := scopeOf(ask())
			if got == nil {
				t.Fatal("the option is not echoed")
			}
			if got.Family != option.Family || got.SourceNetmask != option.SourceNetmask || !got.Address.Equal(option.Address) {
				t.Errorf("the option came back as %v, want %v", got, option)
			}
			if got.SourceScope < c.least || got.SourceScope > c.most {
				t.Errorf("scope %d, want %d to %d", got.SourceScope, c.least, c.most)
			}
		})
	}
	t.Run("no option", func(t *testing.T) {
		reply := server.Send(t, s, "udp", server.WithOPT(server.Question("app."+zone, dns.TypeA), 0))
		if !server.AnswersAre(reply, "p q") || scopeOf(reply) != nil {
			t.Errorf("got\n%s\nwant p q by the source address, and no option", server.ReplyText(reply))
		}
	})
}

// Without ecs the option is somebody's word: the source address counts, and nothing is echoed.
func TestClientSubnetWithoutECS(t *testing.T) {
	const zone = "nosubnet.example.org"
	s := server.Start(t, server.Block(zone, "network ten 10.0.0.0/8\nnetwork here 127.0.0.0/8", server.PolicyRecord("app", "ten: i j here: k default: p q", "")))
	for _, client := range []string{"10.2.0.1", "0.0.0.0/0", "2001:db8::/56"} {
		t.Run("76 "+client, func(t *testing.T) {
			ask := func() *dns.Msg {
				return server.Send(t, s, "udp", server.WithOPT(server.Question("app."+zone, dns.TypeA), 0, server.PolicySubnet(client)))
			}
			server.CheckTurns(t, ask, "k", 0)
			if got := scopeOf(ask()); got != nil {
				t.Errorf("the option is echoed: %v", got)
			}
		})
	}
}

// overlapping are networks that overlap in every way, in no order.
var overlapping = []string{
	"10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "10.1.2.0/30", "8.0.0.0/5", "10.128.0.0/9", "10.1.3.0/24", "0.0.0.0/1",
	"2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2000::/3", "2001:db8:1:2::3/128",
}

// longestMatch is the letter of the longest network around a prefix, found by trying all.
func longestMatch(client netip.Prefix) string {
	best, found := -1, "z"
	for i, text := range overlapping {
		network := netip.MustParsePrefix(text)
		if network.Bits() > best && network.Bits() <= client.Bits() && network.Contains(client.Addr()) {
			best, found = network.Bits(), string(rune('a'+i))
		}
	}
	return found
}

// clientIn is a random client in a network, or near it.
func clientIn(random *rand.Rand, text string) netip.Prefix {
	network := netip.MustParsePrefix(text)
	octets := network.Addr().AsSlice()
	free := len(octets)*8 - network.Bits()
	for i := range octets {
		if keep := network.Bits() - 8*i; keep < 8 && free > 0 {
			octets[i] |= byte(random.Uint32()) >> max(0, keep)
		}
	}
	octets[random.IntN(len(octets))] ^= byte(random.IntN(2)) // a neighbour as often as not
	addr, _ := netip.AddrFromSlice(octets)
	bits := network.Bits() + random.IntN(free+1)
	return netip.PrefixFrom(addr, bits).Masked()
}

// The longest prefix wins, whatever the order of the lines; and all clients within the scope of an answer get that answer.
func TestLongestPrefixWins(t *testing.T) {
	const zone = "longest.example.org"
	var values strings.Builder
	for i, network := range overlapping {
		fmt.Fprintf(&values, "%s: %c ", network, 'a'+i)
	}
	s := server.Start(t, server.Block(zone, "ecs", server.PolicyRecord("app", values.String()+"default: z", "")))
	ask := func(client netip.Prefix) *dns.Msg {
		return server.Send(t, s, "udp", server.WithOPT(server.Question("app."+zone, dns.TypeA), 0, server.PolicySubnet(client.String())))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		client := clientIn(random, overlapping[random.IntN(len(overlapping))])
		reply := ask(client)
		want := longestMatch(client)
		if !server.AnswersAre(reply, want) {
			t.Fatalf("%s gets %q, want %s", client, server.Letters(reply), want)
		}
		scope := scopeOf(reply)
		if scope == nil {
			t.Fatalf("%s: no option in the reply", client)
		}
		if int(scope.SourceScope) > client.Bits() {
			continue // says no more than that a longer prefix may get something else
		}
		within := netip.PrefixFrom(client.Addr(), int(scope.SourceScope)).Masked()
		for range 5 {
			neighbour := clientIn(random, within.String())
			if within.Contains(neighbour.Addr()) && !server.AnswersAre(ask(neighbour), want) {
				t.Errorf("%s gets %s with scope %d, but %s, which is within, gets %q", client, want, scope.SourceScope, neighbour, server.Letters(ask(neighbour)))
			}
		}
	}
}
