package test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A zone cut gives names away (RFC 1034 §4.2.1, §4.3.2): what lies below is another zone's, whatever the Corefile says
// of it, and the answer is a referral without AA. The DS RRset alone is the parent's (RFC 4035 §3.1.4.1).
func TestDelegations(t *testing.T) {
	s := start(t, `example.com:0 {
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
	checkReplies(t, s, []replyCase{
		{"the cut", "sub.example.com", dns.TypeA, referral},
		{"the cut, NS", "sub.example.com", dns.TypeNS, referral},
		{"the cut, SOA", "sub.example.com", dns.TypeSOA, referral},
		{"the cut, any type", "sub.example.com", dns.TypeANY, referral},
		{"occluded address", "www.sub.example.com", dns.TypeA, referral},
		{"occluded empty non-terminal", "b.sub.example.com", dns.TypeTXT, referral},
		{"occluded delegation", "x.deep.sub.example.com", dns.TypeA, referral},
		{"occluded delegation, DS", "deep.sub.example.com", dns.TypeDS, referral},
		{"glue", "ns1.sub.example.com", dns.TypeA, referral},
		{"name that does not exist here", "x.y.sub.example.com", dns.TypeTXT, referral},
		{"DS below the cut", "www.sub.example.com", dns.TypeDS, referral},
		{"DS at the cut", "sub.example.com", dns.TypeDS, `
			NOERROR qr aa rd
			answer ` + strings.TrimSpace(ds)},
		{"DS at a cut without one", "insecure.example.com", dns.TypeDS, "NOERROR qr aa rd" + soa},
		{"address at a cut is glue", "insecure.example.com", dns.TypeA, insecure},
		{"label that only looks like it", "notsub.example.com", dns.TypeTXT, `
			NOERROR qr aa rd
			answer notsub.example.com. 60 IN TXT "wild"`},
	})

	for _, c := range []struct{ name, qname, want string }{
		{"DO, signed child", "www.sub.example.com", "NOERROR qr rd" + ns + "\nauthority " + strings.TrimSpace(ds) + glue + "\nopt udp 1232 flags 8000"},
		{"DO, unsigned child", "www.insecure.example.com", insecure + "\nopt udp 1232 flags 8000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := question(c.qname, dns.TypeA)
				m.SetEdns0(1232, true)
				checkReply(t, s, network, m, c.want)
			}
		})
	}
	t.Run("no DO, signed child", func(t *testing.T) {
		m := question("www.sub.example.com", dns.TypeA)
		m.SetEdns0(1232, false)
		checkReply(t, s, "udp", m, referral+"\nopt udp 1232 flags 0000")
	})
}
