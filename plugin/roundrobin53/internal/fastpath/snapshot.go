package fastpath

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A snapshot holds what the fast path knows of one configuration at a listener: the names that it
// may answer, and the way down the chain for everything else. It never changes, except for its
// proofs; a reload brings a new one.
type snapshot struct {
	run        *Run
	server     *dnsserver.Server
	ctx        context.Context   // of queries that go down the chain
	blocks     map[string]*block // by zone of the listener's server blocks; nil for blocks without the fast path
	isCounting bool              // a block has prometheus
	only       *block            // the one block, if there is but one zone
	zone       string            // that zone, with the dot that comes before it in other names

	waiting  atomic.Int64  // queries that serveAsync has not answered yet
	replaced chan struct{} // closed when another snapshot has its place, or none can have it: see release
	released sync.Once
}

// release tells the ending instance of the snapshot not to wait for the next one any longer.
func (snap *snapshot) release() { snap.released.Do(func() { close(snap.replaced) }) }

// A block is a server block whose names the fast path may answer at a listener.
type block struct {
	h        Handler
	store    *store.Store
	answers  Counters
	counters []*counters // by zone of the handler; nil if the server block has no prometheus

	signed  bool
	debug   bool
	minimal bool    // its answers have no more than was asked for
	any     bool    // another plugin answers ANY
	places  *places // nil if only the chain knows where clients are
	packed  packed
	proofs  proofs // by number of an address RRset; behind them by zone and kind, see number
}

// number returns the number of the proof for a result. Addresses have a proof for each RRset. Other
// kinds have one for each zone, because there is no limit to names that do not exist.
func (b *block) number(found record.Result) int {
	if found.Kind == record.Addresses {
		return found.Addresses
	}
	return len(b.store.Sets()) + found.Zone.Index*record.Kinds + int(found.Kind)
}

// harmless lists the handlers that leave plain queries and their answers as they are, or whose work
// the fast path does. For dnssec that holds without DO, for cache in zones that are bypassed.
var harmless = []string{"metadata", "geoip", "cancel", "prometheus", "errors", "rotate", "any", "chaos", "cache", "dnssec", "minimal", "transfer"}

// newSnapshot makes the snapshot of a listener, nil if nothing can be answered there. For each
// server block that wants the fast path, a note says whether it is used.
func (r *Run) newSnapshot(s *dnsserver.Server) (snap *snapshot, notes []string) {
	ctx := context.WithValue(context.Background(), dnsserver.Key{}, s)
	snap = &snapshot{
		run:      r,
		server:   s,
		ctx:      context.WithValue(ctx, dnsserver.LoopKey{}, 0),
		blocks:   make(map[string]*block),
		replaced: make(chan struct{}),
	}
	for i := range r.blocks {
		for _, zone := range r.blocks[i].zonesAt(s.Addr) {
			snap.blocks[zone] = nil
		}
	}
	isUsed := false
	for _, h := range r.handlers {
		if zones := zonesAt(h, s.Addr); len(zones) > 0 {
			note := snap.add(h, zones)
			notes = append(notes, fmt.Sprintf("fastpath: %s at %s: %s", strings.Join(zones, " "), s.Addr, note))
			isUsed = isUsed || snap.blocks[zones[0]] != nil
		}
	}
	if !isUsed {
		return nil, notes
	}
	if len(snap.blocks) == 1 {
		for zone, b := range snap.blocks {
			snap.only, snap.zone = b, "."+strings.TrimPrefix(zone, ".")
		}
	}
	return snap, notes
}

// add adds a server block, if the fast path can be used for it. The note says whether it is.
func (snap *snapshot) add(h Handler, zones []string) (note string) {
	if reason := snap.obstacle(h); reason != "" {
		return "not used: " + reason
	}
	b, below := snap.newBlock(h)
	for _, zone := range zones {
		snap.blocks[zone] = b
	}
	for _, zone := range below {
		if _, ok := snap.blocks[zone]; !ok {
			snap.blocks[zone] = nil
		}
	}
	if len(below) > 0 {
		return "used, but for names in " + strings.Join(below, " ") + ", which have metrics of their own"
	}
	return "used"
}

// wants reports whether a zone of h has the option fastpath.
func wants(h Handler) bool {
	return slices.ContainsFunc(h.Store().Zones, func(z store.Zone) bool { return z.Fastpath })
}

