package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// otherValues are as many as threeValues.
var otherValues = []string{"198.51.100.1", "198.51.100.2", "198.51.100.3"}

// stream is the answers for one name, as one client of a server gets them.
type stream struct {
	name   string
	values []string
	edns   bool // with DO
	last   string
}

// take takes one turn.
func (st *stream) take(t *testing.T, address string) {
	t.Helper()
	m := question(st.name, dns.TypeA)
	if st.edns {
		m.SetEdns0(1232, true)
	}
	found := addresses(exchange(t, "udp", address, m))
	if len(found) == 0 {
		t.Fatalf("%s at %s: no address", st.name, address)
	}
	for i, value := range st.values {
		if next := st.values[(i+1)%len(st.values)]; value == st.last && found[0] != next {
			t.Fatalf("%s at %s: after %s came %v, want %s first", st.name, address, st.last, found, next)
		}
	}
	if !strings.Contains(strings.Join(st.values, " "), found[0]) {
		t.Fatalf("%s at %s: %v, want one of %v first", st.name, address, found, st.values)
	}
	st.last = found[0]
}

const (
	threeRecord = "record app A 192.0.2.1 192.0.2.2 192.0.2.3\n"
	otherRecord = "record app A 198.51.100.1 198.51.100.2 198.51.100.3\n"
)

// TestInstancesAreIndependent guards against handlers that share what they should not: one of them would see only some
// of its turns, or another's records.
func TestInstancesAreIndependent(t *testing.T) {
	for _, tc := range []struct {
		name, corefile string
		streams        []stream
	}{
		{
			"two zones in a directive",
			"a.org:0 b.org:0 {\nroundrobin53 {\n" + threeRecord + "}\n}",
			[]stream{{name: "app.a.org", values: threeValues}, {name: "app.b.org", values: threeValues}},
		},
		{
			"two directives in a block",
			".:0 {\nroundrobin53 a.org {\n" + threeRecord + "}\nroundrobin53 b.org {\n" + otherRecord + "}\n}",
			[]stream{{name: "app.a.org", values: threeValues}, {name: "app.b.org", values: otherValues}},
		},
		{
			"two blocks",
			"a.org:0 {\nroundrobin53 {\n" + threeRecord + "}\n}\nb.org:0 {\nroundrobin53 {\n" + otherRecord + "}\n}",
			[]stream{{name: "app.a.org", values: threeValues}, {name: "app.b.org", values: otherValues}},
		},
		{
			"a zone and its parent in two blocks",
			"org:0 {\nroundrobin53 {\nrecord app.a A 192.0.2.1 192.0.2.2 192.0.2.3\n" + threeRecord + "}\n}\na.org:0 {\nroundrobin53 {\n" + otherRecord + "}\n}",
			[]stream{{name: "app.org", values: threeValues}, {name: "app.a.org", values: otherValues}},
		},
		{
			"views",
			`a.org:0 {
				view elsewhere {
					expr incidr(client_ip(), '192.0.2.0/24')
				}
				roundrobin53 {
					record app A 203.0.113.1
				}
			}
			a.org:0 {
				view signed {
					expr do()
				}
				roundrobin53 {` + "\n" + otherRecord + `
				}
			}
			a.org:0 {
				view here {
					expr incidr(client_ip(), '127.0.0.0/8')
				}
				roundrobin53 {` + "\n" + threeRecord + `
				}
			}`,
			[]stream{{name: "app.a.org", values: threeValues}, {name: "app.a.org", values: otherValues, edns: true}},
		},
		{
			"views with the same records",
			`a.org:0 {
				view signed {
					expr do()
				}
				roundrobin53 {` + "\n" + threeRecord + `
				}
			}
			a.org:0 {
				roundrobin53 {` + "\n" + threeRecord + `
				}
			}`,
			[]stream{{name: "app.a.org", values: threeValues}, {name: "app.a.org", values: threeValues, edns: true}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, tc.corefile)
			for range 9 {
				for i := range tc.streams {
					tc.streams[i].take(t, s.udp(0))
				}
			}
		})
	}
}

