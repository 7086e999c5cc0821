package test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// A client keeps its value; one that is lost leaves its clients to their second choices, and nobody else moves.
func TestSticky(t *testing.T) {
	const zone = "sticky.example.org"
	e := server.StartTarget(t)
	values := func(drained string) string {
		return `
			value 192.0.2.1 check a
			value 192.0.2.2 check b ` + drained + `
			value 192.0.2.3 check c
			value 192.0.2.4 check d
			order sticky`
	}
	corefile := func(drained string) string {
		return server.Block(zone, "ecs", e.Watched(server.QuickCheck, "a b c d"),
			"record one {"+values(drained)+"\n}",
			"record two {"+values(drained)+"\nanswers 2\n}",
			"record every {"+values(drained)+"\nanswers all\n}")
	}
	s := server.Start(t, corefile(""))
	clients := server.StickyClients(60)
	choose := func(name string) server.Choices { return server.ChoicesOf(t, s, name+"."+zone, dns.TypeA, clients) }
	ranks := choose("every")
	without := func(lost string, n int) func(client string) []string {
		return func(client string) []string {
			left := slices.DeleteFunc(slices.Clone(ranks[client]), func(value string) bool { return value == lost })
			return left[:n]
		}
	}

	if got := ranks.Distinct(); got != 4 {
		t.Fatalf("60 clients have %d values between them, want 4", got)
	}
	choose("one").Each(t, "53 one value", without("", 1))
	choose("two").Each(t, "53 two values", without("", 2))

	e.Flip(t, s, zone, "a", server.Fail)
	choose("one").Each(t, "49 a-", without("a", 1))
	choose("two").Each(t, "49 a-, two values", without("a", 2))
	e.Flip(t, s, zone, "b c d", server.Fail)
	choose("one").Each(t, "51 all down", without("", 1))
	e.Flip(t, s, zone, "a b c d", server.Pass)
	choose("one").Each(t, "50 a+ again", without("", 1))
	choose("two").Each(t, "50 a+ again, two values", without("", 2))

	server.MustReload(t, s, corefile("drain"))
	choose("one").Each(t, "49 b~", without("b", 1))
	choose("two").Each(t, "49 b~, two values", without("b", 2))
	server.MustReload(t, s, corefile(""))
	choose("one").Each(t, "50 b without drain again", without("", 1))
}

// In the tier that stands in, a client has one value too, and the clients spread over all.
func TestStickyInTheNextTier(t *testing.T) {
	const zone = "stickytier.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	s := server.Start(t, server.Block(zone, "ecs", e.Watched("interval 1h", "down"),
		"record lost {\nvalue 192.0.2.1 192.0.2.2 192.0.2.3 check down\nvalue 192.0.2.4 192.0.2.5 192.0.2.6 priority 2\norder sticky\n}",
		"record alone A 192.0.2.4 192.0.2.5 192.0.2.6 order sticky"))
	server.AwaitVerdict(t, s, zone, "down", false)
	clients := server.StickyClients(60)
	lost := server.ChoicesOf(t, s, "lost."+zone, dns.TypeA, clients)
	if got := lost.Distinct(); got != 3 {
		t.Errorf("60 clients have %d values of tier 2 between them, want 3", got)
	}
	alone := server.ChoicesOf(t, s, "alone."+zone, dns.TypeA, clients)
	lost.Each(t, "52 tier 1 lost", func(client string) []string { return alone[client] })
}

// Clients of one network share a value: a subscriber's address changes, and an office has several.
func TestStickyNetworks(t *testing.T) {
	const zone = "stickynet.example.org"
	s := server.Start(t, server.Block(zone, "record app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 order sticky"))
	from := func(source string) string {
		client := dns.Client{Timeout: 5 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}}
		m, _, err := client.Exchange(server.Question("app."+zone, dns.TypeA), server.Loopback(s.UDP(0)))
		if err != nil {
			t.Fatalf("from %s: %v", source, err)
		}
		got := server.Letters(m)
		if len(got) != 1 {
			t.Fatalf("from %s: %q, want one value", source, got)
		}
		return got[0]
	}
	t.Run("54 clients of one /24", func(t *testing.T) {
		values := make(map[string]bool)
		for network := range 40 {
			first := from(fmt.Sprintf("127.1.%d.1", network))
			for _, host := range []int{2, 77, 254} {
				source := fmt.Sprintf("127.1.%d.%d", network, host)
				if got := from(source); got != first {
					t.Errorf("%s gets %s, but 127.1.%d.1 gets %s", source, got, network, first)
				}
			}
			values[first] = true
		}
		if len(values) != 4 {
			t.Errorf("40 networks have %d values between them, want 4", len(values))
		}
	})
}

// The networks that an option names are clients as they are, IPv6 ones too.
func TestStickyFamilies(t *testing.T) {
	const zone = "stickyfamily.example.org"
	s := server.Start(t, server.Block(zone, "ecs", "record app 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 2001:db8::1 2001:db8::2 2001:db8::3 2001:db8::4 order sticky"))
	for name, network := range map[string]string{"IPv4": "10.%d.0.0/24", "IPv6": "2001:db8:%d::/56"} {
		t.Run("55 "+name, func(t *testing.T) {
			var clients []string
			for i := range 60 {
				clients = append(clients, fmt.Sprintf(network, i))
			}
			a := server.ChoicesOf(t, s, "app."+zone, dns.TypeA, clients)
			aaaa := server.ChoicesOf(t, s, "app."+zone, dns.TypeAAAA, clients)
			machines := make(map[string]bool) // pairs of machines that clients meet
			for client := range a {
				machines[a[client][0]+aaaa[client][0]] = true
			}
			if a.Distinct() != 4 || aaaa.Distinct() != 4 || len(machines) < 8 {
				t.Errorf("60 clients have %d A, %d AAAA and %d pairs of them, want 4, 4, and pairs of all kinds", a.Distinct(), aaaa.Distinct(), len(machines))
			}
		})
	}
}
