package test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// Every order of a rotation is signed, and validates (RFC 4035 §5.3). The rotation itself is as without signatures.
func TestSignedRotation(t *testing.T) {
	corefile, key := server.SignedZone(t)
	s := server.Start(t, corefile)
	for _, network := range []string{"udp", "tcp"} {
		for _, qname := range []string{"www.example.com", "alias.example.com"} {
			counts, before := make(map[string]int), ""
			n := len(server.SignedValues)
			for range n * (n - 1) {
				m := server.WithoutSignatures(t, key, server.AskDO(t, s, network, qname, dns.TypeA))
				all := server.Addresses(m)
				if len(all) != n {
					t.Fatalf("%s over %s: got\n%s\nwant %d addresses", qname, network, server.ReplyText(m), n)
				}
				if before != "" && all[0] != server.Next(server.SignedValues, before) {
					t.Fatalf("%s over %s: after %s came %s", qname, network, before, all[0])
				}
				before = all[0]
				counts[before]++
			}
			for address, count := range counts {
				if count != n-1 {
					t.Errorf("%s over %s: %s was first %d times, want %d", qname, network, address, count, n-1)
				}
			}
		}
	}
}

// Whole answers to queries with DO. The dnssec plugin denies with an NSEC record made for the question, at NOERROR, and does
// so only if the authority section is exactly the SOA. A denial behind an alias it can't prove: there the CNAME alone is
// answered, and the resolver asks for the target.
func TestSignedAnswers(t *testing.T) {
	corefile, key := server.SignedZone(t)
	s := server.Start(t, corefile)
	const (
		soa   = "example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
		opt   = "\nopt udp 1232 flags 8000"
		types = "HINFO TXT AAAA LOC SRV CERT SSHFP RRSIG NSEC TLSA HIP OPENPGPKEY SPF"
	)
	denial := func(qname, types string) string {
		return "NOERROR qr aa rd\nauthority " + soa + "\nauthority " + qname + ` 60 IN NSEC \000.` + qname + " " + types + opt
	}
	for _, c := range []server.ReplyCase{
		{Name: "SOA", Qname: "example.com", Qtype: dns.TypeSOA, Want: "NOERROR qr aa rd\nanswer " + soa + opt},
		{Name: "NS", Qname: "example.com", Qtype: dns.TypeNS, Want: "NOERROR qr aa rd\nanswer example.com. 60 IN NS ns.dns.example.com." + opt},
		{Name: "TXT", Qname: "www.example.com", Qtype: dns.TypeTXT, Want: `NOERROR qr aa rd` + "\n" + `answer www.example.com. 60 IN TXT "text"` + opt},
		{Name: "ANY", Qname: "www.example.com", Qtype: dns.TypeANY, Want: `NOERROR qr aa rd` + "\n" + `answer www.example.com. 60 IN HINFO "RFC8482" ""` + opt},
		{Name: "wildcard", Qname: "x.y.wild.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\nanswer x.y.wild.example.com. 60 IN A 192.0.2.9" + opt},
		{Name: "NXDOMAIN", Qname: "none.example.com", Qtype: dns.TypeA, Want: denial("none.example.com.", types)},
		{Name: "NODATA", Qname: "x.wild.example.com", Qtype: dns.TypeA + 9000, Want: denial("x.wild.example.com.", "A "+types)},
		{Name: "empty non-terminal", Qname: "b.example.com", Qtype: dns.TypeA, Want: denial("b.example.com.", types)},
		{Name: "aliases", Qname: "second.example.com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer second.example.com. 60 IN CNAME alias.example.com.
			answer alias.example.com. 60 IN CNAME www.example.com.
			answer www.example.com. 60 IN TXT "text"` + opt},
		{Name: "alias ends in NODATA", Qname: "alias.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 60 IN CNAME www.example.com.` + opt},
		{Name: "alias ends in NXDOMAIN", Qname: "dangling.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer dangling.example.com. 60 IN CNAME none.example.com.` + opt},
		{Name: "alias ends in an empty non-terminal", Qname: "into-ent.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer into-ent.example.com. 60 IN CNAME b.example.com.` + opt},
		{Name: "wildcard alias ends in NXDOMAIN", Qname: "x.lost.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer x.lost.example.com. 60 IN CNAME none.example.com.` + opt},
		{Name: "referral", Qname: "www.child.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr rd
			authority child.example.com. 60 IN NS ns.child.example.com.
			authority child.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
			additional ns.child.example.com. 60 IN A 192.0.2.54` + opt},
		{Name: "DS", Qname: "child.example.com", Qtype: dns.TypeDS, Want: `
			NOERROR qr aa rd
			answer child.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF` + opt},
	} {
		t.Run(c.Name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := server.AskDO(t, s, network, c.Qname, c.Qtype)
				if c.Name == "referral" { // glue is not signed (RFC 4035 §2.2)
					m.Ns = server.Verify(t, key, m.Ns)
				} else {
					m = server.WithoutSignatures(t, key, m)
				}
				if got, want := server.ReplyText(m), server.TrimLines(c.Want); got != want {
					t.Errorf("%s %s over %s: got\n%s\nwant\n%s", c.Qname, dns.TypeToString[c.Qtype], network, got, want)
				}
			}
		})
	}

	t.Run("without DO", func(t *testing.T) {
		server.CheckReply(t, s, "udp", server.Question("Alias.example.com", dns.TypeMX), `
			NOERROR qr aa rd
			answer Alias.example.com. 60 IN CNAME www.example.com.
			authority `+soa)
		server.CheckReply(t, s, "udp", server.Question("Dangling.example.com", dns.TypeA), `
			NXDOMAIN qr aa rd
			answer Dangling.example.com. 60 IN CNAME none.example.com.
			authority `+soa)
	})
}

// With DO the owner is lower-case, whatever was asked, since signatures are kept by the text of the RRset; the question comes
// back as it was, and signatures are made of lower-case names anyway (RFC 4034 §6.2). Without DO the answer has the
// question's letters.
func TestSignedMixedCase(t *testing.T) {
	corefile, key := server.SignedZone(t)
	s := server.Start(t, corefile)
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		qname string
		qtype uint16
	}{
		{"www.example.com.", dns.TypeA},
		{"www.example.com.", dns.TypeTXT},
		{"www.example.com.", dns.TypeANY},
		{"alias.example.com.", dns.TypeAAAA},
		{"x.wild.example.com.", dns.TypeA},
		{"x.lost.example.com.", dns.TypeA},
		{"example.com.", dns.TypeSOA},
	} {
		for range 5 {
			qname := server.RandomCase(random, c.qname)
			m := server.AskDO(t, s, "udp", qname, c.qtype)
			if m.Question[0].Name != qname {
				t.Errorf("question %s came back as %s", qname, m.Question[0].Name)
			}
			m = server.WithoutSignatures(t, key, m)
			if len(m.Answer) == 0 || m.Answer[0].Header().Name != c.qname {
				t.Errorf("%s with DO: got\n%s\nwant the owner %s", qname, server.ReplyText(m), c.qname)
			}
			plain := server.Send(t, s, "udp", server.Question(qname, c.qtype))
			if len(plain.Answer) == 0 || plain.Answer[0].Header().Name != qname {
				t.Errorf("%s without DO: got\n%s\nwant the owner %[1]s", qname, server.ReplyText(plain))
			}
		}
	}
	m := server.WithoutSignatures(t, key, server.AskDO(t, s, "udp", "NONE.example.com", dns.TypeA))
	if len(m.Ns) != 2 || m.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("NXDOMAIN in capitals: got\n%s\nwant SOA and NSEC", server.ReplyText(m))
	}
}

// Signatures are kept by the text of the RRset: n values have n(n-1) orders, and that many are signed, however often and in
// whatever letters they are asked for. Each one costs more than a hundred answers.
func TestSignaturesAreBounded(t *testing.T) {
	corefile, key := server.SignedZone(t)
	s := server.Start(t, corefile)
	const misses = "coredns_dnssec_cache_misses_total" // one for each signature made
	random := rand.New(rand.NewPCG(5, 6))

	before := server.Metric(t, misses)
	all := make([]*dns.Msg, 2000)
	for i := range all {
		all[i] = server.AskDO(t, s, "udp", server.RandomCase(random, "www.example.com"), dns.TypeA)
	}
	n := len(server.SignedValues)
	if made := int(server.Metric(t, misses) - before); made < 1 || made > n*(n-1) {
		t.Errorf("2000 answers took %d signatures, want at most %d", made, n*(n-1))
	}
	for _, m := range all {
		server.WithoutSignatures(t, key, m)
	}

	before = server.Metric(t, misses)
	for range 500 {
		for _, qname := range []string{"alias.example.com", "mail.example.com"} {
			qtype := dns.TypeA
			if qname == "mail.example.com" {
				qtype = dns.TypeMX
			}
			server.AskDO(t, s, "udp", server.RandomCase(random, qname), qtype)
			server.AskDO(t, s, "tcp", server.RandomCase(random, qname), qtype)
		}
	}
	// A CNAME and an MX, and the two orders of the AAAA RRset, should it come along; the A RRset's are known.
	if made := int(server.Metric(t, misses) - before); made > 1+1+2 {
		t.Errorf("2000 answers through an alias and an MX took %d more signatures, want at most 4", made)
	}
}

// Addresses in the additional section leave room for the signatures that come behind them: no answer is truncated for
// what is a courtesy (RFC 2181 §9).
func TestSignedAdditionalNeverTruncates(t *testing.T) {
	corefile, _ := server.SignedZone(t)
	s := server.Start(t, corefile)
	for _, size := range []uint16{512, 1232, 4096} {
		m := server.Send(t, s, "udp", server.Question("bigmail.example.com", dns.TypeMX).SetEdns0(size, true))
		if m.Truncated {
			t.Errorf("buffer of %d: TC for addresses in the additional section", size)
		}
		if !slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) {
			t.Errorf("buffer of %d: got\n%s\nwant the MX RRset with its signature", size, server.ReplyText(m))
		}
	}
}

// An alias to a name of another server block that does not exist is answered by the signed alias alone: the denial of the
// other zone can't be proved behind it, and a resolver that validates asks for the target itself.
func TestSignedAliasOutOfZone(t *testing.T) {
	s := server.Start(t, `example.org:0 {
		dnssec {
			key file `+server.DNSSECKey(t)+`
		}
		roundrobin53 {
			record gone CNAME nope.example.net.
			record app CNAME app.example.net.
		}
	}
	example.net:0 {
		roundrobin53 {
			record app A 192.0.2.1
		}
	}`)
	for name, want := range map[string]int{"gone.example.org": 2, "app.example.org": 3} { // the alias, its signature, the address
		m := s.Exchange("udp", server.Question(name, dns.TypeA).SetEdns0(4096, true))
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) != want || len(m.Ns) != 0 {
			t.Errorf("%s: got\n%s\nwant %d records and no authority section", name, m, want)
		}
	}
	if m := s.Ask("gone.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
		t.Errorf("unsigned: got\n%s\nwant NXDOMAIN with its SOA", m)
	}
}
