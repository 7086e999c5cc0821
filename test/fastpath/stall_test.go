//go:build linux

package fastpath

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastBesideSlowUpstream guards the sockets of the fast path against a chain that waits: for a name that falls
// through, for another server block, for the target of an alias, for a DS record, which the parent's block answers.
func TestFastBesideSlowUpstream(t *testing.T) {
	_, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			`+server.ThreeRecord+`
			record outside CNAME www.example.net.
			fallthrough open.example.org
		}
		stall
	}
	example.net:PORT org:PORT {
		bind 127.0.0.1
		stall
	}`)
	address := "127.0.0.1:" + port
	for _, tc := range []struct {
		name, qname string
		qtype       uint16
	}{
		{"falls through", "x.open.example.org", dns.TypeA},
		{"another block", "x.example.net", dns.TypeA},
		{"alias", "outside.example.org", dns.TypeA},
		{"parent", "x.org", dns.TypeA},
		{"DS", "example.org", dns.TypeDS},
		{"DS below the apex", "app.example.org", dns.TypeDS},
	} {
		t.Run(tc.name, func(t *testing.T) {
			entered, open := server.CloseGate(t)
			conn := server.Dial(t, address)
			slow := server.Question(tc.qname, tc.qtype)
			server.SendOnly(t, conn, slow)
			server.AwaitQuery(t, entered)
			for range 3 { // from the same port, which the same socket of the server hears
				if m, _ := server.AskRaw(t, conn, server.Question("app.example.org", dns.TypeA)); server.SortedAddresses(m) != server.SortedThree {
					t.Errorf("got %s", server.SortedAddresses(m))
				}
			}
			open()
			m := server.ReadReply(t, conn, slow.Id)
			if !server.IsEcho(m) && tc.name != "alias" {
				t.Errorf("the slow reply is %v", m)
			}
		})
	}
}

// TestFastWhileManyWait guards what the chain answers against queries that wait for a server that is dead, however many:
// as with CoreDNS alone, they take nothing from names of another server block, or from aliases of the zone.
func TestFastWhileManyWait(t *testing.T) {
	_, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			`+server.ThreeRecord+`
			record alias CNAME app
		}
	}
	example.net:PORT {
		bind 127.0.0.1
		roundrobin53 {
			`+server.ThreeRecord+`
		}
	}
	.:PORT {
		bind 127.0.0.1
		stall
	}`)
	address := "127.0.0.1:" + port
	entered, open := server.CloseGate(t)
	defer open()
	waiting := server.Dial(t, address)
	for range 5000 {
		server.SendOnly(t, waiting, server.Question("www.example", dns.TypeA))
		select {
		case <-entered:
		case <-time.After(10 * time.Second):
			t.Fatal("a query has not come to the plugin that waits")
		}
	}
	conn := server.Dial(t, address)
	for _, name := range []string{"app.example.org", "alias.example.org", "app.example.net"} {
		if m, _ := server.AskRaw(t, conn, server.Question(name, dns.TypeA)); server.SortedAddresses(m) != server.SortedThree {
			t.Errorf("%s: got %s", name, server.SortedAddresses(m))
		}
	}
}
