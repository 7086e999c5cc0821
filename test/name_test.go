package test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// A zone ends at a label, and an escaped dot is no boundary: with a comparison of text notexample.org and
// foo\.example.org would lie in example.org. What lies outside goes to the next plugin, here hosts.
func TestLabelBoundaries(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 example.org {
			record www A 192.0.2.1
			record a\.b A 192.0.2.2
			record \065pp A 192.0.2.3
			record *.wild A 192.0.2.4
		}
		hosts {
			203.0.113.1 notexample.org
			203.0.113.2 www.notexample.org
			203.0.113.3 org
			203.0.113.4 example.com
		}
	}`)
	const nxDomain = `
		NXDOMAIN qr aa rd
		authority example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60`
	const nobody = "SERVFAIL qr rd" // what hosts says of a name it lacks
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "ours", Qname: "www.example.org", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer www.example.org. 60 IN A 192.0.2.1`},
		{Name: "longer label", Qname: "notexample.org", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer notexample.org. 3600 IN A 203.0.113.1`},
		{Name: "below a longer label", Qname: "www.notexample.org", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer www.notexample.org. 3600 IN A 203.0.113.2`},
		{Name: "parent", Qname: "org", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer org. 3600 IN A 203.0.113.3`},
		{Name: "another top label", Qname: "example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer example.com. 3600 IN A 203.0.113.4`},
		{Name: "root", Qname: ".", Qtype: dns.TypeA, Want: nobody},
		{Name: "zone behind an escaped dot", Qname: `www\.example.org`, Qtype: dns.TypeA, Want: nobody},
		{Name: "zone with an escaped dot", Qname: `www.example\.org`, Qtype: dns.TypeA, Want: nobody},
		{Name: "escaped dot in a label", Qname: `a\.b.example.org`, Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer a\.b.example.org. 60 IN A 192.0.2.2`},
		{Name: "the same name as two labels", Qname: "a.b.example.org", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "record that was written with an escaped letter", Qname: "app.example.org", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer app.example.org. 60 IN A 192.0.2.3`},
		{Name: "escaped dot below a wildcard", Qname: `x\.y.wild.example.org`, Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer x\.y.wild.example.org. 60 IN A 192.0.2.4`},
		{Name: "octets that are no letters", Qname: `\000\255\..example.org`, Qtype: dns.TypeA, Want: nxDomain},
	})
}

// A name has up to 255 octets (RFC 1035 §2.3.4), as an owner name, and as one that a wildcard covers.
func TestLongestNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	// Three labels of 64 octets, one of 50, and example.com. with 13.
	prefix := strings.Join([]string{label, label, label}, ".")
	owner := prefix + "." + strings.Repeat("b", 49) + ".example.com."
	covered := prefix + "." + strings.Repeat("c", 44) + ".wild.example.com."
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record `+owner+` A 192.0.2.1
			record *.wild A 192.0.2.2
			record to CNAME `+owner+`
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "owner name", Qname: owner, Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{Name: "target", Qname: "to.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer to.example.com. 60 IN CNAME ` + owner + `
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{Name: "covered by a wildcard", Qname: covered, Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer ` + covered + ` 60 IN A 192.0.2.2`},
		{Name: "empty non-terminal", Qname: owner[64:], Qtype: dns.TypeA, Want: "NOERROR qr aa rd" + soa},
		{Name: "no such name", Qname: strings.Replace(owner, "a", "z", 1), Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa},
	})
}

// Names match without regard to case, and what is synthesized for the question has the question's letters: resolvers that
// send random case (0x20) compare. Names in RDATA and of zones keep their own.
func TestMixedCase(t *testing.T) {
	s := server.Start(t, `Example.COM:0 {
		roundrobin53 {
			record WWW A 192.0.2.1
			record text TXT "Text"
			record alias CNAME WWW
			record *.wild A 192.0.2.2
			record sub NS ns.example.net.
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "address", Qname: "wWw.eXAMPLE.cOm", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer wWw.eXAMPLE.cOm. 60 IN A 192.0.2.1`},
		{Name: "lower case", Qname: "www.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer www.example.com. 60 IN A 192.0.2.1`},
		{Name: "other type", Qname: "TEXT.EXAMPLE.COM", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer TEXT.EXAMPLE.COM. 60 IN TXT "Text"`},
		{Name: "wildcard", Qname: "Foo.WILD.example.Com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer Foo.WILD.example.Com. 60 IN A 192.0.2.2`},
		{Name: "alias", Qname: "ALIAS.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer ALIAS.example.com. 60 IN CNAME WWW.example.com.
			answer WWW.example.com. 60 IN A 192.0.2.1`},
		{Name: "apex", Qname: "EXAMPLE.com", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer EXAMPLE.com. 60 IN NS ns.dns.example.com.`},
		{Name: "any type", Qname: "wwW.example.com", Qtype: dns.TypeANY, Want: `
			NOERROR qr aa rd
			answer wwW.example.com. 60 IN HINFO "RFC8482" ""`},
		{Name: "NODATA", Qname: "Www.Example.Com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{Name: "NXDOMAIN", Qname: "None.Example.Com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{Name: "referral", Qname: "Www.SUB.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr rd
			authority sub.example.com. 60 IN NS ns.example.net.`},
	})
}

// Spellings of one name share one counter: elsewhere the state was kept by the text of the question.
func TestSpellingsShareCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record www A `+strings.Join(values, " ")+`
		}
	}`)
	random := rand.New(rand.NewPCG(1, 2))
	before := server.FirstAddress(t, s, "udp", "www.example.com", dns.TypeA)
	for range 50 {
		qname := server.RandomCase(random, "www.example.com")
		now := server.FirstAddress(t, s, "udp", qname, dns.TypeA)
		if !s.Follows(values, before, now) {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, server.Next(values, before))
		}
		before = now
	}
}
