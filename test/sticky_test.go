package test

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// choices are the answers that clients get, by client.
type choices map[string][]string

// stickyClients are so many networks of clients.
func stickyClients(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("10.%d.%d.0/24", i/200, i%200)
	}
	return all
}

// choicesOf asks for each client, twice: an order that is sticky answers the same.
func choicesOf(t *testing.T, s *server, qname string, qtype uint16, clients []string) choices {
	t.Helper()
	all := make(choices)
	for _, client := range clients {
		for range 2 {
			got := letters(send(t, s, "udp", withOPT(question(qname, qtype), 0, subnet(client))))
			if before, ok := all[client]; ok && !slices.Equal(got, before) {
				t.Fatalf("%s from %s: %q after %q, want the same", qname, client, got, before)
			}
			all[client] = got
		}
	}
	return all
}

// each checks that every client has what want says.
func (c choices) each(t *testing.T, when string, want func(client string) []string) {
	t.Helper()
	t.Run(when, func(t *testing.T) {
		for _, client := range slices.Sorted(maps.Keys(c)) {
			if want := want(client); !slices.Equal(c[client], want) {
				t.Errorf("%s gets %q, want %q", client, c[client], want)
			}
		}
	})
}

// distinct is how many first values the clients have between them.
func (c choices) distinct() int {
	values := make(map[string]bool)
	for _, got := range c {
		values[got[0]] = true
	}
	return len(values)
}

// A client keeps its value; one that is lost leaves its clients to their second choices, and nobody else moves.
func TestSticky(t *testing.T) {
	const zone = "sticky.example.org"
	e := startSignals(t)
	values := func(drained string) string {
		return `
			value 192.0.2.1 check a
			value 192.0.2.2 check b ` + drained + `
			value 192.0.2.3 check c
			value 192.0.2.4 check d
			order sticky`
	}
	corefile := func(drained string) string {
		return block(zone, "ecs", e.watched(quick, "a b c d"),
			"record one {"+values(drained)+"\n}",
			"record two {"+values(drained)+"\nanswers 2\n}",
			"record every {"+values(drained)+"\nanswers all\n}")
	}
	s := start(t, corefile(""))
	clients := stickyClients(60)
	choose := func(name string) choices { return choicesOf(t, s, name+"."+zone, dns.TypeA, clients) }
	ranks := choose("every")
	without := func(lost string, n int) func(client string) []string {
		return func(client string) []string {
			left := slices.DeleteFunc(slices.Clone(ranks[client]), func(value string) bool { return value == lost })
			return left[:n]
		}
	}

	if got := ranks.distinct(); got != 4 {
		t.Fatalf("60 clients have %d values between them, want 4", got)
	}
	choose("one").each(t, "53 one value", without("", 1))
	choose("two").each(t, "53 two values", without("", 2))

	e.flip(t, s, zone, "a", fail)
	choose("one").each(t, "49 a-", without("a", 1))
	choose("two").each(t, "49 a-, two values", without("a", 2))
	e.flip(t, s, zone, "b c d", fail)
	choose("one").each(t, "51 all down", without("", 1))
	e.flip(t, s, zone, "a b c d", pass)
	choose("one").each(t, "50 a+ again", without("", 1))
	choose("two").each(t, "50 a+ again, two values", without("", 2))

	mustReload(t, s, corefile("drain"))
	choose("one").each(t, "49 b~", without("b", 1))
	choose("two").each(t, "49 b~, two values", without("b", 2))
	mustReload(t, s, corefile(""))
	choose("one").each(t, "50 b without drain again", without("", 1))
}

// In the tier that stands in, a client has one value too, and the clients spread over all.
func TestStickyInTheNextTier(t *testing.T) {
	const zone = "stickytier.example.org"
	e := startSignals(t)
	e.set(fail, "down")
	s := start(t, block(zone, "ecs", e.watched("interval 1h", "down"),
		"record lost {\nvalue 192.0.2.1 192.0.2.2 192.0.2.3 check down\nvalue 192.0.2.4 192.0.2.5 192.0.2.6 priority 2\norder sticky\n}",
		"record alone A 192.0.2.4 192.0.2.5 192.0.2.6 order sticky"))
	awaitVerdict(t, s, zone, "down", false)
	clients := stickyClients(60)
	lost := choicesOf(t, s, "lost."+zone, dns.TypeA, clients)
	if got := lost.distinct(); got != 3 {
		t.Errorf("60 clients have %d values of tier 2 between them, want 3", got)
	}
	alone := choicesOf(t, s, "alone."+zone, dns.TypeA, clients)
	lost.each(t, "52 tier 1 lost", func(client string) []string { return alone[client] })
}

// Clients of one network share a value: a subscriber's address changes, and an office has several.
func TestStickyNetworks(t *testing.T) {
	const zone = "stickynet.example.org"
	s := start(t, block(zone, "record app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 order sticky"))
	from := func(source string) string {
		client := dns.Client{Timeout: 5 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}}
		m, _, err := client.Exchange(question("app."+zone, dns.TypeA), loopback(s.udp(0)))
		if err != nil {
			t.Fatalf("from %s: %v", source, err)
		}
		got := letters(m)
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
	s := start(t, block(zone, "ecs", "record app 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 2001:db8::1 2001:db8::2 2001:db8::3 2001:db8::4 order sticky"))
	for name, network := range map[string]string{"IPv4": "10.%d.0.0/24", "IPv6": "2001:db8:%d::/56"} {
		t.Run("55 "+name, func(t *testing.T) {
			var clients []string
			for i := range 60 {
				clients = append(clients, fmt.Sprintf(network, i))
			}
			a := choicesOf(t, s, "app."+zone, dns.TypeA, clients)
			aaaa := choicesOf(t, s, "app."+zone, dns.TypeAAAA, clients)
			machines := make(map[string]bool) // pairs of machines that clients meet
			for client := range a {
				machines[a[client][0]+aaaa[client][0]] = true
			}
			if a.distinct() != 4 || aaaa.distinct() != 4 || len(machines) < 8 {
				t.Errorf("60 clients have %d A, %d AAAA and %d pairs of them, want 4, 4, and pairs of all kinds", a.distinct(), aaaa.distinct(), len(machines))
			}
		})
	}
}
