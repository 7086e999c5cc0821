//go:build linux

package test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestFastListenerForAll guards the address that replies leave from, where the server listens at all: it is the one that
// was asked, whoever answers. A connected socket hears nothing else.
func TestFastListenerForAll(t *testing.T) {
	_, port := startFast(t, `example.org:PORT {
		roundrobin53 {
			fastpath
			`+threeRecord+`
			record text TXT "text"
			fallthrough open.example.org
		}
		echo
	}`)
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.2.3", "::1"} {
		address := net.JoinHostPort(host, port)
		checkFast(t, address, "app.example.org", dns.TypeA, true, sortedThree)
		for name, m := range map[string]*dns.Msg{
			"answered in place": question("text.example.org", dns.TypeTXT),
			"handed off":        question("x.open.example.org", dns.TypeTXT),
			"malformed":         withOPT(question("app.example.org", dns.TypeA), 0, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0}}),
			"the core's":        withOPT(withOPT(question("app.example.org", dns.TypeA), 0), 0),
		} {
			if reply, _ := askFast(t, address, m); reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeFormatError {
				t.Errorf("%s, %s: got\n%s", host, name, replyText(reply))
			}
		}
	}
}

// TestFastListeners guards addresses of one family, several of them, and several sockets, blocks and zones at one.
func TestFastListeners(t *testing.T) {
	const zone = " {\nroundrobin53 {\nfastpath\n" + threeRecord + "}\n"
	const slowZone = " {\nroundrobin53 {\n" + threeRecord + "}\n"
	type at struct {
		host, name string
		isFast     bool
	}
	for _, tc := range []struct {
		name, corefile string
		asked          []at
	}{
		{"IPv4", "example.org:PORT" + zone + "bind 127.0.0.1\n}", []at{{"127.0.0.1", "app.example.org", true}}},
		{"IPv6", "example.org:PORT" + zone + "bind ::1\n}", []at{{"::1", "app.example.org", true}}},
		{"both", "example.org:PORT" + zone + "bind 127.0.0.1 ::1\n}", []at{{"127.0.0.1", "app.example.org", true}, {"::1", "app.example.org", true}}},
		{"interface", "example.org:PORT" + zone + "bind lo\n}", []at{{"127.0.0.1", "app.example.org", true}, {"::1", "app.example.org", true}}},
		{"all of IPv4", "example.org:PORT" + zone + "bind 0.0.0.0\n}", []at{{"127.0.0.1", "app.example.org", true}, {"127.0.0.9", "app.example.org", true}}},
		{"all of IPv6", "example.org:PORT" + zone + "bind ::\n}", []at{{"127.0.0.1", "app.example.org", true}, {"::1", "app.example.org", true}}},
		{"two blocks", "a.org:PORT" + zone + "bind 127.0.0.1\n}\nb.org:PORT" + zone + "bind 127.0.0.1\n}", []at{
			{"127.0.0.1", "app.a.org", true},
			{"127.0.0.1", "app.b.org", true},
		}},
		{"one of two blocks", "a.org:PORT" + zone + "bind 127.0.0.1\n}\nb.org:PORT" + slowZone + "bind 127.0.0.1\n}", []at{
			{"127.0.0.1", "app.a.org", true},
			{"127.0.0.1", "app.b.org", false},
		}},
		{"several keys", "a.org:PORT b.org:PORT" + zone + "bind 127.0.0.1\n}", []at{
			{"127.0.0.1", "app.a.org", true},
			{"127.0.0.1", "app.b.org", true},
		}},
		{"a zone at two addresses", "a.org:PORT" + zone + "bind 127.0.0.1\n}\na.org:PORT" + slowZone + "bind 127.0.0.2\n}", []at{
			{"127.0.0.1", "app.a.org", true},
			{"127.0.0.2", "app.a.org", false},
		}},
		{"the root zone", ".:PORT {\nbind 127.0.0.1\nroundrobin53 a.org {\nfastpath\n" + threeRecord + "}\n}", []at{{"127.0.0.1", "app.a.org", true}}},
		{"two sockets", "a.org:PORT" + zone + "bind 127.0.0.1\nmultisocket 2\n}", []at{{"127.0.0.1", "app.a.org", true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, port := startFast(t, tc.corefile)
			for _, a := range tc.asked {
				checkFast(t, net.JoinHostPort(a.host, port), a.name, dns.TypeA, a.isFast, sortedThree)
			}
		})
	}
}

// TestFastAddressBesideAll guards a listener for all addresses beside one at the address that the machine reaches itself
// by. Whether it has the fast path or not, a reload may not silence it.
func TestFastAddressBesideAll(t *testing.T) {
	corefile := func(i int) string {
		return fmt.Sprintf("a.org:PORT {\nroundrobin53 {\nfastpath\n%s}\n}\nb.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n%srecord v%d A 192.0.2.1\n}\n}",
			threeRecord, threeRecord, i)
	}
	s, port := startFast(t, corefile(0))
	checkFast(t, "127.0.0.1:"+port, "app.b.org", dns.TypeA, false, sortedThree)
	l := startLoad(t, "127.0.0.2:"+port, 1000, func(int) *dns.Msg { return question("app.a.org", dns.TypeA) },
		func(m *dns.Msg) bool { return sorted(m) == sortedThree })
	for i := range 2 {
		reloadFast(t, s, port, corefile(i+1))
	}
	eventually(t, "enough queries are sent", func() bool { return l.sent.Load() > 300 })
	l.end(t)
}

// TestFastZoneBelow guards names of another server block, whose zone lies below that of the fast path: that block
// answers, whatever wildcards and names stand above it.
func TestFastZoneBelow(t *testing.T) {
	for name, below := range map[string]string{
		"without fastpath": "",
		"with fastpath":    "fastpath\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, port := startFast(t, `example.org:PORT {
				bind 127.0.0.1
				roundrobin53 {
					fastpath
					`+threeRecord+`
					record *.b A 203.0.113.1
					record x.b A 203.0.113.2
					record *.c A 203.0.113.3
					record c A 192.0.2.1 192.0.2.2 192.0.2.3
					record * A 203.0.113.4
				}
			}
			b.example.org:PORT below.c.example.org:PORT {
				bind 127.0.0.1
				roundrobin53 {
					`+below+`
					record x A 192.0.2.1 192.0.2.2 192.0.2.3
				}
			}`)
			address, isBelowFast := "127.0.0.1:"+port, below != ""
			checkFast(t, address, "app.example.org", dns.TypeA, true, sortedThree)
			checkFast(t, address, "c.example.org", dns.TypeA, true, sortedThree)
			checkFast(t, address, "x.b.example.org", dns.TypeA, isBelowFast, sortedThree)
			checkFast(t, address, "X.B.example.org", dns.TypeA, isBelowFast, sortedThree)
			checkFast(t, address, "x.below.c.example.org", dns.TypeA, isBelowFast, sortedThree)
			checkFast(t, address, "y.b.example.org", dns.TypeA, false, "NXDOMAIN")
			checkFast(t, address, "b.example.org", dns.TypeA, false, "nodata")
			checkFast(t, address, "y.below.c.example.org", dns.TypeA, false, "NXDOMAIN")
			checkFast(t, address, "z.c.example.org", dns.TypeA, false, "203.0.113.3")
		})
	}
}

// TestFastBesideOtherTransports guards the other transports of a block with fastpath, which have none.
func TestFastBesideOtherTransports(t *testing.T) {
	cert, key := certificate(t)
	tlsPort := freePort(t)
	_, port := startFast(t, `example.org:PORT tls://example.org:`+tlsPort+` {
		bind 127.0.0.1
		tls `+cert+` `+key+`
		roundrobin53 {
			fastpath
			`+threeRecord+`
		}
	}`)
	address := "127.0.0.1:" + port
	checkFast(t, address, "app.example.org", dns.TypeA, true, sortedThree)
	if m := exchange(t, "tcp", address, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
		t.Errorf("over TCP: %s", sorted(m))
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s: %v", cert, err)
	}
	client := dns.Client{Net: "tcp-tls", TLSConfig: &tls.Config{RootCAs: roots}}
	m, _, err := client.Exchange(question("app.example.org", dns.TypeA), "127.0.0.1:"+tlsPort)
	if err != nil || sorted(m) != sortedThree {
		t.Errorf("over TLS: %v, %v", m, err)
	}
}

// TestFastWithoutUDP guards operators against an option that does nothing: where no key of the block is for plain DNS, the
// log says so.
func TestFastWithoutUDP(t *testing.T) {
	cert, key := certificate(t)
	for _, scheme := range []string{"tls", "https", "quic", "grpc", "https3"} {
		t.Run(scheme, func(t *testing.T) {
			s, port := startFast(t, scheme+`://example.org:PORT {
				bind 127.0.0.1
				tls `+cert+` `+key+`
				roundrobin53 {
					fastpath
					`+threeRecord+`
				}
			}`)
			if line := fmt.Sprintf("fastpath: %s://example.org.:%s: not used: it is for plain DNS over UDP", scheme, port); !strings.Contains(s.log(), line) {
				t.Errorf("the log lacks %q:\n%s", line, s.log())
			}
		})
	}
}
