package test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// A family or type that a name lacks is NODATA with one SOA. With SERVFAIL, REFUSED or NXDOMAIN instead, musl's resolver
// fails the whole look-up, since it asks for A and AAAA side by side.
func TestMissingTypeIsNoData(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record v4 A 192.0.2.1
			record v6 AAAA 2001:db8::1
			record dual 192.0.2.2 2001:db8::2
			record * 192.0.2.3
		}
	}`)
	const noData = `
		NOERROR qr aa rd
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	has := map[string]map[uint16]string{
		"v4":   {dns.TypeA: "192.0.2.1"},
		"v6":   {dns.TypeAAAA: "2001:db8::1"},
		"dual": {dns.TypeA: "192.0.2.2", dns.TypeAAAA: "2001:db8::2"},
		"wild": {dns.TypeA: "192.0.2.3"},
	}
	qtypes := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS}
	cases := make([]server.ReplyCase, 0, len(has)*len(qtypes))
	for _, name := range slices.Sorted(maps.Keys(has)) {
		for _, qtype := range qtypes {
			rrtype, want := dns.TypeToString[qtype], noData
			if value, ok := has[name][qtype]; ok {
				want = fmt.Sprintf("NOERROR qr aa rd\nanswer %s.example.com. 60 IN %s %s", name, rrtype, value)
			}
			cases = append(cases, server.ReplyCase{Name: name + " " + rrtype, Qname: name + ".example.com", Qtype: qtype, Want: want})
		}
	}
	server.CheckReplies(t, s, cases)
}

