package roundrobin53

import (
	"context"
	"crypto/tls"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
)

// A payloadWriter is the last writer before the socket. It puts our own UDP payload size into the
// OPT record of a reply (RFC 6891 §6.2.3), where the core has just put the client's, which may be
// 0.
type payloadWriter struct{ dns.ResponseWriter }

var (
	_ dns.ResponseWriter   = payloadWriter{}
	_ dns.ConnectionStater = payloadWriter{}
)

// WriteMsg implements dns.ResponseWriter.
func (w payloadWriter) WriteMsg(m *dns.Msg) error {
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(wire.PayloadSize)
	}
	return w.ResponseWriter.WriteMsg(m)
}

// ConnectionState implements dns.ConnectionStater, as the core's own writers do.
func (w payloadWriter) ConnectionState() *tls.ConnectionState {
	if state, ok := w.ResponseWriter.(dns.ConnectionStater); ok {
		return state.ConnectionState()
	}
	return nil
}

// advertise makes the replies of a server block carry our own payload size. Plugins only write
// through the core's ScrubWriter, which comes after them and sets the client's size. But the core
// shows that writer to the filters of a server block, on which views are built, before it calls the
// first plugin. Call advertise when the core has checked the views: a block with a filter may serve
// what another block serves. The writer of a query that the server asks itself is left as it is: it
// leads to no socket, and package asker tells such queries by it.
func advertise(configs []*dnsserver.Config) {
	for _, config := range configs {
		config.FilterFuncs = append(config.FilterFuncs, func(_ context.Context, state *request.Request) bool {
			if scrub, ok := state.W.(*request.ScrubWriter); ok {
				if _, isInner := scrub.ResponseWriter.(*nonwriter.Writer); !isInner {
					scrub.ResponseWriter = payloadWriter{scrub.ResponseWriter}
				}
			}
			return true
		})
	}
}

// configsOf returns the configurations of the server block that c sets up, one for each of its
// keys.
func configsOf(c *caddy.Controller) []*dnsserver.Config {
	configs := make([]*dnsserver.Config, len(c.ServerBlockKeys))
	for i := range configs {
		at := *c
		at.ServerBlockKeyIndex = i
		configs[i] = dnsserver.GetConfig(&at)
	}
	return configs
}
