//go:build system

package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// delv asks the server as a validating resolver does, with the zone's key as its only trust anchor.
type delv struct {
	server  *server.Server
	anchors string // file
}

func newDelv(t *testing.T, s *server.Server, key *dns.DNSKEY) delv {
	t.Helper()
	d := delv{s, filepath.Join(t.TempDir(), "anchors")}
	text := fmt.Sprintf("trust-anchors {\n\t%s static-key %d %d %d %q;\n};\n",
		key.Hdr.Name, key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
	if err := os.WriteFile(d.anchors, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// ask is what delv prints for a question. It asks over UDP: over TCP it would fetch the key from the same port over UDP,
// which is another server's.
func (d delv) ask(t *testing.T, qname, qtype string, options ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(server.Loopback(d.server.UDP(0)))
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"@" + host, "-p", port, "-a", d.anchors, "+root=example.com"}, options...)
	out, err := exec.CommandContext(t.Context(), "delv", append(args, qname, qtype)...).CombinedOutput()
	if err != nil {
		t.Fatalf("delv %s %s: %v\n%s", qname, qtype, err, out)
	}
	return string(out)
}

// delv believes every answer, and every denial too. It is the judge that is not of our making: the tests in
// dnssec_test.go share a library with the signer.
func TestSystemDelvValidates(t *testing.T) {
	corefile, key := server.SignedZone(t)
	d := newDelv(t, server.Start(t, corefile), key)
	const (
		positive = "; fully validated"
		negative = "; negative response, fully validated"
	)
	for _, c := range []struct {
		name         string
		qname, qtype string
		want         []string // lines of the output, or their beginnings
	}{
		{"SOA", "example.com", "SOA", []string{positive, "example.com."}},
		{"NS", "example.com", "NS", []string{positive, "example.com."}},
		{"DNSKEY", "example.com", "DNSKEY", []string{positive, "example.com."}},
		{"A", "www.example.com", "A", []string{positive, "www.example.com."}},
		{"AAAA", "www.example.com", "AAAA", []string{positive, "www.example.com."}},
		{"TXT", "www.example.com", "TXT", []string{positive, "www.example.com."}},
		{"MX", "mail.example.com", "MX", []string{positive, "mail.example.com."}},
		{"ANY", "www.example.com", "ANY", []string{positive, "www.example.com."}},
		{"mixed case", "wWw.eXaMpLe.CoM", "A", []string{positive}},
		{"wildcard", "x.y.wild.example.com", "A", []string{positive, "x.y.wild.example.com."}},
		{"wildcard in mixed case", "X.y.WILD.example.com", "A", []string{positive}},
		{"DS", "child.example.com", "DS", []string{positive, "child.example.com."}},
		{"alias", "alias.example.com", "A", []string{positive, "alias.example.com.", "www.example.com."}},
		{"aliases", "second.example.com", "AAAA", []string{positive, "second.example.com.", "alias.example.com.", "www.example.com."}},
		{"alias in mixed case", "sEcOnD.example.COM", "TXT", []string{positive}},
		{"NODATA", "www.example.com", "MX", []string{negative}},
		{"NODATA in mixed case", "Www.Example.com", "MX", []string{negative}},
		{"NODATA at the apex", "example.com", "TXT", []string{negative}},
		{"NODATA from a wildcard", "x.wild.example.com", "AAAA", []string{negative}},
		{"empty non-terminal", "b.example.com", "A", []string{negative}},
		{"NXDOMAIN", "none.example.com", "A", []string{negative}},
		{"NXDOMAIN in mixed case", "NoNe.example.com", "A", []string{negative}},
		{"no DS", "insecure.example.com", "DS", []string{negative}},
		{"alias ends in NODATA", "alias.example.com", "MX", []string{positive, "alias.example.com.", "; www.example.com. NSEC"}},
		{"aliases end in NODATA", "second.example.com", "MX", []string{positive, "second.example.com.", "alias.example.com.", "; www.example.com. NSEC"}},
		{"alias ends in NXDOMAIN", "dangling.example.com", "A", []string{positive, "dangling.example.com.", "; none.example.com. NSEC"}},
		{"alias ends in an empty non-terminal", "into-ent.example.com", "A", []string{positive, "into-ent.example.com.", "; b.example.com. NSEC"}},
		{"wildcard alias ends in NXDOMAIN", "x.lost.example.com", "A", []string{positive, "x.lost.example.com.", "; none.example.com. NSEC"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := d.ask(t, c.qname, c.qtype)
			for _, want := range c.want {
				if !strings.Contains("\n"+out, "\n"+want) {
					t.Errorf("delv %s %s printed\n%s\nwant a line %q", c.qname, c.qtype, out, want)
				}
			}
			rest := strings.ReplaceAll(out, "resolution failed: ncache nxrrset", "") // delv's word for NODATA
			for _, wrong := range []string{"unsigned answer", "resolution failed", "not validated", "broken trust chain"} {
				if strings.Contains(rest, wrong) {
					t.Errorf("delv %s %s printed\n%s", c.qname, c.qtype, out)
				}
			}
		})
	}
}

// Each order of a rotation validates, and each address comes first in its turn.
func TestSystemDelvValidatesRotation(t *testing.T) {
	corefile, key := server.SignedZone(t)
	d := newDelv(t, server.Start(t, corefile), key)
	n := len(server.SignedValues)
	for i := range n * (n - 1) {
		qname := []string{"www.example.com", "Www.eXample.com", "alias.example.com"}[i%3]
		out := d.ask(t, qname, "A", "+short")
		for _, value := range server.SignedValues {
			if strings.Count(out, value+"\n") != 1 {
				t.Errorf("delv %s A printed\n%s\nwant %s once", qname, out, value)
			}
		}
	}
}
