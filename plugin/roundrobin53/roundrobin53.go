// Package roundrobin53 is a CoreDNS plugin that answers for zones written in the Corefile and rotates their multi-value
// A and AAAA answers.
//
// This package is the only one that knows CoreDNS: it reads the Corefile, answers queries, and takes part in starts,
// reloads and shutdowns. What a name holds is looked up in internal/record; which addresses are answered, and in which
// order, is decided in internal/pool. Nothing on the path of a query locks, reads a clock, or keeps what clients ask.
package roundrobin53

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/cache"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/plugin/ready"
	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

const pluginName = "roundrobin53"

var log = clog.NewWithPlugin(pluginName)

// Handler answers the queries of one server block. It implements plugin.Handler, cache.ZoneBypasser, ready.Readiness and
// transfer.Transferer.
type Handler struct {
	Next plugin.Handler

	store     atomic.Pointer[store.Store] // what is served; a query loads it once
	upstream  *upstream.Upstream
	block     block
	instance  *instance
	listeners listeners
}

var (
	_ plugin.Handler      = (*Handler)(nil)
	_ cache.ZoneBypasser  = (*Handler)(nil)
	_ ready.Readiness     = (*Handler)(nil)
	_ transfer.Transferer = (*Handler)(nil)
)

// newHandler makes the handler of a server block that serves a store.
func newHandler(s *store.Store) *Handler {
	h := &Handler{upstream: upstream.New()}
	h.store.Store(s)
	return h
}

// Name implements plugin.Handler.
func (h *Handler) Name() string { return pluginName }

// ServeDNS implements plugin.Handler.
func (h *Handler) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := h.respond(ctx, w, r)
	if m == nil {
		return plugin.NextOrFailure(pluginName, h.Next, ctx, w, r)
	}
	return dns.RcodeSuccess, w.WriteMsg(m) // written in any case, whatever the RCODE
}

// respond makes the answer to a query, nil if it is for the next plugin.
//
// It is never inlined: each query has a goroutine of its own, whose stack is small at first and grows by copying. So what
// is needed to find an answer leaves the stack before the core packs and sends it.
//
//go:noinline
func (h *Handler) respond(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) *dns.Msg {
	question := &r.Question[0] // the core drops messages without one
	q := query{h: h, ctx: ctx, w: w, r: r, store: h.store.Load()}
	qname, found := q.find(question.Name, question.Qtype)
	q.qname = qname
	if found.Kind == record.Outside {
		if h.Next != nil {
			return nil
		}
		return q.refuse() // nobody's, as where no server block fits
	}
	q.listener = h.listener(ctx)
	if h.passes(q.store, r, q.qname, found) {
		q.listener.count(found.Zone, resultFallthrough)
		return nil
	}
	q.class = asker.Class(ctx, w, q.listener.stream)
	m := q.answer(found)
	q.listener.count(found.Zone, resultOf(m))
	return m
}

// find is a name in lower case and what the table holds for it.
//
// It is never inlined either: what it needs would still be on the stack when records are allocated, which takes a
// kilobyte of stack itself where the allocator has to look for free memory, as with 64 addresses for every other query.
//
//go:noinline
func (q *query) find(name string, qtype uint16) (string, record.Result) {
	name = strings.ToLower(name)
	return name, q.store.Table.Lookup(name, qtype)
}

// passes reports whether the query is for the next plugin: nothing here speaks of the name, or the message is about the
// zone as a whole, which is the next plugin's where this one only lies over it.
func (h *Handler) passes(s *store.Store, r *dns.Msg, qname string, found record.Result) bool {
	if !found.Unclaimed && r.Opcode == dns.OpcodeQuery && !isTransfer(r.Question[0].Qtype) {
		return false
	}
	return h.Next != nil && s.Zones[found.Zone.Index].Through(qname)
}

func isTransfer(qtype uint16) bool { return qtype == dns.TypeAXFR || qtype == dns.TypeIXFR }

// Owns reports whether h itself answers the queries for a name, in lower case, and a type. The rotate plugin of the server
// block leaves those alone.
func (h *Handler) Owns(name string, qtype uint16) bool {
	s := h.store.Load()
	found := s.Table.Lookup(name, qtype)
	return found.Kind != record.Outside && !(found.Unclaimed && h.Next != nil && s.Zones[found.Zone.Index].Through(name))
}

// CacheBypassZones implements cache.ZoneBypasser: an answer from the cache would have the order it was stored with.
func (h *Handler) CacheBypassZones() []string {
	s := h.store.Load()
	var bypass []string
	for i := range s.Zones {
		z := &s.Zones[i]
		names, ok := ownNames(s, z)
		if !ok {
			names = []string{z.Name}
		}
		bypass = append(bypass, names...)
	}
	return bypass
}

// maxBypassNames is how many names may stand in the bypass list instead of their zone: the cache plugin compares each
// query with all of them.
const maxBypassNames = 64

// ownNames are the names of a zone that falls through, if they are few: then the rest of the zone can be cached.
func ownNames(s *store.Store, z *store.Zone) ([]string, bool) {
	if !z.FallsThrough() || z.Names > maxBypassNames {
		return nil, false
	}
	var names []string
	for name, node := range s.Table.All() {
		if node.Zone.Origin == z.Name {
			if parent, ok := strings.CutPrefix(name, "*."); ok { // what a wildcard answers lies beside it
				name = dns.Fqdn(parent)
			}
			names = append(names, name)
		}
	}
	return names, true
}
