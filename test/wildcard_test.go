package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The zone of RFC 4592 §2.2.1 and its responses, then those that the other sections argue about.
func TestWildcards(t *testing.T) {
	s := server.Start(t, `example:0 {
		roundrobin53 {
			ttl 3600
			ns ns.example.com.
			ns ns.example.net.
			record * TXT "this is a wildcard"
			record * MX 10 host1
			record sub.\042 TXT "this is not a wildcard"
			record host1 A 192.0.2.1
			record _ssh._tcp.host1 SRV 0 0 22 host1
			record _ssh._tcp.host2 SRV 0 0 22 host1
			record subdel NS ns.example.com.
			record subdel NS ns.example.net.
			record leaf.ent.\042 A 192.0.2.2
			record leaf.\042.inner A 192.0.2.3
		}
	}`)
	const soa = `
		authority example. 3600 IN SOA ns.example.com. hostmaster.example. SERIAL 7200 1800 1209600 3600`
	const noData, nxDomain = "NOERROR qr aa rd" + soa, "NXDOMAIN qr aa rd" + soa
	const referral = `
		NOERROR qr rd
		authority subdel.example. 3600 IN NS ns.example.com.
		authority subdel.example. 3600 IN NS ns.example.net.`
	server.CheckReplies(t, s, []server.ReplyCase{
		// Responses that §2.2.1 says are synthesized.
		{Name: "host3 MX", Qname: "host3.example", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{Name: "host3 A", Qname: "host3.example", Qtype: dns.TypeA, Want: noData},
		{Name: "foo.bar TXT", Qname: "foo.bar.example", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer foo.bar.example. 3600 IN TXT "this is a wildcard"`},

		// Responses that §2.2.1 says are not.
		{Name: "host1 MX, since host1 exists", Qname: "host1.example", Qtype: dns.TypeMX, Want: noData},
		{Name: "sub.* MX, since sub.* exists", Qname: "sub.*.example", Qtype: dns.TypeMX, Want: noData},
		{Name: "_telnet._tcp.host1 SRV, since _tcp.host1 exists without data", Qname: "_telnet._tcp.host1.example", Qtype: dns.TypeSRV, Want: nxDomain},
		{Name: "host.subdel A, since subdel is a delegation", Qname: "host.subdel.example", Qtype: dns.TypeA, Want: referral},
		{Name: "ghost.* MX, since * exists", Qname: "ghost.*.example", Qtype: dns.TypeMX, Want: nxDomain},

		// The names themselves.
		{Name: "wildcard asked for by its name", Qname: "*.example", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer *.example. 3600 IN TXT "this is a wildcard"`},
		{Name: "wildcard by its name, other type", Qname: "*.example", Qtype: dns.TypeA, Want: noData},
		{Name: "name below the wildcard", Qname: "sub.*.example", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer sub.*.example. 3600 IN TXT "this is not a wildcard"`},
		{Name: "SRV", Qname: "_ssh._tcp.host2.example", Qtype: dns.TypeSRV, Want: `
			NOERROR qr aa rd
			answer _ssh._tcp.host2.example. 3600 IN SRV 0 0 22 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},

		// Empty non-terminals are not covered by the wildcard (§2.2.2); stock file answers them from it.
		{Name: "empty non-terminal below a wildcard", Qname: "host2.example", Qtype: dns.TypeTXT, Want: noData},
		{Name: "empty non-terminal deeper", Qname: "_tcp.host2.example", Qtype: dns.TypeTXT, Want: noData},
		{Name: "empty non-terminal below an asterisk label", Qname: "ent.*.example", Qtype: dns.TypeA, Want: noData},
		{Name: "beside it", Qname: "other.*.example", Qtype: dns.TypeA, Want: nxDomain},
		{Name: "beside its leaf", Qname: "other.ent.*.example", Qtype: dns.TypeA, Want: nxDomain},

		// The closest encloser decides, not any wildcard above (§3.3.1).
		{Name: "below an existing host", Qname: "foo.host1.example", Qtype: dns.TypeTXT, Want: nxDomain},
		{Name: "below an empty non-terminal", Qname: "foo.host2.example", Qtype: dns.TypeMX, Want: nxDomain},
		{Name: "_telnet below host3, which does not exist", Qname: "_telnet._tcp.host3.example", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer _telnet._tcp.host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{Name: "asterisk in the middle of a label is a letter", Qname: "a*b.example", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer a*b.example. 3600 IN TXT "this is a wildcard"`},

		// A wildcard that is itself an empty non-terminal exists and has no data: what it covers is NODATA (§2.2.2, §3.3.1).
		{Name: "wildcard without data", Qname: "foo.inner.example", Qtype: dns.TypeA, Want: noData},
		{Name: "wildcard without data, by its name", Qname: "*.inner.example", Qtype: dns.TypeA, Want: noData},
		{Name: "below it", Qname: "leaf.*.inner.example", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer leaf.*.inner.example. 3600 IN A 192.0.2.3`},

		// The apex and what lies beyond.
		{Name: "apex TXT", Qname: "example", Qtype: dns.TypeTXT, Want: noData},
		{Name: "delegation itself", Qname: "subdel.example", Qtype: dns.TypeTXT, Want: referral},
		{Name: "any type from a wildcard", Qname: "host3.example", Qtype: dns.TypeANY, Want: `
			NOERROR qr aa rd
			answer host3.example. 3600 IN HINFO "RFC8482" ""`},
	})
}

func TestRootWildcard(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 . {
			record * A 192.0.2.1
			record www.example.com A 192.0.2.2
		}
	}`)
	const soa = "\nauthority . 60 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 1209600 60"
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "top label", Qname: "host", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer host. 60 IN A 192.0.2.1"},
		{Name: "deep name", Qname: "a.b.c", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer a.b.c. 60 IN A 192.0.2.1"},
		{Name: "apex", Qname: ".", Qtype: dns.TypeA, Want: "NOERROR qr aa rd" + soa},
		{Name: "empty non-terminal", Qname: "com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd" + soa},
		{Name: "below an empty non-terminal", Qname: "example.net.com", Qtype: dns.TypeA, Want: "NXDOMAIN qr aa rd" + soa},
	})
}

// All names that a wildcard covers take turns from its one counter: state does not grow with what is asked.
func TestWildcardHasOneCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record * A `+strings.Join(values, " ")+`
		}
	}`)
	before := server.FirstAddress(t, s, "udp", "*.example.com", dns.TypeA)
	for i := range 30 {
		qname := fmt.Sprintf("host%d.example.com", i%7)
		now := server.FirstAddress(t, s, "udp", qname, dns.TypeA)
		if !s.Follows(values, before, now) {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, server.Next(values, before))
		}
		before = now
	}
}
