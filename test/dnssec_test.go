package test

import (
	"crypto"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signedZone is a Corefile whose zone is signed with a key of its own. Delv asks it too.
func signedZone(t *testing.T) (corefile string, key *dns.DNSKEY) {
	t.Helper()
	key = &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags:     dns.ZONE | dns.SEP,
		Protocol:  3,
		Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	return `example.com:0 {
		dnssec {
			key file ` + writeKey(t, key, private) + `
		}
		roundrobin53 {
			record www A ` + strings.Join(signedValues, " ") + `
			record www AAAA 2001:db8::1 2001:db8::2
			record WWW TXT "text"
			record alias CNAME www
			record second CNAME alias
			record dangling CNAME none
			record into-ent CNAME b
			record a.b TXT "deep"
			record *.wild A 192.0.2.9
			record *.lost CNAME none
			record mail MX 10 www
			record big A ` + strings.Join(manyAddresses(60, dns.TypeA), " ") + `
			record bigmail MX 10 big
			record child NS ns.child.example.com
			record child DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
			record ns.child A 192.0.2.54
			record insecure NS ns.example.net.
		}
	}`, key
}

var signedValues = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}

// writeKey writes a key as dnssec-keygen does. It is the path without its suffix.
func writeKey(t *testing.T, key *dns.DNSKEY, private crypto.PrivateKey) string {
	t.Helper()
	base := filepath.Join(t.TempDir(), fmt.Sprintf("K%s+%03d+%05d", key.Hdr.Name, key.Algorithm, key.KeyTag()))
	for suffix, text := range map[string]string{".key": key.String() + "\n", ".private": key.PrivateKeyString(private)} {
		if err := os.WriteFile(base+suffix, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// askDO asks with DO set.
func askDO(t *testing.T, s *server, network, qname string, qtype uint16) *dns.Msg {
	t.Helper()
	return send(t, s, network, question(qname, qtype).SetEdns0(4096, true))
}

// withoutSignatures is a message without its RRSIG records, all of which must be valid, one for each RRset.
func withoutSignatures(t *testing.T, key *dns.DNSKEY, m *dns.Msg) *dns.Msg {
	t.Helper()
	m = m.Copy()
	for _, part := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		*part = verify(t, key, *part)
	}
	return m
}

// verify takes the signatures out of a section.
func verify(t *testing.T, key *dns.DNSKEY, rrs []dns.RR) []dns.RR {
	t.Helper()
	type name struct {
		owner  string
		rrtype uint16
	}
	sets, signatures := make(map[name][]dns.RR), make(map[name][]*dns.RRSIG)
	var data []dns.RR
	for _, rr := range rrs {
		hdr := rr.Header()
		if sig, ok := rr.(*dns.RRSIG); ok {
			of := name{hdr.Name, sig.TypeCovered}
			signatures[of] = append(signatures[of], sig)
			continue
		}
		data = append(data, rr)
		sets[name{hdr.Name, hdr.Rrtype}] = append(sets[name{hdr.Name, hdr.Rrtype}], rr)
	}
	for of, sigs := range signatures {
		for _, sig := range sigs {
			if err := sig.Verify(key, sets[of]); err != nil || !sig.ValidityPeriod(time.Now()) {
				t.Errorf("the signature of %s %s is not valid: %v", of.owner, dns.TypeToString[of.rrtype], err)
			}
		}
	}
	for of := range sets {
		if of.rrtype != dns.TypeOPT && of.rrtype != dns.TypeNS && len(signatures[of]) != 1 {
			t.Errorf("%s %s has %d signatures, want 1", of.owner, dns.TypeToString[of.rrtype], len(signatures[of]))
		}
	}
	return data
}

// Every order of a rotation is signed, and validates (RFC 4035 §5.3). The rotation itself is as without signatures.
func TestSignedRotation(t *testing.T) {
	corefile, key := signedZone(t)
	s := start(t, corefile)
	for _, network := range []string{"udp", "tcp"} {
		for _, qname := range []string{"www.example.com", "alias.example.com"} {
			counts, before := make(map[string]int), ""
			n := len(signedValues)
			for range n * (n - 1) {
				m := withoutSignatures(t, key, askDO(t, s, network, qname, dns.TypeA))
				all := addresses(m)
				if len(all) != n {
					t.Fatalf("%s over %s: got\n%s\nwant %d addresses", qname, network, replyText(m), n)
				}
				if before != "" && all[0] != next(signedValues, before) {
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
	corefile, key := signedZone(t)
	s := start(t, corefile)
	const (
		soa   = "example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
		opt   = "\nopt udp 1232 flags 8000"
		types = "HINFO TXT AAAA LOC SRV CERT SSHFP RRSIG NSEC TLSA HIP OPENPGPKEY SPF"
	)
	denial := func(qname, types string) string {
		return "NOERROR qr aa rd\nauthority " + soa + "\nauthority " + qname + ` 60 IN NSEC \000.` + qname + " " + types + opt
	}
	for _, c := range []replyCase{
		{"SOA", "example.com", dns.TypeSOA, "NOERROR qr aa rd\nanswer " + soa + opt},
		{"NS", "example.com", dns.TypeNS, "NOERROR qr aa rd\nanswer example.com. 60 IN NS ns.dns.example.com." + opt},
		{"TXT", "www.example.com", dns.TypeTXT, `NOERROR qr aa rd` + "\n" + `answer www.example.com. 60 IN TXT "text"` + opt},
		{"ANY", "www.example.com", dns.TypeANY, `NOERROR qr aa rd` + "\n" + `answer www.example.com. 60 IN HINFO "RFC8482" ""` + opt},
		{"wildcard", "x.y.wild.example.com", dns.TypeA, "NOERROR qr aa rd\nanswer x.y.wild.example.com. 60 IN A 192.0.2.9" + opt},
		{"NXDOMAIN", "none.example.com", dns.TypeA, denial("none.example.com.", types)},
		{"NODATA", "x.wild.example.com", dns.TypeA + 9000, denial("x.wild.example.com.", "A "+types)},
		{"empty non-terminal", "b.example.com", dns.TypeA, denial("b.example.com.", types)},
		{"aliases", "second.example.com", dns.TypeTXT, `
			NOERROR qr aa rd
			answer second.example.com. 60 IN CNAME alias.example.com.
			answer alias.example.com. 60 IN CNAME www.example.com.
			answer www.example.com. 60 IN TXT "text"` + opt},
		{"alias ends in NODATA", "alias.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer alias.example.com. 60 IN CNAME www.example.com.` + opt},
		{"alias ends in NXDOMAIN", "dangling.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer dangling.example.com. 60 IN CNAME none.example.com.` + opt},
		{"alias ends in an empty non-terminal", "into-ent.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer into-ent.example.com. 60 IN CNAME b.example.com.` + opt},
		{"wildcard alias ends in NXDOMAIN", "x.lost.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer x.lost.example.com. 60 IN CNAME none.example.com.` + opt},
		{"referral", "www.child.example.com", dns.TypeA, `
			NOERROR qr rd
			authority child.example.com. 60 IN NS ns.child.example.com.
			authority child.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
			additional ns.child.example.com. 60 IN A 192.0.2.54` + opt},
		{"DS", "child.example.com", dns.TypeDS, `
			NOERROR qr aa rd
			answer child.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF` + opt},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := askDO(t, s, network, c.qname, c.qtype)
				if c.name == "referral" { // glue is not signed (RFC 4035 §2.2)
					m.Ns = verify(t, key, m.Ns)
				} else {
					m = withoutSignatures(t, key, m)
				}
				if got, want := replyText(m), trimLines(c.want); got != want {
					t.Errorf("%s %s over %s: got\n%s\nwant\n%s", c.qname, dns.TypeToString[c.qtype], network, got, want)
				}
			}
		})
	}

	t.Run("without DO", func(t *testing.T) {
		checkReply(t, s, "udp", question("Alias.example.com", dns.TypeMX), `
			NOERROR qr aa rd
			answer Alias.example.com. 60 IN CNAME www.example.com.
			authority `+soa)
		checkReply(t, s, "udp", question("Dangling.example.com", dns.TypeA), `
			NXDOMAIN qr aa rd
			answer Dangling.example.com. 60 IN CNAME none.example.com.
			authority `+soa)
	})
}

// With DO the owner is lower-case, whatever was asked, since signatures are kept by the text of the RRset; the question comes
// back as it was, and signatures are made of lower-case names anyway (RFC 4034 §6.2). Without DO the answer has the
// question's letters.
func TestSignedMixedCase(t *testing.T) {
	corefile, key := signedZone(t)
	s := start(t, corefile)
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
			qname := randomCase(random, c.qname)
			m := askDO(t, s, "udp", qname, c.qtype)
			if m.Question[0].Name != qname {
				t.Errorf("question %s came back as %s", qname, m.Question[0].Name)
			}
			m = withoutSignatures(t, key, m)
			if len(m.Answer) == 0 || m.Answer[0].Header().Name != c.qname {
				t.Errorf("%s with DO: got\n%s\nwant the owner %s", qname, replyText(m), c.qname)
			}
			plain := send(t, s, "udp", question(qname, c.qtype))
			if len(plain.Answer) == 0 || plain.Answer[0].Header().Name != qname {
				t.Errorf("%s without DO: got\n%s\nwant the owner %[1]s", qname, replyText(plain))
			}
		}
	}
	m := withoutSignatures(t, key, askDO(t, s, "udp", "NONE.example.com", dns.TypeA))
	if len(m.Ns) != 2 || m.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("NXDOMAIN in capitals: got\n%s\nwant SOA and NSEC", replyText(m))
	}
}

// Signatures are kept by the text of the RRset: n values have n(n-1) orders, and that many are signed, however often and in
// whatever letters they are asked for. Each one costs more than a hundred answers.
func TestSignaturesAreBounded(t *testing.T) {
	corefile, key := signedZone(t)
	s := start(t, corefile)
	const misses = "coredns_dnssec_cache_misses_total" // one for each signature made
	random := rand.New(rand.NewPCG(5, 6))

	before := metric(t, misses)
	all := make([]*dns.Msg, 2000)
	for i := range all {
		all[i] = askDO(t, s, "udp", randomCase(random, "www.example.com"), dns.TypeA)
	}
	n := len(signedValues)
	if made := int(metric(t, misses) - before); made < 1 || made > n*(n-1) {
		t.Errorf("2000 answers took %d signatures, want at most %d", made, n*(n-1))
	}
	for _, m := range all {
		withoutSignatures(t, key, m)
	}

	before = metric(t, misses)
	for range 500 {
		for _, qname := range []string{"alias.example.com", "mail.example.com"} {
			qtype := dns.TypeA
			if qname == "mail.example.com" {
				qtype = dns.TypeMX
			}
			askDO(t, s, "udp", randomCase(random, qname), qtype)
			askDO(t, s, "tcp", randomCase(random, qname), qtype)
		}
	}
	// A CNAME and an MX, and the two orders of the AAAA RRset, should it come along; the A RRset's are known.
	if made := int(metric(t, misses) - before); made > 1+1+2 {
		t.Errorf("2000 answers through an alias and an MX took %d more signatures, want at most 4", made)
	}
}

// Addresses in the additional section leave room for the signatures that come behind them: no answer is truncated for
// what is a courtesy (RFC 2181 §9).
func TestSignedAdditionalNeverTruncates(t *testing.T) {
	corefile, _ := signedZone(t)
	s := start(t, corefile)
	for _, size := range []uint16{512, 1232, 4096} {
		m := send(t, s, "udp", question("bigmail.example.com", dns.TypeMX).SetEdns0(size, true))
		if m.Truncated {
			t.Errorf("buffer of %d: TC for addresses in the additional section", size)
		}
		if !slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) {
			t.Errorf("buffer of %d: got\n%s\nwant the MX RRset with its signature", size, replyText(m))
		}
	}
}

// An alias to a name of another server block that does not exist is answered by the signed alias alone: the denial of the
// other zone can't be proved behind it, and a resolver that validates asks for the target itself.
func TestSignedAliasOutOfZone(t *testing.T) {
	s := start(t, `example.org:0 {
		dnssec {
			key file `+dnssecKey(t)+`
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
		m := s.exchange("udp", question(name, dns.TypeA).SetEdns0(4096, true))
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) != want || len(m.Ns) != 0 {
			t.Errorf("%s: got\n%s\nwant %d records and no authority section", name, m, want)
		}
	}
	if m := s.ask("gone.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
		t.Errorf("unsigned: got\n%s\nwant NXDOMAIN with its SOA", m)
	}
}