// zonesAt returns the zones of the handler's server block that the listener at an address serves.
func zonesAt(h Handler, addr string) []string {
	var zones []string
	for _, key := range h.Keys() {
		// The keys have one form: dns://ZONE:PORT.
		colon := strings.LastIndex(key, ":")
		zone, ok := strings.CutPrefix(key[:colon], transport.DNS+"://")
		if ok && slices.ContainsFunc(h.Config().ListenHosts, func(host string) bool { return listenAddress(host, key[colon+1:]) == addr }) {
			zones = append(zones, zone)
		}
	}
	return zones
}

// listenAddress returns the address that dnsserver gives to the server of a host and port.
func listenAddress(host, port string) string {
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return ""
	}
	return transport.DNS + "://" + addr.String()
}

// obstacle returns why the fast path can't be used for a server block, "" if it can.
func (snap *snapshot) obstacle(h Handler) string {
	if len(snap.server.TsigSecret) > 0 {
		return "the listener has TSIG keys"
	}
	if words := snap.run.intruders(snap.server.Addr); len(words) > 0 {
		return "a server block of the listener has " + words[0]
	}
	handlers := h.Config().Handlers()
	if len(handlers)+asker.Marks != len(h.Config().Plugin) {
		return "a plugin of the server block is not known by the name of its directive"
	}
	for _, handler := range handlers {
		if handler == plugin.Handler(h) {
			return ""
		}
		if !slices.Contains(harmless, handler.Name()) {
			return fmt.Sprintf("%s, which comes before, has to see every query", handler.Name())
		}
	}
	return "it is not in the chain"
}

// newBlock makes the block of a handler. Below are zones in the block's whose names are counted
// apart: they are left to the chain.
func (snap *snapshot) newBlock(h Handler) (b *block, below []string) {
	served, has := h.Store(), h.Config().Handler
	b = &block{
		h: h, store: served, answers: h.Counters(snap.server),
		signed: h.IsSigned(), debug: h.IsDebugged(), minimal: has("minimal") != nil, any: has("any") != nil,
		places: snap.newPlaces(h, served),
		proofs: newProofs(len(served.Sets()) + len(served.Zones)*record.Kinds),
	}
	b.packed = pack(served, h.HasNext(), b.places != nil)
	if m, ok := has("prometheus").(*metrics.Metrics); ok {
		below = b.addCounters(m, snap.server)
		snap.isCounting = true
	}
	return b, below
}

// block returns the server block that a query for a name goes to, nil if the fast path does not
// answer for it. Like dnsserver, it takes the longest zone that the name lies in.
func (snap *snapshot) block(name []byte) *block {
	if snap.only != nil && len(name) > len(snap.zone) && string(name[len(name)-len(snap.zone):]) == snap.zone {
		return snap.only
	}
	for {
		if b, ok := snap.blocks[string(name)]; ok {
			return b
		}
		label := bytes.IndexByte(name, '.') + 1
		switch {
		case label < len(name):
			name = name[label:]
		case len(name) > 1:
			name = name[len(name)-1:] // the root
		default:
			return nil
		}
	}
}

// isLocal reports whether the handler itself answers with a result, without waiting.
func (b *block) isLocal(q *wire.Query, found record.Result, name string) bool {
	return found.Kind != record.CNAME && b.isOwn(q, found, name)
}

// isOwn reports whether the handler answers with a result, and begins to do so without waiting.
func (b *block) isOwn(q *wire.Query, found record.Result, name string) bool {
	switch {
	case found.Kind == record.Outside:
		return false
	case q.Type == dns.TypeDS: // dnsserver may give it to another block, that of the zone above
		return false
	case q.Type == dns.TypeAXFR, q.Type == dns.TypeIXFR, q.DO && b.signed: // signatures take their time
		return false
	case q.Type == dns.TypeDNSKEY && b.signed, q.Type == dns.TypeANY && b.any: // others answer these
		return false
	}
	return !b.falls(found, name)
}

// falls reports whether a query falls through to the next plugin.
func (b *block) falls(found record.Result, name string) bool {
	return found.Unclaimed && b.h.HasNext() && b.store.Zones[found.Zone.Index].Through(name)
}
