//go:build linux

package test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() {
	plugin.Register("stall", func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return &currentGate })
		return nil
	})
	dnsserver.Directives = append(dnsserver.Directives, "stall")
}

// gate is the last plugin of a chain, which does not answer before it is opened: a forward to a server that is slow.
type gate struct {
	mu      sync.Mutex
	entered chan struct{} // has one element for each query that waits
	opened  chan struct{} // closed when it is open
}

var currentGate gate

// closeGate closes it, until the test ends. Open opens it earlier.
func closeGate(t *testing.T) (entered <-chan struct{}, open func()) {
	t.Helper()
	g := &currentGate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entered, g.opened = make(chan struct{}, 1<<13), make(chan struct{})
	open = sync.OnceFunc(func() { close(g.opened) })
	t.Cleanup(open)
	return g.entered, open
}

// Name implements plugin.Handler.
func (*gate) Name() string { return "stall" }

// ServeDNS implements plugin.Handler.
func (g *gate) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	g.mu.Lock()
	entered, opened := g.entered, g.opened
	g.mu.Unlock()
	entered <- struct{}{}
	<-opened
	return echo{}.ServeDNS(ctx, w, r)
}

// awaitQuery waits until a query waits at the gate.
func awaitQuery(t *testing.T, entered <-chan struct{}) {
	t.Helper()
	eventually(t, "a query waits", func() bool {
		select {
		case <-entered:
			return true
		default:
			return false
		}
	})
}

// sendOnly sends a query and does not wait for the reply.
func sendOnly(t *testing.T, conn *dns.Conn, m *dns.Msg) {
	t.Helper()
	if err := conn.WriteMsg(m); err != nil {
		t.Fatal(err)
	}
}

// TestFastBesideSlowUpstream guards the sockets of the fast path against a chain that waits: for a name that falls
// through, for another server block, for the target of an alias, for a DS record, which the parent's block answers.
func TestFastBesideSlowUpstream(t *testing.T) {
	_, port := startFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			`+threeRecord+`
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
			entered, open := closeGate(t)
			conn := dial(t, address)
			slow := question(tc.qname, tc.qtype)
			sendOnly(t, conn, slow)
			awaitQuery(t, entered)
			for range 3 { // from the same port, which the same socket of the server hears
				if m, _ := askRaw(t, conn, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
					t.Errorf("got %s", sorted(m))
				}
			}
			open()
			m := readReply(t, conn, slow.Id)
			if !isEcho(m) && tc.name != "alias" {
				t.Errorf("the slow reply is %v", m)
			}
		})
	}
}

// readReply waits for the reply to an earlier query.
func readReply(t *testing.T, conn *dns.Conn, id uint16) *dns.Msg {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		m, err := conn.ReadMsg()
		if err != nil {
			t.Fatalf("no reply to the slow query: %v", err)
		}
		if m.Id == id {
			return m
		}
	}
}

// TestFastWhileManyWait guards what the chain answers against queries that wait for a server that is dead, however many:
// as with CoreDNS alone, they take nothing from names of another server block, or from aliases of the zone.
func TestFastWhileManyWait(t *testing.T) {
	_, port := startFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			`+threeRecord+`
			record alias CNAME app
		}
	}
	example.net:PORT {
		bind 127.0.0.1
		roundrobin53 {
			`+threeRecord+`
		}
	}
	.:PORT {
		bind 127.0.0.1
		stall
	}`)
	address := "127.0.0.1:" + port
	entered, open := closeGate(t)
	defer open()
	waiting := dial(t, address)
	for range 5000 {
		sendOnly(t, waiting, question("www.example", dns.TypeA))
		select {
		case <-entered:
		case <-time.After(10 * time.Second):
			t.Fatal("a query has not come to the plugin that waits")
		}
	}
	conn := dial(t, address)
	for _, name := range []string{"app.example.org", "alias.example.org", "app.example.net"} {
		if m, _ := askRaw(t, conn, question(name, dns.TypeA)); sorted(m) != sortedThree {
			t.Errorf("%s: got %s", name, sorted(m))
		}
	}
}
