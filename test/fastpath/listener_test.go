//go:build linux

package fastpath

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastListenerForAll guards the address that replies leave from, where the server listens at all: it is the one that
// was asked, whoever answers. A connected socket hears nothing else.
func TestFastListenerForAll(t *testing.T) {
	_, port := server.StartFast(t, `example.org:PORT {
		roundrobin53 {
			fastpath
			`+server.ThreeRecord+`
			record text TXT "text"
			fallthrough open.example.org
		}
		echo
	}`)
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.2.3", "::1"} {
		address := net.JoinHostPort(host, port)
		server.CheckFast(t, address, "app.example.org", dns.TypeA, true, server.SortedThree)
		for name, m := range map[string]*dns.Msg{
			"answered in place": server.Question("text.example.org", dns.TypeTXT),
			"handed off":        server.Question("x.open.example.org", dns.TypeTXT),
			"malformed":         server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0}}),
			"the core's":        server.WithOPT(server.WithOPT(server.Question("app.example.org", dns.TypeA), 0), 0),
		} {
			if reply, _ := server.AskFast(t, address, m); reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeFormatError {
				t.Errorf("%s, %s: got\n%s", host, name, server.ReplyText(reply))
			}
		}
	}
}

// TestFastListeners guards addresses of one family, several of them, and several sockets, blocks and zones at one.
func TestFastListeners(t *testing.T) {
	const zone = " {\nroundrobin53 {\nfastpath\n" + server.ThreeRecord + "}\n"
	const slowZone = " {\nroundrobin53 {\n" + server.ThreeRecord + "}\n"
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
		{"the root zone", ".:PORT {\nbind 127.0.0.1\nroundrobin53 a.org {\nfastpath\n" + server.ThreeRecord + "}\n}", []at{{"127.0.0.1", "app.a.org", true}}},
		{"two sockets", "a.org:PORT" + zone + "bind 127.0.0.1\nmultisocket 2\n}", []at{{"127.0.0.1", "app.a.org", true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, port := server.StartFast(t, tc.corefile)
			for _, a := range tc.asked {
				server.CheckFast(t, net.JoinHostPort(a.host, port), a.name, dns.TypeA, a.isFast, server.SortedThree)
			}
		})
	}
}

// TestFastAddressBesideAll guards a listener for all addresses beside one at the address that the machine reaches itself
// by. Whether it has the fast path or not, a reload may not silence it.
func TestFastAddressBesideAll(t *testing.T) {
	corefile := func(i int) string {
		return fmt.Sprintf("a.org:PORT {\nroundrobin53 {\nfastpath\n%s}\n}\nb.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n%srecord v%d A 192.0.2.1\n}\n}",
			server.ThreeRecord, server.ThreeRecord, i)
	}
	s, port := server.StartFast(t, corefile(0))
	server.CheckFast(t, "127.0.0.1:"+port, "app.b.org", dns.TypeA, false, server.SortedThree)
	l := server.StartLoad(t, "127.0.0.2:"+port, 1000, func(int) *dns.Msg { return server.Question("app.a.org", dns.TypeA) },
		func(m *dns.Msg) bool { return server.SortedAddresses(m) == server.SortedThree })
	for i := range 2 {
		server.ReloadFast(t, s, port, corefile(i+1))
	}
	server.Eventually(t, "enough queries are sent", func() bool { return l.Sent.Load() > 300 })
	l.End(t)
}

// TestFastZoneBelow guards names of another server block, whose zone lies below that of the fast path: that block
// answers, whatever wildcards and names stand above it.
func TestFastZoneBelow(t *testing.T) {
	for name, below := range map[string]string{
		"without fastpath": "",
		"with fastpath":    "fastpath\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, port := server.StartFast(t, `example.org:PORT {
				bind 127.0.0.1
				roundrobin53 {
					fastpath
					`+server.ThreeRecord+`
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
			server.CheckFast(t, address, "app.example.org", dns.TypeA, true, server.SortedThree)
			server.CheckFast(t, address, "c.example.org", dns.TypeA, true, server.SortedThree)
			server.CheckFast(t, address, "x.b.example.org", dns.TypeA, isBelowFast, server.SortedThree)
			server.CheckFast(t, address, "X.B.example.org", dns.TypeA, isBelowFast, server.SortedThree)
			server.CheckFast(t, address, "x.below.c.example.org", dns.TypeA, isBelowFast, server.SortedThree)
			server.CheckFast(t, address, "y.b.example.org", dns.TypeA, isBelowFast, "NXDOMAIN")
			server.CheckFast(t, address, "b.example.org", dns.TypeA, isBelowFast, "nodata")
			server.CheckFast(t, address, "y.below.c.example.org", dns.TypeA, isBelowFast, "NXDOMAIN")
			server.CheckFast(t, address, "z.c.example.org", dns.TypeA, true, "203.0.113.3")
		})
	}
}

// TestFastBesideOtherTransports guards the other transports of a block with fastpath, which have none.
func TestFastBesideOtherTransports(t *testing.T) {
	cert, key := server.CertificateFiles(t)
	tlsPort := server.FreePort(t)
	_, port := server.StartFast(t, `example.org:PORT tls://example.org:`+tlsPort+` {
		bind 127.0.0.1
		tls `+cert+` `+key+`
		roundrobin53 {
			fastpath
			`+server.ThreeRecord+`
		}
	}`)
	address := "127.0.0.1:" + port
	server.CheckFast(t, address, "app.example.org", dns.TypeA, true, server.SortedThree)
	if m := server.Exchange(t, "tcp", address, server.Question("app.example.org", dns.TypeA)); server.SortedAddresses(m) != server.SortedThree {
		t.Errorf("over TCP: %s", server.SortedAddresses(m))
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s: %v", cert, err)
	}
	client := dns.Client{Net: "tcp-tls", TLSConfig: &tls.Config{RootCAs: roots}}
	m, _, err := client.Exchange(server.Question("app.example.org", dns.TypeA), "127.0.0.1:"+tlsPort)
	if err != nil || server.SortedAddresses(m) != server.SortedThree {
		t.Errorf("over TLS: %v, %v", m, err)
	}
}

// TestFastWithoutUDP guards operators against an option that does nothing: where no key of the block is for plain DNS, the
// log says so.
func TestFastWithoutUDP(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	cert, key := server.CertificateFiles(t)
	for _, scheme := range []string{"tls", "https", "quic", "grpc", "https3"} {
		t.Run(scheme, func(t *testing.T) {
			s, port := server.StartFast(t, scheme+`://example.org:PORT {
				bind 127.0.0.1
				tls `+cert+` `+key+`
				roundrobin53 {
					fastpath
					`+server.ThreeRecord+`
				}
			}`)
			if line := fmt.Sprintf("fastpath: %s://example.org.:%s: not used: it is for plain DNS over UDP", scheme, port); !strings.Contains(s.Log(), line) {
				t.Errorf("the log lacks %q:\n%s", line, s.Log())
			}
		})
	}
}