// freePort is a port of the loopback address that nobody listens at, over UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		_ = l.Close()
		if err == nil {
			_ = pc.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// TestZoneOnTwoPorts guards one zone with different records on two ports, and two ports of one block.
func TestZoneOnTwoPorts(t *testing.T) {
	one, two := freePort(t), freePort(t)
	t.Run("two blocks", func(t *testing.T) {
		serve(t, fmt.Sprintf("a.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}\na.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}", one, threeRecord, two, otherRecord))
		first, second := stream{name: "app.a.org", values: threeValues}, stream{name: "app.a.org", values: otherValues}
		for range 9 {
			first.take(t, "127.0.0.1:"+one)
			second.take(t, "127.0.0.1:"+two)
		}
	})
	t.Run("one block", func(t *testing.T) {
		serve(t, fmt.Sprintf("a.org:%s a.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}", one, two, threeRecord))
		// One handler has one counter, whatever ports it is asked at; the zone is not there twice.
		both := stream{name: "app.a.org", values: threeValues}
		for range 9 {
			both.take(t, "127.0.0.1:"+one)
			both.take(t, "127.0.0.1:"+two)
		}
		if zones := series(t, "coredns_roundrobin53_zones")[""]; zones != 1 {
			t.Errorf("%v zones, want 1", zones)
		}
	})
}

// TestDirectiveZones guards whose zones count: those of the directive, and only without them those of the block.
func TestDirectiveZones(t *testing.T) {
	s := serve(t, `org:0 {
		roundrobin53 a.org b.org {
			record app A 192.0.2.1
			record www.b.org A 192.0.2.2
		}
		echo
	}`)
	for name, want := range map[string]string{
		"app.a.org": "192.0.2.1", "app.b.org": "192.0.2.1", "www.b.org": "192.0.2.2",
		"www.a.org": "", "nota.org": "echo", "org": "echo", "app.c.org": "echo",
	} {
		m := s.ask(name, dns.TypeA)
		got := strings.Join(addresses(m), " ")
		if isEcho(m) {
			got = "echo"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// certificate makes a certificate for 127.0.0.1 that signs itself, and returns the paths of it and its key.
func certificate(t *testing.T) (certPath, keyPath string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"dns.example.org"},
		IsCA:         true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certPath, keyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		certPath: {Type: "CERTIFICATE", Bytes: cert},
		keyPath:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certPath, keyPath
}

// TestStreamTransports guards every transport but plain DNS, and its class: a query over QUIC comes in a datagram and
// still takes turns with the streams. CoreDNS's own forward and grpc are the clients.
func TestStreamTransports(t *testing.T) {
	cert, key := certificate(t)
	for _, scheme := range []string{"tls", "https", "grpc", "quic"} {
		t.Run(scheme, func(t *testing.T) {
			s := serve(t, fmt.Sprintf(`example.org:0 %s://example.org:0 {
				tls %s %s
				roundrobin53 {
					record app A 192.0.2.1 192.0.2.2 192.0.2.3
				}
			}`, scheme, cert, key))
			plain, stream := 0, 0
			for i, l := range s.Instance.Servers() {
				if l.Addr() != nil && l.LocalAddr() != nil {
					plain = i
				} else {
					stream = i
				}
			}
			upstream := ""
			if scheme == "quic" {
				upstream = s.udp(stream)
			} else {
				upstream = s.tcp(stream)
			}
			upstream = loopback(upstream)
			client := "forward . " + scheme + "://" + upstream
			if scheme == "grpc" {
				client = "grpc . " + upstream
			}
			relay := serve(t, "example.org:0 {\n"+client+" {\ntls "+cert+"\ntls_servername dns.example.org\n}\n}")

			var datagram, overStream string
			ask := func(s *server, network, address, last string) string {
				found := addresses(exchange(t, network, address, question("app.example.org", dns.TypeA)))
				if len(found) != 3 {
					t.Fatalf("%v from %s, want three addresses\n%s", found, address, s.log())
				}
				for i, value := range threeValues {
					if next := threeValues[(i+1)%3]; value == last && found[0] != next {
						t.Fatalf("after %s came %v from %s, want %s first", last, found, address, next)
					}
				}
				return found[0]
			}
			for range 6 {
				datagram = ask(s, "udp", s.udp(plain), datagram)
				overStream = ask(relay, "udp", relay.udp(0), overStream)
				overStream = ask(s, "tcp", s.tcp(plain), overStream)
			}
		})
	}
}
