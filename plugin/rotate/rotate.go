// Package rotate is a CoreDNS plugin that puts the addresses of other plugins' answers in exact
// turns.
//
// It stands directly above loadbalance and has the last word on the order: answers from below,
// whether frozen by a cache or shuffled, are sorted first, so that the turn alone decides which
// address is first. Package internal/turn decides whose turn it is and which order follows, for
// this plugin and for roundrobin53. Nothing on the path of a query takes a lock, and the state has
// one size, whatever is asked.
package rotate

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
)

const pluginName = "rotate"

// Handler puts the addresses in the answers of one server block in order. It implements
// plugin.Handler.
type Handler struct {
	Next plugin.Handler

	zones   []string // the zones whose names it puts in turns, fully qualified and in lower case
	order   order
	answers int // how many addresses an answer has; 0 means all
	turns   *table

	// Set when the handler is started, and the same from then on.
	view  string // the server block's view, for metrics
	owner owner  // the server block's roundrobin53, whose answers are in turns already; nil if there is none

	listeners atomic.Pointer[map[*dnsserver.Server]*listener]
	mu        sync.Mutex // guards changes of servers
}

var _ plugin.Handler = (*Handler)(nil)

// An owner is a plugin that puts its own answers in turns.
type owner interface {
	// Owns reports whether the plugin itself answers the queries for a name, in lower case, and a
	// type.
	Owns(name string, qtype uint16) bool
}

// Name implements plugin.Handler.
func (h *Handler) Name() string { return pluginName }

// ServeDNS implements plugin.Handler.
func (h *Handler) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if isForAddresses(r) {
		name := strings.ToLower(r.Question[0].Name)
		if zone := h.zoneOf(name); zone >= 0 && (h.owner == nil || !h.owner.Owns(name, r.Question[0].Qtype)) {
			w = &writer{ResponseWriter: w, h: h, ctx: ctx, name: name, qtype: r.Question[0].Qtype, zone: zone}
		}
	}
	return plugin.NextOrFailure(pluginName, h.Next, ctx, w, r)
}

// isForAddresses reports whether the answer to a query is an RRset of addresses.
func isForAddresses(r *dns.Msg) bool {
	if r.Opcode != dns.OpcodeQuery || len(r.Question) != 1 {
		return false
	}
	question := &r.Question[0]
	return question.Qclass == dns.ClassINET && (question.Qtype == dns.TypeA || question.Qtype == dns.TypeAAAA)
}

// zoneOf returns the number of the zone that a name lies in, -1 if it lies in none.
func (h *Handler) zoneOf(name string) int {
	for i, zone := range h.zones {
		if isIn(name, zone) {
			return i
		}
	}
	return -1
}

// isIn reports whether a name lies in a zone, both in lower case. It is dns.IsSubDomain without its
// allocations.
func isIn(name, zone string) bool {
	label, ok := strings.CutSuffix(name, zone)
	if !ok {
		return false
	}
	if label == "" || zone == "." {
		return true
	}
	label, ok = strings.CutSuffix(label, ".")
	backslashes := len(label) - len(strings.TrimRight(label, `\`))
	return ok && backslashes%2 == 0 // an escaped dot ends no label
}

// A listener holds a handler's counters for one of the servers (address and transport) that pass
// queries to it.
type listener struct {
	stream  bool // see asker.IsStream
	answers []counter
}

// listener returns the listener that a query came in by. There are as many listeners as the
// Corefile names, and each is met once: then a copy of the map replaces the old one, so that
// queries only load a pointer.
func (h *Handler) listener(ctx context.Context) *listener {
	key, _ := ctx.Value(dnsserver.Key{}).(*dnsserver.Server)
	if known := h.listeners.Load(); known != nil {
		if srv, ok := (*known)[key]; ok {
			return srv
		}
	}
	return h.addListener(key)
}

func (h *Handler) addListener(key *dnsserver.Server) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := make(map[*dnsserver.Server]*listener)
	if old := h.listeners.Load(); old != nil {
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
	for _, zone := range h.zones {
		srv.answers = append(srv.answers, answersTotal.WithLabelValues(addr, zone, h.view))
	}
	known[key] = srv
	h.listeners.Store(&known)
	return srv
}
