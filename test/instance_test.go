package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestInstancesAreIndependent guards against handlers that share what they should not: one of them would see only some
// of its turns, or another's records.
func TestInstancesAreIndependent(t *testing.T) {
	for _, tc := range []struct {
		name, corefile string
		streams        []server.Turns
	}{
		{
			"two zones in a directive",
			"a.org:0 b.org:0 {\nroundrobin53 {\n" + server.ThreeRecord + "}\n}",
			[]server.Turns{{Name: "app.a.org", Values: server.ThreeValues}, {Name: "app.b.org", Values: server.ThreeValues}},
		},
		{
			"two directives in a block",
			".:0 {\nroundrobin53 a.org {\n" + server.ThreeRecord + "}\nroundrobin53 b.org {\n" + server.OtherRecord + "}\n}",
			[]server.Turns{{Name: "app.a.org", Values: server.ThreeValues}, {Name: "app.b.org", Values: server.OtherValues}},
		},
		{
			"two blocks",
			"a.org:0 {\nroundrobin53 {\n" + server.ThreeRecord + "}\n}\nb.org:0 {\nroundrobin53 {\n" + server.OtherRecord + "}\n}",
			[]server.Turns{{Name: "app.a.org", Values: server.ThreeValues}, {Name: "app.b.org", Values: server.OtherValues}},
		},
		{
			"a zone and its parent in two blocks",
			"org:0 {\nroundrobin53 {\nrecord app.a A 192.0.2.1 192.0.2.2 192.0.2.3\n" + server.ThreeRecord + "}\n}\na.org:0 {\nroundrobin53 {\n" + server.OtherRecord + "}\n}",
			[]server.Turns{{Name: "app.org", Values: server.ThreeValues}, {Name: "app.a.org", Values: server.OtherValues}},
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
				roundrobin53 {` + "\n" + server.OtherRecord + `
				}
			}
			a.org:0 {
				view here {
					expr incidr(client_ip(), '127.0.0.0/8')
				}
				roundrobin53 {` + "\n" + server.ThreeRecord + `
				}
			}`,
			[]server.Turns{{Name: "app.a.org", Values: server.ThreeValues}, {Name: "app.a.org", Values: server.OtherValues, Edns: true}},
		},
		{
			"views with the same records",
			`a.org:0 {
				view signed {
					expr do()
				}
				roundrobin53 {` + "\n" + server.ThreeRecord + `
				}
			}
			a.org:0 {
				roundrobin53 {` + "\n" + server.ThreeRecord + `
				}
			}`,
			[]server.Turns{{Name: "app.a.org", Values: server.ThreeValues}, {Name: "app.a.org", Values: server.ThreeValues, Edns: true}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := server.Serve(t, tc.corefile)
			for range 9 {
				for i := range tc.streams {
					tc.streams[i].Take(t, s.UDP(0))
				}
			}
		})
	}
}

// TestZoneOnTwoPorts guards one zone with different records on two ports, and two ports of one block.
func TestZoneOnTwoPorts(t *testing.T) {
	one, two := server.FreePort(t), server.FreePort(t)
	t.Run("two blocks", func(t *testing.T) {
		server.Serve(t, fmt.Sprintf("a.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}\na.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}", one, server.ThreeRecord, two, server.OtherRecord))
		first, second := server.Turns{Name: "app.a.org", Values: server.ThreeValues}, server.Turns{Name: "app.a.org", Values: server.OtherValues}
		for range 9 {
			first.Take(t, "127.0.0.1:"+one)
			second.Take(t, "127.0.0.1:"+two)
		}
	})
	t.Run("one block", func(t *testing.T) {
		server.Serve(t, fmt.Sprintf("a.org:%s a.org:%s {\nbind 127.0.0.1\nroundrobin53 {\n%s}\n}", one, two, server.ThreeRecord))
		// One handler has one counter, whatever ports it is asked at; the zone is not there twice.
		both := server.Turns{Name: "app.a.org", Values: server.ThreeValues}
		for range 9 {
			both.Take(t, "127.0.0.1:"+one)
			both.Take(t, "127.0.0.1:"+two)
		}
		if zones := server.Series(t, "coredns_roundrobin53_zones")[""]; zones != 1 {
			t.Errorf("%v zones, want 1", zones)
		}
	})
}

// TestDirectiveZones guards whose zones count: those of the directive, and only without them those of the block.
func TestDirectiveZones(t *testing.T) {
	s := server.Serve(t, `org:0 {
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
		m := s.Ask(name, dns.TypeA)
		got := strings.Join(server.Addresses(m), " ")
		if server.IsEcho(m) {
			got = "echo"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestStreamTransports guards every transport but plain DNS, and its class: a query over QUIC comes in a datagram and
// still takes turns with the streams. CoreDNS's own forward and grpc are the clients.
func TestStreamTransports(t *testing.T) {
	t.Parallel()
	cert, key := server.CertificateFiles(t)
	for _, scheme := range []string{"tls", "https", "grpc", "quic"} {
		t.Run(scheme, func(t *testing.T) {
			s := server.Serve(t, fmt.Sprintf(`example.org:0 %s://example.org:0 {
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
				upstream = s.UDP(stream)
			} else {
				upstream = s.TCP(stream)
			}
			upstream = server.Loopback(upstream)
			client := "forward . " + scheme + "://" + upstream
			if scheme == "grpc" {
				client = "grpc . " + upstream
			}
			relay := server.Serve(t, "example.org:0 {\n"+client+" {\ntls "+cert+"\ntls_servername dns.example.org\n}\n}")

			var datagram, overStream string
			ask := func(s *server.Server, network, address, last string) string {
				found := server.Addresses(server.Exchange(t, network, address, server.Question("app.example.org", dns.TypeA)))
				if len(found) != 3 {
					t.Fatalf("%v from %s, want three addresses\n%s", found, address, s.Log())
				}
				for i, value := range server.ThreeValues {
					if next := server.ThreeValues[(i+1)%3]; value == last && found[0] != next {
						t.Fatalf("after %s came %v from %s, want %s first", last, found, address, next)
					}
				}
				return found[0]
			}
			for range 6 {
				datagram = ask(s, "udp", s.UDP(plain), datagram)
				overStream = ask(relay, "udp", relay.UDP(0), overStream)
				overStream = ask(s, "tcp", s.TCP(plain), overStream)
			}
		})
	}
}
