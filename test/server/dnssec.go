package server

import (
	"crypto"
	"crypto/ecdsa"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// DNSSECKey makes a key for example.org and returns its path as the dnssec plugin wants it.
func DNSSECKey(t *testing.T) string {
	t.Helper()
	const zone = "example.org."
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "K"+zone)
	for suffix, contents := range map[string]string{
		".key":     key.String() + "\n",
		".private": key.PrivateKeyString(crypto.PrivateKey(private.(*ecdsa.PrivateKey))),
	} {
		if err := os.WriteFile(base+suffix, []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// SignedZone is a Corefile whose zone is signed with a key of its own. Delv asks it too.
func SignedZone(t *testing.T) (corefile string, key *dns.DNSKEY) {
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
			record www A ` + strings.Join(SignedValues, " ") + `
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
			record big A ` + strings.Join(ManyAddresses(60, dns.TypeA), " ") + `
			record bigmail MX 10 big
			record child NS ns.child.example.com
			record child DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
			record ns.child A 192.0.2.54
			record insecure NS ns.example.net.
		}
	}`, key
}

// SignedValues are the addresses of the signed name.
var SignedValues = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}

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

// WithoutSignatures is a message without its RRSIG records, all of which must be valid, one for each RRset.
func WithoutSignatures(t *testing.T, key *dns.DNSKEY, m *dns.Msg) *dns.Msg {
	t.Helper()
	m = m.Copy()
	for _, part := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		*part = Verify(t, key, *part)
	}
	return m
}

// Verify takes the signatures out of a section.
func Verify(t *testing.T, key *dns.DNSKEY, rrs []dns.RR) []dns.RR {
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

// AskDO asks with DO set.
func AskDO(t *testing.T, s *Server, network, qname string, qtype uint16) *dns.Msg {
	t.Helper()
	return Send(t, s, network, Question(qname, qtype).SetEdns0(4096, true))
}
