//go:build linux

package fastpath

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastAnswers compares the fast path with the chain, which answers over TCP, for each kind of query; and guards it
// against being left by those that clients do send.
func TestFastAnswers(t *testing.T) {
	server.NoPanics(t)
	_, port := server.StartFast(t, server.FastZone())
	address := "127.0.0.1:" + port
	a := func() *dns.Msg { return server.Question("app.example.org", dns.TypeA) }
	sized := func(name string, size uint16) *dns.Msg { return server.Question(name, dns.TypeA).SetEdns0(size, false) }
	malformed := &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0, 1, 24, 0, 192, 0, 2, 0}}
	for _, tc := range []struct {
		name   string
		m      *dns.Msg
		isFast bool
	}{
		{"A", a(), true},
		{"AAAA", server.Question("app.example.org", dns.TypeAAAA), true},
		{"apex", server.Question("example.org", dns.TypeA), true},
		{"wildcard", server.Question("any.wild.example.org", dns.TypeA), true},
		{"deep below a wildcard", server.Question("b.a.wild.example.org", dns.TypeA), true},
		{"the wildcard itself", server.Question("*.wild.example.org", dns.TypeA), true},
		{"letter case", server.Question("aPp.eXaMpLe.ORG", dns.TypeA), true},
		{"underscore", server.Question("_dns.wild.example.org", dns.TypeA), true},
		{"EDNS", server.WithOPT(a(), 0), true},
		{"EDNS, small", sized("app.example.org", 100), true},
		{"EDNS, large", sized("app.example.org", 65535), true},
		{"DO", server.WithOPT(a(), 0x8000), true},
		{"reserved flags", server.WithOPT(a(), server.ReservedFlags), true},
		{"COOKIE", server.WithOPT(a(), 0, server.CookieOption), true},
		{"NSID", server.WithOPT(a(), 0, server.NSIDOption), true},
		{"padding", server.WithOPT(a(), 0, server.PaddingOption), true},
		{"COOKIE, NSID and padding", server.WithOPT(a(), 0x8000, server.NSIDOption, server.CookieOption, server.PaddingOption), true},
		{"ECS", server.WithOPT(a(), 0, server.PolicySubnet("198.51.100.0/24")), true},
		{"malformed ECS", server.WithOPT(a(), 0, malformed), false},
		{"unknown option", server.WithOPT(a(), 0, server.UnknownOption), false},
		{"EDNS 1", server.WithVersion(server.WithOPT(a(), 0), 1), false},
		{"two OPT records", server.WithOPT(server.WithOPT(a(), 0), 0), false},
		{"weights", server.Question("weighted.example.org", dns.TypeA), true},
		{"answers", server.Question("two.example.org", dns.TypeA), true},
		{"random", server.Question("random.example.org", dns.TypeA), true},
		{"glue, asked for", server.Question("ns.sub.example.org", dns.TypeA), true},
		{"from", server.Question("near.example.org", dns.TypeA), true},
		{"sticky", server.Question("sticky.example.org", dns.TypeA), true},
		{"NODATA", server.Question("v4.example.org", dns.TypeAAAA), true},
		{"NODATA, EDNS", server.WithOPT(server.Question("v4.example.org", dns.TypeAAAA), 0x8000, server.CookieOption), true},
		{"empty non-terminal", server.Question("wild.example.org", dns.TypeA), true},
		{"NXDOMAIN", server.Question("nowhere.example.org", dns.TypeA), true},
		{"TXT", server.Question("text.example.org", dns.TypeTXT), true},
		{"MX", server.Question("mail.example.org", dns.TypeMX), true},
		{"CNAME", server.Question("alias.example.org", dns.TypeA), true},
		{"CNAME to outside", server.Question("outside.example.org", dns.TypeA), false},
		{"referral", server.Question("below.sub.example.org", dns.TypeA), true},
		{"ANY", server.Question("app.example.org", dns.TypeANY), true},
		{"SOA", server.Question("example.org", dns.TypeSOA), true},
		{"AXFR", server.Question("example.org", dns.TypeAXFR), false},
		{"DS", server.Question("app.example.org", dns.TypeDS), false},
		{"another zone", server.Question("www.example.net", dns.TypeA), false},
		{"the root", server.Question(".", dns.TypeNS), false},
		{"escaped octet", server.Question(`a\.b.wild.example.org`, dns.TypeA), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply, isFast := server.AskFast(t, address, tc.m)
			want := server.Exchange(t, "tcp", address, tc.m)
			if reply.Question[0] != tc.m.Question[0] {
				t.Errorf("the question is %v, want %v", reply.Question[0], tc.m.Question[0])
			}
			if tc.name != "AXFR" { // UDP has no stream of messages; both are refused
				got, want := withoutOrder(reply), withoutOrder(want)
				if tc.name == "random" || tc.name == "weights" || tc.name == "answers" {
					got, want = anyAddress(got), anyAddress(want)
				}
				if got != want {
					t.Errorf("got\n%s\nas the chain over TCP:\n%s", got, want)
				}
			}
			if isFast != tc.isFast {
				t.Errorf("by the fast path: %t, want %t", isFast, tc.isFast)
			}
		})
	}
	for _, flags := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
		m := a()
		m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData, m.Zero = flags[0], flags[1], true, true
		reply, isFast := server.AskFast(t, address, m)
		if want := server.Exchange(t, "tcp", address, m); !isFast || withoutOrder(reply) != withoutOrder(want) {
			t.Errorf("rd, cd %v: by the fast path %t, got\n%s\nwant\n%s", flags, isFast, server.ReplyText(reply), server.ReplyText(want))
		}
	}
}

