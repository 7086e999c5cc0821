// Package roundrobin53 is a CoreDNS plugin that answers for zones written in the Corefile and
// rotates their multi-value A and AAAA answers.
//
// This package is the glue: of the packages of the plugin, only it, the fast path and the commands
// know CoreDNS. Nothing on the path of a query takes a lock, reads a clock, or keeps what clients
// ask.
//
// Where to find what:
//
//	roundrobin53.go              Handler, ServeDNS: a query comes in
//	answer.go  cname.go  rr.go   what was found becomes a dns.Msg
//	additional.go                the additional section, referrals and their glue
//	choose.go  client.go         a query takes its turn; who asks it
//	explain.go                   why an answer is what it is
//	setup.go                     registration; our place in the plugin chain
//	instance.go                  one run of a Corefile, and its hand-over to the next
//	probing.go                   verdicts go to the stores and the counters
//	state.go                     state files: what operators decide goes to the stores
//	names.go  follow.go          names that are values are looked up, and their addresses probed
//	block.go                     what we know of our server block, and what it must have
//	listener.go  payload.go      what we keep for each listener; the size in our OPT records
//	metrics.go  collector.go     counters; metrics read when they are scraped
//	report.go  chainwarning.go   what is logged: warnings, and verdicts that change
//	transfer.go  status.go       zone transfers and NOTIFY; the status page and readiness
//	fastpath.go  memory.go       the fast path's view of a Handler; GOGC during a reload
//	cli                          commands of the binary beside serving
//	internal/config              Corefile text to model and back: directives, records, options
//	internal/route53             Route 53's exports and zone files to Corefile text
//	internal/store               what one server block serves, built from the model
//	internal/policy              which values of an RRset are answered now
//	internal/pool                arithmetic of tiers, weights, distance and stickiness
//	internal/override            state files: what operators decide at run time
//	internal/explain             what the stages of a choice did, for people and programs
//	internal/record              owner names and zones; Lookup
//	internal/route               client networks and places to groups of values
//	internal/health              probes and verdicts
//	internal/lookup              names whose addresses are looked up
//	internal/schedule            which probe or lookup is due next
//	internal/status              the status page
//	internal/fastpath            plain UDP queries, answered beside the chain
//	../internal/turn  asker      whose turn it is; who asks: shared with the plugin rotate
package roundrobin53

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/cache"
	"github.com/coredns/coredns/plugin/metadata"
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

// Handler answers the queries of one server block. It implements plugin.Handler,
// cache.ZoneBypasser, metadata.Provider, ready.Readiness and transfer.Transferer.
type Handler struct {
	Next plugin.Handler

	store     atomic.Pointer[store.Store] // a query loads it once
	upstream  *upstream.Upstream
	block     block
	instance  *instance
	listeners listeners
	notifier  notifier
}

var (
	_ plugin.Handler      = (*Handler)(nil)
	_ cache.ZoneBypasser  = (*Handler)(nil)
	_ metadata.Provider   = (*Handler)(nil)
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
	return dns.RcodeSuccess, write(w, m) // in any case, whatever the RCODE
}

// write sends an answer. It is never inlined: with a profile the compiler would inline the core's
// writer as well, and respond would run below what that needs on the stack.
//
//go:noinline
func write(w dns.ResponseWriter, m *dns.Msg) error { return w.WriteMsg(m) }

// respond makes the answer to a query. It returns nil if the query is for the next plugin.
//
// It is never inlined. Each query has a goroutine of its own, whose stack is small at first and
// grows by copying: what is needed to find an answer has to leave the stack before the core packs
// and sends it.
//
//go:noinline
func (h *Handler) respond(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) *dns.Msg {
	question := &r.Question[0] // the core drops messages without a question
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

// find returns the name in lower case and what the table holds for it.
//
// It is never inlined either: what it needs would still be on the stack when records are allocated.
// That takes a kilobyte of stack where the allocator has to look for free memory, as it does in
// every other query for an RRset of 64 addresses.
//
//go:noinline
func (q *query) find(name string, qtype uint16) (string, record.Result) {
	name = strings.ToLower(name)
	return name, q.store.Table.Lookup(name, qtype)
}

// passes reports whether the query is for the next plugin. That is so if no record here says
// anything of the name, or if the message is about the zone as a whole and the zone only lies over
// the next plugin's.
func (h *Handler) passes(s *store.Store, r *dns.Msg, qname string, found record.Result) bool {
	if !found.Unclaimed && r.Opcode == dns.OpcodeQuery && !isTransfer(r.Question[0].Qtype) {
		return false
	}
	return h.Next != nil && s.Zones[found.Zone.Index].Through(qname)
}

func isTransfer(qtype uint16) bool { return qtype == dns.TypeAXFR || qtype == dns.TypeIXFR }

// Owns reports whether h itself answers the queries for a type and a name, which is in lower case.
// The rotate plugin of the server block leaves those answers alone.
func (h *Handler) Owns(name string, qtype uint16) bool {
	s := h.store.Load()
	found := s.Table.Lookup(name, qtype)
	return found.Kind != record.Outside && (!found.Unclaimed || h.Next == nil || !s.Zones[found.Zone.Index].Through(name))
}

// CacheBypassZones implements cache.ZoneBypasser. An answer from the cache would keep the order it
// was stored with.
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

// maxBypassNames limits the names that may stand in the bypass list instead of their zone: the
// cache plugin compares each query with all of them.
const maxBypassNames = 64

// ownNames returns the names of a zone that falls through, so that the rest of the zone can be
// cached. It reports false if the zone does not fall through or has too many names.
func ownNames(s *store.Store, z *store.Zone) ([]string, bool) {
	if !z.FallsThrough() || z.Names > maxBypassNames {
		return nil, false
	}
	var names []string
	for name, node := range s.Table.All() {
		if node.Zone.Origin == z.Name {
			if parent, ok := strings.CutPrefix(name, "*."); ok { // the names that a wildcard answers lie beside it
				name = dns.Fqdn(parent)
			}
			names = append(names, name)
		}
	}
	return names, true
}
