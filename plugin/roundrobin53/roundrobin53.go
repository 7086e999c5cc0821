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
	"sync"
	"sync/atomic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

const pluginName = "roundrobin53"

var log = clog.NewWithPlugin(pluginName)

// Handler answers the queries of one server block. It implements plugin.Handler, cache.ZoneBypasser, ready.Readiness and
// transfer.Transferer.
type Handler struct {
	Next plugin.Handler

	table   *record.Table
	zones   []zone         // by record.Zone.Index
	rrsets  []addressRRset // by record.Result.Addresses
	counted []countedRRset // RRsets whose first places are counted

	// What is chosen among values, beyond turns.
	choosers     []chooser      // by addressRRset.chooser
	alternatives []alternatives // by record.RRset.Chooser; the first is none
	groups       []group
	conditions   []condition
	targets      []probed
	watches      []watch
	keeper       *keeper

	upstream *upstream.Upstream
	warnings []string // of the Corefile
	large    []string // about RRsets that a usual UDP answer can't hold

	// Known when it is started, and the same from then on.
	block    string            // the keys of the server block, for logs
	keys     []string          // the same, if it wants the fast path
	config   *dnsserver.Config // of the server block
	view     string            // the server block's view, for metrics
	signed   bool              // a dnssec plugin signs what we answer
	debug    bool              // the server block has the debug plugin
	nsid     int               // octets that the nsid plugin adds to an answer, if it is asked to
	instance *instance
	transfer *transfer.Transfer // nil if the block has none
	changed  []string           // zones that are new or other than before

	// What moves, besides the counters of the pools.
	picks   map[int][]*atomic.Uint64 // first places by RRset and endpoint, of those in counted
	servers atomic.Pointer[map[*dnsserver.Server]*server]
	mu      sync.Mutex // guards changes of servers
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
	qname, found := h.find(question.Name, question.Qtype)
	q := query{h: h, ctx: ctx, w: w, r: r, qname: qname}
	if found.Kind == record.Outside {
		if h.Next != nil {
			return nil
		}
		return q.refuse() // nobody's, as where no server block fits
	}
	q.srv = h.server(ctx)
	if h.passes(r, q.qname, found) {
		q.srv.count(found.Zone, resultFallthrough)
		return nil
	}
	q.class = asker.Class(ctx, w, q.srv.stream)
	m := q.answer(found)
	q.srv.count(found.Zone, resultOf(m))
	return m
}

// find is a name in lower case and what the table holds for it.
//
// It is never inlined either: what it needs would still be on the stack when records are allocated, which takes a
// kilobyte of stack itself where the allocator has to look for free memory, as with 64 addresses for every other query.
//
//go:noinline
func (h *Handler) find(name string, qtype uint16) (string, record.Result) {
	name = strings.ToLower(name)
	return name, h.table.Lookup(name, qtype)
}

// passes reports whether the query is for the next plugin: nothing here speaks of the name, or the message is about the
// zone as a whole, which is the next plugin's where this one only lies over it.
func (h *Handler) passes(r *dns.Msg, qname string, found record.Result) bool {
	if !found.Unclaimed && r.Opcode == dns.OpcodeQuery && !isTransfer(r.Question[0].Qtype) {
		return false
	}
	return h.Next != nil && h.zones[found.Zone.Index].fall.Through(qname)
}

func isTransfer(qtype uint16) bool { return qtype == dns.TypeAXFR || qtype == dns.TypeIXFR }

// Owns reports whether h itself answers the queries for a name, in lower case, and a type. The rotate plugin of the server
// block leaves those alone.
func (h *Handler) Owns(name string, qtype uint16) bool {
	found := h.table.Lookup(name, qtype)
	return found.Kind != record.Outside && !(found.Unclaimed && h.Next != nil && h.zones[found.Zone.Index].fall.Through(name))
}

// CacheBypassZones implements cache.ZoneBypasser: an answer from the cache would have the order it was stored with.
func (h *Handler) CacheBypassZones() []string {
	var bypass []string
	for i := range h.zones {
		z := &h.zones[i]
		names, ok := h.ownNames(z)
		if !ok {
			names = []string{z.name}
		}
		bypass = append(bypass, names...)
	}
	return bypass
}

// maxBypassNames is how many names may stand in the bypass list instead of their zone: the cache plugin compares each
// query with all of them.
const maxBypassNames = 64

// ownNames is the names of a zone that falls through, if they are few: then the rest of the zone can be cached.
func (h *Handler) ownNames(z *zone) ([]string, bool) {
	if len(z.fall.Zones) == 0 || z.names > maxBypassNames {
		return nil, false
	}
	var names []string
	h.table.Walk(func(name string, in *record.Zone, _, _ int, _ []record.RRset) {
		if in.Origin == z.name {
			if parent, ok := strings.CutPrefix(name, "*."); ok { // what a wildcard answers lies beside it
				name = dns.Fqdn(parent)
			}
			names = append(names, name)
		}
	})
	return names, true
}
