package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// The zone of RFC 4592 §2.2.1 and its responses, then those that the other sections argue about.
func TestWildcards(t *testing.T) {
	s := start(t, `example:0 {
		roundrobin53 {
			ttl 3600
			ns ns.example.com.
			ns ns.example.net.
			record * TXT "this is a wildcard"
			record * MX 10 host1
			record sub.* TXT "this is not a wildcard"
			record host1 A 192.0.2.1
			record _ssh._tcp.host1 SRV 0 0 22 host1
			record _ssh._tcp.host2 SRV 0 0 22 host1
			record subdel NS ns.example.com.
			record subdel NS ns.example.net.
			record leaf.ent.* A 192.0.2.2
			record leaf.*.inner A 192.0.2.3
		}
	}`)
	const soa = `
		authority example. 3600 IN SOA ns.example.com. hostmaster.example. SERIAL 7200 1800 1209600 3600`
	const noData, nxDomain = "NOERROR qr aa rd" + soa, "NXDOMAIN qr aa rd" + soa
	const referral = `
		NOERROR qr rd
		authority subdel.example. 3600 IN NS ns.example.com.
		authority subdel.example. 3600 IN NS ns.example.net.`
	checkReplies(t, s, []replyCase{
		// Responses that §2.2.1 says are synthesized.
		{"host3 MX", "host3.example", dns.TypeMX, `
			NOERROR qr aa rd
			answer host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{"host3 A", "host3.example", dns.TypeA, noData},
		{"foo.bar TXT", "foo.bar.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer foo.bar.example. 3600 IN TXT "this is a wildcard"`},

		// Responses that §2.2.1 says are not.
		{"host1 MX, since host1 exists", "host1.example", dns.TypeMX, noData},
		{"sub.* MX, since sub.* exists", "sub.*.example", dns.TypeMX, noData},
		{"_telnet._tcp.host1 SRV, since _tcp.host1 exists without data", "_telnet._tcp.host1.example", dns.TypeSRV, nxDomain},
		{"host.subdel A, since subdel is a delegation", "host.subdel.example", dns.TypeA, referral},
		{"ghost.* MX, since * exists", "ghost.*.example", dns.TypeMX, nxDomain},

		// The names themselves.
		{"wildcard asked for by its name", "*.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer *.example. 3600 IN TXT "this is a wildcard"`},
		{"wildcard by its name, other type", "*.example", dns.TypeA, noData},
		{"name below the wildcard", "sub.*.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer sub.*.example. 3600 IN TXT "this is not a wildcard"`},
		{"SRV", "_ssh._tcp.host2.example", dns.TypeSRV, `
			NOERROR qr aa rd
			answer _ssh._tcp.host2.example. 3600 IN SRV 0 0 22 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},

		// Empty non-terminals are not covered by the wildcard (§2.2.2); stock file answers them from it.
		{"empty non-terminal below a wildcard", "host2.example", dns.TypeTXT, noData},
		{"empty non-terminal deeper", "_tcp.host2.example", dns.TypeTXT, noData},
		{"empty non-terminal below an asterisk label", "ent.*.example", dns.TypeA, noData},
		{"beside it", "other.*.example", dns.TypeA, nxDomain},
		{"beside its leaf", "other.ent.*.example", dns.TypeA, nxDomain},

		// The closest encloser decides, not any wildcard above (§3.3.1).
		{"below an existing host", "foo.host1.example", dns.TypeTXT, nxDomain},
		{"below an empty non-terminal", "foo.host2.example", dns.TypeMX, nxDomain},
		{"_telnet below host3, which does not exist", "_telnet._tcp.host3.example", dns.TypeMX, `
			NOERROR qr aa rd
			answer _telnet._tcp.host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{"asterisk in the middle of a label is a letter", "a*b.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer a*b.example. 3600 IN TXT "this is a wildcard"`},

		// A wildcard that is itself an empty non-terminal exists and has no data: what it covers is NODATA (§2.2.2, §3.3.1).
		{"wildcard without data", "foo.inner.example", dns.TypeA, noData},
		{"wildcard without data, by its name", "*.inner.example", dns.TypeA, noData},
		{"below it", "leaf.*.inner.example", dns.TypeA, `
			NOERROR qr aa rd
			answer leaf.*.inner.example. 3600 IN A 192.0.2.3`},

		// The apex and what lies beyond.
		{"apex TXT", "example", dns.TypeTXT, noData},
		{"delegation itself", "subdel.example", dns.TypeTXT, referral},
		{"any type from a wildcard", "host3.example", dns.TypeANY, `
			NOERROR qr aa rd
			answer host3.example. 3600 IN HINFO "RFC8482" ""`},
	})
}

func TestRootWildcard(t *testing.T) {
	s := start(t, `.:0 {
		roundrobin53 . {
			record * A 192.0.2.1
			record www.example.com A 192.0.2.2
		}
	}`)
	const soa = "\nauthority . 60 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 1209600 60"
	checkReplies(t, s, []replyCase{
		{"top label", "host", dns.TypeA, "NOERROR qr aa rd\nanswer host. 60 IN A 192.0.2.1"},
		{"deep name", "a.b.c", dns.TypeA, "NOERROR qr aa rd\nanswer a.b.c. 60 IN A 192.0.2.1"},
		{"apex", ".", dns.TypeA, "NOERROR qr aa rd" + soa},
		{"empty non-terminal", "com", dns.TypeA, "NOERROR qr aa rd" + soa},
		{"below an empty non-terminal", "example.net.com", dns.TypeA, "NXDOMAIN qr aa rd" + soa},
	})
}

// All names that a wildcard covers take turns from its one counter: state does not grow with what is asked.
func TestWildcardHasOneCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record * A `+strings.Join(values, " ")+`
		}
	}`)
	before := firstAddress(t, s, "udp", "*.example.com", dns.TypeA)
	for i := range 30 {
		qname := fmt.Sprintf("host%d.example.com", i%7)
		now := firstAddress(t, s, "udp", qname, dns.TypeA)
		if !s.follows(values, before, now) {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, next(values, before))
		}
		before = now
	}
}
