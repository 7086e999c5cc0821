package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// Plugins are the directives of the test plugins, which no binary has.
var Plugins = []string{"standin", "echo", "stall", "failstart"}

func init() {
	plugin.Register("standin", func(c *caddy.Controller) error {
		c.Next()
		c.NextArg()
		name := c.Val()
		dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler { return standIn{name: name, next: next} })
		return nil
	})
	dnsserver.Directives = append([]string{"standin"}, dnsserver.Directives...)
}

// standIn is a plugin at the head of a chain that passes every query on. Its handler has the name behind the directive:
// `standin trace` stands in for trace, which the tests do without (see build/plugins).
type standIn struct {
	name string
	next plugin.Handler
}

// Name implements plugin.Handler.
func (p standIn) Name() string { return p.name }

// ServeDNS implements plugin.Handler.
func (p standIn) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return plugin.NextOrFailure(p.name, p.next, ctx, w, r)
}

func init() {
	plugin.Register("echo", func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return echo{} })
		return nil
	})
	dnsserver.Directives = append(dnsserver.Directives, "echo")
}

// echo is the last plugin of a chain. Its answer to everything is a TXT record with the ID of the query.
type echo struct{}

// Name implements plugin.Handler.
func (echo) Name() string { return "echo" }

// ServeDNS implements plugin.Handler.
func (echo) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := new(dns.Msg).SetReply(r)
	m.Answer = []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
		Txt: []string{"echo", fmt.Sprint(r.Id)},
	}}
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// IsEcho reports whether echo has answered.
func IsEcho(m *dns.Msg) bool { return strings.Contains(Section(m.Answer), `TXT "echo"`) }

// failstart ends a start, or a reload, when the plugins before it have started.
func init() {
	plugin.Register("failstart", func(c *caddy.Controller) error {
		c.OnStartup(func() error { return errors.New("failstart") })
		return nil
	})
	dnsserver.Directives = append(dnsserver.Directives, "failstart")
}

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

// CloseGate closes it, until the test ends. Open opens it earlier.
func CloseGate(t *testing.T) (entered <-chan struct{}, open func()) {
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
