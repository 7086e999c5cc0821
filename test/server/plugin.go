//go:build !full

package server

import (
	"context"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() { registerStandIn("trace") }

// registerStandIn puts a plugin that does nothing in the place of one that the tests do without (see build/plugins). Its
// directive may have any arguments.
func registerStandIn(name string) {
	plugin.Register(name, func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler { return standIn{name: name, next: next} })
		return nil
	})
}

// standIn passes every query on.
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
