package test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// A zone cut gives names away (RFC 1034 §4.2.1, §4.3.2): what lies below is another zone's, whatever the Corefile says
// of it, and the answer is a referral without AA. The DS RRset alone is the parent's (RFC 4035 §3.1.4.1).
func TestDelegations(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record * TXT "wild"
			record sub NS ns1.sub.example.com
			record sub NS ns2.other.example.net.
			record sub DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
			record ns1.sub A 192.0.2.53
			record ns1.sub AAAA 2001:db8::53
			record www.sub A 192.0.2.9
			record a.b.sub TXT "occluded"
			record deep.sub NS ns.deep.sub.example.com
			record insecure 600 NS ns1.insecure.example.com
			record ns1.insecure A 192.0.2.54
			record insecure A 192.0.2.55
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	const ns = `
		authority sub.example.com. 60 IN NS ns1.sub.example.com.
		authority sub.example.com. 60 IN NS ns2.other.example.net.`
	const ds = `
		sub.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF`
	const glue = `
		additional ns1.sub.example.com. 60 IN A 192.0.2.53
		additional ns1.sub.example.com. 60 IN AAAA 2001:db8::53`
	const referral = "NOERROR qr rd" + ns + glue
	const insecure = `
		NOERROR qr rd
		authority insecure.example.com. 600 IN NS ns1.insecure.example.com.
		additional ns1.insecure.example.com. 60 IN A 192.0.2.54`
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "the cut", Qname: "sub.example.com", Qtype: dns.TypeA, Want: referral},
		{Name: "the cut, NS", Qname: "sub.example.com", Qtype: dns.TypeNS, Want: referral},
		{Name: "the cut, SOA", Qname: "sub.example.com", Qtype: dns.TypeSOA, Want: referral},
		{Name: "the cut, any type", Qname: "sub.example.com", Qtype: dns.TypeANY, Want: referral},
		{Name: "occluded address", Qname: "www.sub.example.com", Qtype: dns.TypeA, Want: referral},
		{Name: "occluded empty non-terminal", Qname: "b.sub.example.com", Qtype: dns.TypeTXT, Want: referral},
		{Name: "occluded delegation", Qname: "x.deep.sub.example.com", Qtype: dns.TypeA, Want: referral},
		{Name: "occluded delegation, DS", Qname: "deep.sub.example.com", Qtype: dns.TypeDS, Want: referral},
		{Name: "glue", Qname: "ns1.sub.example.com", Qtype: dns.TypeA, Want: referral},
		{Name: "name that does not exist here", Qname: "x.y.sub.example.com", Qtype: dns.TypeTXT, Want: referral},
		{Name: "DS below the cut", Qname: "www.sub.example.com", Qtype: dns.TypeDS, Want: referral},
		{Name: "DS at the cut", Qname: "sub.example.com", Qtype: dns.TypeDS, Want: `
			NOERROR qr aa rd
			answer ` + strings.TrimSpace(ds)},
		{Name: "DS at a cut without one", Qname: "insecure.example.com", Qtype: dns.TypeDS, Want: "NOERROR qr aa rd" + soa},
		{Name: "address at a cut is glue", Qname: "insecure.example.com", Qtype: dns.TypeA, Want: insecure},
		{Name: "label that only looks like it", Qname: "notsub.example.com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer notsub.example.com. 60 IN TXT "wild"`},
	})

	for _, c := range []struct{ name, qname, want string }{
		{"DO, signed child", "www.sub.example.com", "NOERROR qr rd" + ns + "\nauthority " + strings.TrimSpace(ds) + glue + "\nopt udp 1232 flags 8000"},
		{"DO, unsigned child", "www.insecure.example.com", insecure + "\nopt udp 1232 flags 8000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := server.Question(c.qname, dns.TypeA)
				m.SetEdns0(1232, true)
				server.CheckReply(t, s, network, m, c.want)
			}
		})
	}
	t.Run("no DO, signed child", func(t *testing.T) {
		m := server.Question("www.sub.example.com", dns.TypeA)
		m.SetEdns0(1232, false)
		server.CheckReply(t, s, "udp", m, referral+"\nopt udp 1232 flags 0000")
	})
}
