package test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/miekg/dns"
)

// A zone ends at a label, and an escaped dot is no boundary: with a comparison of text notexample.org and
// foo\.example.org would lie in example.org. What lies outside goes to the next plugin, here hosts.
func TestLabelBoundaries(t *testing.T) {
	s := start(t, `.:0 {
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
	checkReplies(t, s, []replyCase{
		{"ours", "www.example.org", dns.TypeA, `
			NOERROR qr aa rd
			answer www.example.org. 60 IN A 192.0.2.1`},
		{"longer label", "notexample.org", dns.TypeA, `
			NOERROR qr aa rd
			answer notexample.org. 3600 IN A 203.0.113.1`},
		{"below a longer label", "www.notexample.org", dns.TypeA, `
			NOERROR qr aa rd
			answer www.notexample.org. 3600 IN A 203.0.113.2`},
		{"parent", "org", dns.TypeA, `
			NOERROR qr aa rd
			answer org. 3600 IN A 203.0.113.3`},
		{"another top label", "example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer example.com. 3600 IN A 203.0.113.4`},
		{"root", ".", dns.TypeA, nobody},
		{"zone behind an escaped dot", `www\.example.org`, dns.TypeA, nobody},
		{"zone with an escaped dot", `www.example\.org`, dns.TypeA, nobody},
		{"escaped dot in a label", `a\.b.example.org`, dns.TypeA, `
			NOERROR qr aa rd
			answer a\.b.example.org. 60 IN A 192.0.2.2`},
		{"the same name as two labels", "a.b.example.org", dns.TypeA, nxDomain},
		{"record that was written with an escaped letter", "app.example.org", dns.TypeA, `
			NOERROR qr aa rd
			answer app.example.org. 60 IN A 192.0.2.3`},
		{"escaped dot below a wildcard", `x\.y.wild.example.org`, dns.TypeA, `
			NOERROR qr aa rd
			answer x\.y.wild.example.org. 60 IN A 192.0.2.4`},
		{"octets that are no letters", `\000\255\..example.org`, dns.TypeA, nxDomain},
	})
}

// A name has up to 255 octets (RFC 1035 §2.3.4), as an owner name, and as one that a wildcard covers.
func TestLongestNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	// Three labels of 64 octets, one of 50, and example.com. with 13.
	prefix := strings.Join([]string{label, label, label}, ".")
	owner := prefix + "." + strings.Repeat("b", 49) + ".example.com."
	covered := prefix + "." + strings.Repeat("c", 44) + ".wild.example.com."
	s := start(t, `example.com:0 {
		roundrobin53 {
			record `+owner+` A 192.0.2.1
			record *.wild A 192.0.2.2
			record to CNAME `+owner+`
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	checkReplies(t, s, []replyCase{
		{"owner name", owner, dns.TypeA, `
			NOERROR qr aa rd
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{"target", "to.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer to.example.com. 60 IN CNAME ` + owner + `
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{"covered by a wildcard", covered, dns.TypeA, `
			NOERROR qr aa rd
			answer ` + covered + ` 60 IN A 192.0.2.2`},
		{"empty non-terminal", owner[64:], dns.TypeA, "NOERROR qr aa rd" + soa},
		{"no such name", strings.Replace(owner, "a", "z", 1), dns.TypeA, "NXDOMAIN qr aa rd" + soa},
	})
}

// Names match without regard to case, and what is synthesized for the question has the question's letters: resolvers that
// send random case (0x20) compare. Names in RDATA and of zones keep their own.
func TestMixedCase(t *testing.T) {
	s := start(t, `Example.COM:0 {
		roundrobin53 {
			record WWW A 192.0.2.1
			record text TXT "Text"
			record alias CNAME WWW
			record *.wild A 192.0.2.2
			record sub NS ns.example.net.
		}
	}`)
	checkReplies(t, s, []replyCase{
		{"address", "wWw.eXAMPLE.cOm", dns.TypeA, `
			NOERROR qr aa rd
			answer wWw.eXAMPLE.cOm. 60 IN A 192.0.2.1`},
		{"lower case", "www.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer www.example.com. 60 IN A 192.0.2.1`},
		{"other type", "TEXT.EXAMPLE.COM", dns.TypeTXT, `
			NOERROR qr aa rd
			answer TEXT.EXAMPLE.COM. 60 IN TXT "Text"`},
		{"wildcard", "Foo.WILD.example.Com", dns.TypeA, `
			NOERROR qr aa rd
			answer Foo.WILD.example.Com. 60 IN A 192.0.2.2`},
		{"alias", "ALIAS.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer ALIAS.example.com. 60 IN CNAME WWW.example.com.
			answer WWW.example.com. 60 IN A 192.0.2.1`},
		{"apex", "EXAMPLE.com", dns.TypeNS, `
			NOERROR qr aa rd
			answer EXAMPLE.com. 60 IN NS ns.dns.example.com.`},
		{"any type", "wwW.example.com", dns.TypeANY, `
			NOERROR qr aa rd
			answer wwW.example.com. 60 IN HINFO "RFC8482" ""`},
		{"NODATA", "Www.Example.Com", dns.TypeTXT, `
			NOERROR qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{"NXDOMAIN", "None.Example.Com", dns.TypeA, `
			NXDOMAIN qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{"referral", "Www.SUB.example.com", dns.TypeA, `
			NOERROR qr rd
			authority sub.example.com. 60 IN NS ns.example.net.`},
	})
}

// Spellings of one name share one counter: elsewhere the state was kept by the text of the question.
func TestSpellingsShareCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record www A `+strings.Join(values, " ")+`
		}
	}`)
	random := rand.New(rand.NewPCG(1, 2))
	before := firstAddress(t, s, "udp", "www.example.com", dns.TypeA)
	for range 50 {
		qname := randomCase(random, "www.example.com")
		now := firstAddress(t, s, "udp", qname, dns.TypeA)
		if !s.follows(values, before, now) {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, next(values, before))
		}
		before = now
	}
}

// randomCase is a name in random letter case.
func randomCase(random *rand.Rand, name string) string {
	return strings.Map(func(r rune) rune {
		if random.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return r
	}, name)
}
