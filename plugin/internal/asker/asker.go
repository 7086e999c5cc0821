// Package asker tells who asks a query, a client or the server itself, and over which kind of
// transport. It holds the knowledge of CoreDNS that the plugins of this module share.
package asker

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// Class returns the class in which a query takes its turn. Stream says that the server it came in
// by has only streams: see IsStream. It is never inlined, since a request.Request takes stack that
// those who ask need for the rest of the query.
//
//go:noinline
func Class(ctx context.Context, w dns.ResponseWriter, stream bool) turn.Class {
	switch {
	case isInner(ctx):
		return turn.Inner
	case stream:
		return turn.Stream
	}
	if state := (request.Request{W: w}); state.Proto() == "udp" {
		return turn.Datagram
	}
	return turn.Stream
}

// IsStream reports whether the server at an address answers over streams only: TLS, HTTPS, gRPC,
// and QUIC, though its sockets are UDP.
func IsStream(server string) bool {
	return strings.Contains(server, "://") && !strings.HasPrefix(server, transport.DNS+"://")
}

// Address returns the address that a query comes from, the zero Addr if it is not known.
func Address(remote net.Addr) netip.Addr {
	var addr netip.Addr
	switch remote := remote.(type) {
	case *net.UDPAddr:
		addr = remote.AddrPort().Addr()
	case *net.TCPAddr:
		addr = remote.AddrPort().Addr()
	default:
		if port, err := netip.ParseAddrPort(remote.String()); err == nil {
			addr = port.Addr()
		}
	}
	return addr.Unmap().WithZone("")
}

// Marks is how many handlers Mark puts into the chain of a server block, however often it is
// called.
const Marks = 1

// Mark puts a handler at the head of the chain of c's server block. From then on, Class recognises
// the queries of the block that the server asks itself.
//
// Plugins that need more than the client asked for (dns64 and siit the other family, file and
// kubernetes what a CNAME leads to) go through the server a second time, with CoreDNS's
// pkg/upstream. For the plugins that answer, these queries look like the client's: they have the
// client's address, transport and EDNS. If both took turns from one counter, a client that asks for
// A and then for AAAA, for which dns64 asks for A once more, would always get the same A first.
//
// The writer is the server's own only at the head of the chain. Further down, a plugin's writer may
// be around it. Plugins that hold back the answer to a client's query (minimal, autopath, dns64) use
// the same type of writer as plugins that ask themselves.
func Mark(c *caddy.Controller) {
	config := dnsserver.GetConfig(c)
	key := markKey{config}
	if c.Get(key) != nil {
		return
	}
	c.Set(key, true)
	config.Plugin = append([]plugin.Plugin{func(next plugin.Handler) plugin.Handler { return mark{next} }}, config.Plugin...)
}

// A markKey is the key in caddy's storage for a server block that has its mark.
type markKey struct{ config *dnsserver.Config }

// A mark is a handler at the head of a chain. It implements plugin.Handler.
type mark struct{ next plugin.Handler }

var _ plugin.Handler = mark{}

// Name implements plugin.Handler. It is not the name of a directive, so that nobody finds the
// handler by it.
func (mark) Name() string { return "roundrobin53/asker" }

// ServeDNS implements plugin.Handler.
func (m mark) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if isAskedByServer(ctx, w) {
		ctx = context.WithValue(ctx, innerKey{}, true)
	}
	return m.next.ServeDNS(ctx, w, r)
}

// isAskedByServer reports whether the server asks itself: the writer is that of pkg/upstream, as
// the server has wrapped it, or the query is behind a CNAME that a plugin follows by other means,
// since all plugins count these steps in LoopKey.
func isAskedByServer(ctx context.Context, w dns.ResponseWriter) bool {
	if scrub, ok := w.(*request.ScrubWriter); ok {
		if _, ok := scrub.ResponseWriter.(*nonwriter.Writer); ok {
			return true
		}
	}
	loop, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	return loop > 0
}

// An innerKey is the key in the context of inner queries.
type innerKey struct{}

// isInner reports whether the server asks itself.
func isInner(ctx context.Context) bool { return ctx.Value(innerKey{}) != nil }