// The octets that go out are those of the address that was written, in whatever spelling, and of its family: elsewhere an
// IPv6 address in an A record went out as 0.0.0.0.
func TestIPv6RoundTrip(t *testing.T) {
	values := []string{
		"2001:db8::1",
		"2001:DB8:0:0:0:0:0:2",
		"2001:0db8:0000:0000:0000:0000:0000:0003",
		"::1",
		"::",
		"fe80::1",
		"2001:db8::",
		"64:ff9b::192.0.2.1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"1:2:3:4:5:6:7:8",
	}
	want := make(map[netip.Addr]bool)
	for _, value := range values {
		want[netip.MustParseAddr(value)] = true
	}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record typed AAAA `+strings.Join(values, " ")+`
			record untyped `+strings.Join(values, " ")+`
		}
	}`)
	for _, qname := range []string{"typed.example.com", "untyped.example.com"} {
		for _, network := range []string{"udp", "tcp"} {
			m := server.Send(t, s, network, server.Question(qname, dns.TypeAAAA))
			got := make(map[netip.Addr]bool)
			for _, rr := range m.Answer {
				addr, ok := netip.AddrFromSlice(rr.(*dns.AAAA).AAAA)
				if !ok || got[addr] {
					t.Errorf("%s over %s: wrong or repeated record %s", qname, network, rr)
				}
				got[addr] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s over %s: got %v, want %v", qname, network, got, want)
			}
			if m := server.Send(t, s, network, server.Question(qname, dns.TypeA)); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 {
				t.Errorf("%s A over %s: got\n%s\nwant NODATA", qname, network, server.ReplyText(m))
			}
		}
	}
}

// The answer to ANY is one HINFO, whatever the name has (RFC 8482 §4.2).
func TestAnyGivesHINFO(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record dual 192.0.2.1 192.0.2.2 2001:db8::1
			record dual TXT "text"
			record text TXT "text"
			record alias CNAME dual
			record *.wild 300 A 192.0.2.3
			record a.b TXT "text"
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	hinfo := func(owner string) string { return "NOERROR qr aa rd\nanswer " + owner + ` 60 IN HINFO "RFC8482" ""` }
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "apex", Qname: "example.com", Qtype: dns.TypeANY, Want: hinfo("example.com.")},
		{Name: "addresses and more", Qname: "dual.example.com", Qtype: dns.TypeANY, Want: hinfo("dual.example.com.")},
		{Name: "other type", Qname: "text.example.com", Qtype: dns.TypeANY, Want: hinfo("text.example.com.")},
		{Name: "alias", Qname: "alias.example.com", Qtype: dns.TypeANY, Want: hinfo("alias.example.com.")},
		{Name: "wildcard", Qname: "x.wild.example.com", Qtype: dns.TypeANY, Want: hinfo("x.wild.example.com.")},
		{Name: "empty non-terminal", Qname: "b.example.com", Qtype: dns.TypeANY, Want: "NOERROR qr aa rd" + soa},
		{Name: "no such name", Qname: "none.example.com", Qtype: dns.TypeANY, Want: "NXDOMAIN qr aa rd" + soa},
	})
}

// Records that point to names of ours bring the addresses along (RFC 1035 §3.3.9 and §3.3.11, RFC 2782, RFC 9460 §4.1).
func TestAdditional(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			ns ns1 192.0.2.53
			record host 192.0.2.1 2001:db8::1
			record mail MX 10 host
			record mail MX 20 mx.example.net.
			record same MX 10 host
			record same MX 20 HOST
			record null MX 0 .
			record _sip._udp SRV 10 0 5060 host
			record _none._udp SRV 0 0 0 .
			record web HTTPS 1 host alpn=h2
			record self HTTPS 1 . alpn=h2
			record self A 192.0.2.2
			record _dns SVCB 1 host alpn=dot
			record covered MX 10 x.wild.example.com
			record *.wild A 192.0.2.3
			record *.self HTTPS 1 . alpn=h2
			record *.self A 192.0.2.4
			record missing MX 10 none
			record ptr PTR host
			record alias HTTPS 0 web
			record alias2 HTTPS 0 alias
			record ring HTTPS 0 ring2
			record ring2 HTTPS 0 ring
			record _dns.alias SVCB 0 _dns
			record no-service HTTPS 0 .
			record away HTTPS 0 www.example.net.
			record plain HTTPS 0 host
		}
	}`)
	const host = `
		additional host.example.com. 60 IN A 192.0.2.1
		additional host.example.com. 60 IN AAAA 2001:db8::1`
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "MX", Qname: "mail.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer mail.example.com. 60 IN MX 10 host.example.com.
			answer mail.example.com. 60 IN MX 20 mx.example.net.` + host},
		{Name: "null MX (RFC 7505)", Qname: "null.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer null.example.com. 60 IN MX 0 .`},
		{Name: "SRV", Qname: "_sip._udp.example.com", Qtype: dns.TypeSRV, Want: `
			NOERROR qr aa rd
			answer _sip._udp.example.com. 60 IN SRV 10 0 5060 host.example.com.` + host},
		{Name: "SRV without service", Qname: "_none._udp.example.com", Qtype: dns.TypeSRV, Want: `
			NOERROR qr aa rd
			answer _none._udp.example.com. 60 IN SRV 0 0 0 .`},
		{Name: "NS", Qname: "example.com", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer example.com. 60 IN NS ns1.example.com.
			additional ns1.example.com. 60 IN A 192.0.2.53`},
		{Name: "HTTPS", Qname: "web.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer web.example.com. 60 IN HTTPS 1 host.example.com. alpn="h2"` + host},
		{Name: "HTTPS for its owner (RFC 9460 §2.5.2)", Qname: "self.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer self.example.com. 60 IN HTTPS 1 . alpn="h2"
			additional self.example.com. 60 IN A 192.0.2.2`},
		{Name: "SVCB", Qname: "_dns.example.com", Qtype: dns.TypeSVCB, Want: `
			NOERROR qr aa rd
			answer _dns.example.com. 60 IN SVCB 1 host.example.com. alpn="dot"` + host},
		{Name: "target that a wildcard covers", Qname: "covered.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer covered.example.com. 60 IN MX 10 x.wild.example.com.
			additional x.wild.example.com. 60 IN A 192.0.2.3`},
		// The owner is the name that was asked, not the wildcard: a client looks for the addresses under that name.
		{Name: "HTTPS for the owner that a wildcard covers", Qname: "x.self.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer x.self.example.com. 60 IN HTTPS 1 . alpn="h2"
			additional x.self.example.com. 60 IN A 192.0.2.4`},
		{Name: "target that does not exist", Qname: "missing.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer missing.example.com. 60 IN MX 10 none.example.com.`},
		{Name: "HTTPS alias", Qname: "alias.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 60 IN HTTPS 0 web.example.com.
			additional web.example.com. 60 IN HTTPS 1 host.example.com. alpn="h2"` + host},
		{Name: "HTTPS alias of an alias", Qname: "alias2.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer alias2.example.com. 60 IN HTTPS 0 alias.example.com.
			additional alias.example.com. 60 IN HTTPS 0 web.example.com.
			additional web.example.com. 60 IN HTTPS 1 host.example.com. alpn="h2"` + host},
		{Name: "HTTPS aliases of each other", Qname: "ring.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer ring.example.com. 60 IN HTTPS 0 ring2.example.com.
			additional ring2.example.com. 60 IN HTTPS 0 ring.example.com.`},
		{Name: "SVCB alias", Qname: "_dns.alias.example.com", Qtype: dns.TypeSVCB, Want: `
			NOERROR qr aa rd
			answer _dns.alias.example.com. 60 IN SVCB 0 _dns.example.com.
			additional _dns.example.com. 60 IN SVCB 1 host.example.com. alpn="dot"` + host},
		{Name: "HTTPS alias to a name with addresses alone", Qname: "plain.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer plain.example.com. 60 IN HTTPS 0 host.example.com.` + host},
		{Name: "no HTTPS service (RFC 9460 §2.5.1)", Qname: "no-service.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer no-service.example.com. 60 IN HTTPS 0 .`},
		{Name: "HTTPS alias to a name elsewhere", Qname: "away.example.com", Qtype: dns.TypeHTTPS, Want: `
			NOERROR qr aa rd
			answer away.example.com. 60 IN HTTPS 0 www.example.net.`},
		{Name: "PTR brings nothing", Qname: "ptr.example.com", Qtype: dns.TypePTR, Want: `
			NOERROR qr aa rd
			answer ptr.example.com. 60 IN PTR host.example.com.`},
		{Name: "an RRset comes once, whatever the spellings", Qname: "same.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer same.example.com. 60 IN MX 10 host.example.com.
			answer same.example.com. 60 IN MX 20 HOST.example.com.` + host},
	})
}

// The addresses of a zone's name servers come along where they lie below a zone cut, too (RFC 1035 §3.3.11, RFC 8109 for
// the root): without them nobody could ask. Those of other records are the delegated zone's to give.
func TestAdditionalOfNameServersBelowACut(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 . {
			ns A.ISI.EDU. 26.3.0.103
			ns ns.example.
			ns b.example. 192.0.2.2
			record EDU NS A.ISI.EDU.
			record @ MX 10 A.ISI.EDU.
			record null MX 0 .
			record . A 192.0.2.1
		}
	}`)
	if log := s.Log(); strings.Contains(log, "A.ISI.EDU") || !strings.Contains(log, "ns.example. lies in . but has no address") {
		t.Errorf("logged:\n%s\nwant a warning about ns.example. alone", log)
	}
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "NS", Qname: ".", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer . 60 IN NS A.ISI.EDU.
			answer . 60 IN NS ns.example.
			answer . 60 IN NS b.example.
			additional A.ISI.EDU. 60 IN A 26.3.0.103
			additional b.example. 60 IN A 192.0.2.2`},
		{Name: "MX", Qname: ".", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer . 60 IN MX 10 A.ISI.EDU.`},
		{Name: "null MX", Qname: "null", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer null. 60 IN MX 0 .`},
		{Name: "referral", Qname: "A.ISI.EDU", Qtype: dns.TypeA, Want: `
			NOERROR qr rd
			authority edu. 60 IN NS A.ISI.EDU.
			additional A.ISI.EDU. 60 IN A 26.3.0.103`},
	})
}
