package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// packed returns a name in its uncompressed form.
func packed(t *testing.T, name string) []byte {
	t.Helper()
	octets := make([]byte, 256)
	n, err := dns.PackDomainName(name, octets, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return octets[:n]
}

// data returns the data of a record, in which no name is compressed.
func data(t *testing.T, rr dns.RR) []byte {
	t.Helper()
	rr = dns.Copy(rr)
	rr.Header().Name = "."
	octets := make([]byte, 512)
	n, err := dns.PackRR(rr, octets, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return octets[11:n]
}

// TestMessage compares whole replies with those that miekg/dns packs: the same octets, and so the
// same compression, and the same lengths.
func TestMessage(t *testing.T) {
	for name, sections := range map[string][3]string{
		"MX":            {"app.example.org. 60 IN MX 10 mail.example.org.", "", "mail.example.org. 60 IN A 192.0.2.1"},
		"two addresses": {"app.example.org. 60 IN MX 10 mail.example.org.", "", "mail.example.org. 60 IN A 192.0.2.1|mail.example.org. 60 IN A 192.0.2.2|mail.example.org. 60 IN AAAA 2001:db8::1"},
		"SRV":           {"app.example.org. 60 IN SRV 1 2 3 a.app.example.org.|app.example.org. 60 IN SRV 1 2 3 b.a.app.example.org.", "", "b.a.app.example.org. 60 IN A 192.0.2.1"},
		"HTTPS":         {`app.example.org. 60 IN HTTPS 1 . alpn="h2"`, "", "app.example.org. 60 IN A 192.0.2.1"},
		"SVCB":          {"app.example.org. 60 IN SVCB 0 svc.example.net.", "", "svc.example.net. 60 IN SVCB 1 . port=53"},
		"TXT":           {`app.example.org. 60 IN TXT "a" "b"`, "", ""},
		"CNAME":         {"app.example.org. 60 IN CNAME b.example.net.|b.example.net. 60 IN CNAME c.b.example.net.|c.b.example.net. 60 IN A 192.0.2.1|c.b.example.net. 60 IN A 192.0.2.2", "", ""},
		"to the root":   {"app.example.org. 60 IN CNAME .|. 60 IN A 192.0.2.1|. 60 IN A 192.0.2.2", "", ""},
		"NODATA":        {"", "example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. 1 2 3 4 5", ""},
		"SOA of others": {"", "example.org. 60 IN SOA ns.example.net. hostmaster.example.net. 1 2 3 4 5", ""},
		"SOA alike":     {"", "example.org. 60 IN SOA ns.xexample.org. hostmaster.example.org. 1 2 3 4 5", ""},
		"SOA of apex":   {"", "example.org. 60 IN SOA example.org. example.org. 1 2 3 4 5", ""},
		"letter case":   {"", "Example.org. 60 IN SOA ns.dns.Example.org. hostmaster.Example.org. 1 2 3 4 5", ""},
		"behind CNAME":  {"app.example.org. 60 IN CNAME b.example.org.", "example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. 1 2 3 4 5", ""},
		"referral":      {"", "sub.example.org. 60 IN NS a.sub.example.org.|sub.example.org. 60 IN NS b.example.net.|sub.example.org. 60 IN DS 1 13 2 00", "a.sub.example.org. 60 IN A 192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var q Query
			m := new(dns.Msg).SetQuestion("app.example.org.", dns.TypeA).SetEdns0(1232, true)
			packet, err := m.Pack()
			if err != nil || !q.Parse(packet) {
				t.Fatalf("not plain: %v", err)
			}
			want := new(dns.Msg).SetReply(m)
			var reply Message
			reply.Begin(&q, nil)
			for section, text := range sections {
				reply.Open(section)
				for text := range strings.SplitSeq(text, "|") {
					if text != "" {
						appendTo(t, &reply, want, section, text)
					}
				}
			}
			want.Authoritative, want.Rcode = true, dns.RcodeNameError
			want.SetEdns0(PayloadSize, true)
			compressed, whole := reply.Octets()
			if whole != want.Len() {
				t.Errorf("%d octets without compression, miekg/dns says %d", whole, want.Len())
			}
			want.Compress = true
			octets, err := want.Pack()
			if got := reply.Finish(dns.RcodeNameError, true, 0); err != nil || !bytes.Equal(got, octets) {
				t.Errorf("got\n%x, miekg/dns packs\n%x, %v", got, octets, err)
			}
			if compressed != len(octets) {
				t.Errorf("%d octets, want %d", compressed, len(octets))
			}
		})
	}
}

// appendTo appends a record to a section of both messages.
func appendTo(t *testing.T, reply *Message, want *dns.Msg, section int, text string) {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	all := [...]*[]dns.RR{&want.Answer, &want.Ns, &want.Extra}[section]
	*all = append(*all, rr)
	hdr := rr.Header()
	owner := packed(t, hdr.Name)
	if hdr.Name == want.Question[0].Name {
		owner = nil
	}
	switch rr := rr.(type) {
	case *dns.A:
		reply.AppendAddresses(owner, hdr.Rrtype, hdr.Ttl, []uint16{0}, rr.A.To4(), 4)
	case *dns.AAAA:
		reply.AppendAddresses(owner, hdr.Rrtype, hdr.Ttl, []uint16{0}, rr.AAAA, 16)
	case *dns.SOA:
		soa := NewSOA(owner, hdr.Ttl, data(t, rr))
		reply.AppendSOA(owner, &soa, hdr.Ttl)
	default:
		set := NewRRset(hdr.Rrtype, hdr.Ttl, [][]byte{data(t, rr)})
		reply.AppendRRset(owner, &set, hdr.Ttl, 0, 1)
	}
}