// TestFastLine guards answers whose number of values is not always the same: the fast path answers all of them.
func TestFastLine(t *testing.T) {
	_, port := server.StartFast(t, server.FastZone())
	address := "127.0.0.1:" + port
	q := server.Question("line.example.org", dns.TypeA)
	server.AskFast(t, address, q) // proves it
	conn := server.Dial(t, address)
	got := make(map[string]int)
	for range 20 {
		reply, octets := server.AskRaw(t, conn, q)
		if len(reply.Answer) > 1 && !server.IsCompressed(reply, octets) {
			t.Errorf("%q: not by the fast path", server.SortedAddresses(reply))
		}
		got[server.SortedAddresses(reply)]++
	}
	if want := map[string]int{"192.0.2.1 192.0.2.2": 14, "192.0.2.3": 6}; !maps.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

// withoutOrder is replyText with its lines sorted.
func withoutOrder(m *dns.Msg) string {
	lines := strings.Split(server.ReplyText(m), "\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}

// anyAddress is a text without what addresses end in.
func anyAddress(text string) string {
	for _, value := range server.ThreeValues {
		text = strings.ReplaceAll(text, value, "ADDRESS")
	}
	return text
}

// TestFastSizes guards the limit of the client: what fits is answered whole by the fast path, what does not has TC from
// the chain.
func TestFastSizes(t *testing.T) {
	_, port := server.StartFast(t, server.FastZone())
	address := "127.0.0.1:" + port
	for _, tc := range []struct {
		name  string
		qtype uint16
		fits  uint16 // header, question and OPT, and the records
	}{
		{"big.example.org", dns.TypeA, 12 + 17 + 4 + 11 + 64*16},
		{"huge.example.org", dns.TypeAAAA, 12 + 18 + 4 + 11 + 100*28},
	} {
		for size, isWhole := range map[uint16]bool{512: false, tc.fits - 1: false, tc.fits: true, tc.fits + 1: true, 4096: true} {
			m, isFast := server.AskFast(t, address, server.Question(tc.name, tc.qtype).SetEdns0(size, false))
			if m.Truncated == isWhole || !isFast {
				t.Errorf("%s, %d octets: TC %t, compressed %t, %d addresses, want TC %t", tc.name, size, m.Truncated, isFast, len(m.Answer), !isWhole)
			}
		}
		if m, _ := server.AskFast(t, address, server.Question(tc.name, tc.qtype)); !m.Truncated {
			t.Errorf("%s without EDNS: no TC", tc.name)
		}
	}
}
