package roundrobin53

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A listener holds a handler's counters for one of the servers (address and transport) that pass
// queries to it.
type listener struct {
	stream  bool // see asker.IsStream
	answers []answerCounters

	failOpen []prometheus.Counter // by zone
}

// listeners holds the listeners that have passed a query so far.
type listeners struct {
	known atomic.Pointer[map[*dnsserver.Server]*listener]
	mu    sync.Mutex // guards changes of known
}

// listener returns the listener that a query came in by. There are as many listeners as the
// Corefile names, and each is met once: then a copy of the map replaces the old one, so that
// queries only load a pointer.
func (h *Handler) listener(ctx context.Context) *listener {
	key, _ := ctx.Value(dnsserver.Key{}).(*dnsserver.Server)
	return h.listenerOf(key)
}

func (h *Handler) listenerOf(key *dnsserver.Server) *listener {
	if known := h.listeners.known.Load(); known != nil {
		if srv, ok := (*known)[key]; ok {
			return srv
		}
	}
	return h.addListener(key)
}

func (h *Handler) addListener(key *dnsserver.Server) *listener {
	h.listeners.mu.Lock()
	defer h.listeners.mu.Unlock()
	known := make(map[*dnsserver.Server]*listener)
	if old := h.listeners.known.Load(); old != nil {
		if srv, ok := (*old)[key]; ok {
			return srv
		}
		known = maps.Clone(*old)
	}
	var addr string
	if key != nil {
		addr = key.Addr
	}
	srv := &listener{stream: asker.IsStream(addr)}
	for _, z := range h.store.Load().Zones {
		srv.answers = append(srv.answers, newAnswerCounters(addr, z.Name, h.block.view))
		srv.failOpen = append(srv.failOpen, failOpenTotal.WithLabelValues(addr, z.Name, h.block.view))
	}
	known[key] = srv
	h.listeners.known.Store(&known)
	return srv
}

// count counts an answer by its zone and result.
func (s *listener) count(z *record.Zone, r result) { s.answers[z.Index][r].Inc() }
