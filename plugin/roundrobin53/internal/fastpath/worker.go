package fastpath

import (
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/coredns/coredns/plugin/metrics/vars"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A worker answers the packets of one socket. It implements datagram.Server. It owns all the room
// that an answer needs, so that an answer allocates nothing.
type worker struct {
	listener *listener
	query    wire.Query
	order    [64]uint16
	counted  []*counters // of the answers in the batch
}

var _ datagram.Server = (*worker)(nil)

// Serve implements datagram.Server.
func (w *worker) Serve(batch []datagram.Packet) {
	snap := w.listener.snapshot.Load() // once: a batch is of one configuration
	var start time.Time
	if snap.isCounting {
		start = time.Now()
	}
	for i := 0; i < len(batch); {
		i = w.serve(snap, batch, i)
	}
	if len(w.counted) > 0 {
		took := time.Since(start)
		for _, c := range w.counted {
			c.took(took)
		}
		w.counted = w.counted[:0]
	}
}

// serve answers the packets of a batch from one on, up to the end or to one that panics. It returns
// the position to go on from.
func (w *worker) serve(snap *snapshot, batch []datagram.Packet, from int) (next int) {
	defer func() {
		if failed := recover(); failed != nil {
			log.Errorf("fastpath: recovered from panic at %s: %v\n%s", snap.server.Addr, failed, debug.Stack())
			vars.Panic.Inc()
			batch[next-1].Out = nil
		}
	}()
	for next = from; next < len(batch); {
		p := &batch[next]
		next++
		w.servePacket(snap, p)
	}
	return next
}

func (w *worker) servePacket(snap *snapshot, p *datagram.Packet) {
	if !w.query.Parse(p.In) {
		snap.serveAsync(p)
		return
	}
	b := snap.block(w.query.Name())
	if b == nil {
		snap.serveAsync(p)
		return
	}
	// The table does not keep the name, so it may lie in the buffer of the query.
	name := unsafe.String(unsafe.SliceData(w.query.Name()), len(w.query.Name()))
	found := b.store.Table.Lookup(name, w.query.Type)
	switch {
	case found.Kind == record.Addresses && w.answer(snap, b, p, found):
	case b.isLocal(&w.query, found, name):
		snap.serve(p.In, &chainWriter{packet: p})
	default:
		snap.serveAsync(p)
	}
}

// anyone is the client of a query whose answer does not depend on the client.
var anyone policy.Who

// answer answers a query for addresses. It reports false if it leaves the query to the chain.
func (w *worker) answer(snap *snapshot, b *block, p *datagram.Packet, found record.Result) bool {
	z, number := &b.store.Zones[found.Zone.Index], found.Addresses
	state := b.proofs.get(number)
	switch {
	case !z.Fastpath, state == disproved:
		return false
	case w.query.DO && b.signed, w.query.Subnet && z.ECS:
		return false
	}
	set, board := b.store.Now(number) // once: the answer that fits has to be the answer that is sent
	if set.IsPersonal() || b.debug && set.Chooses() {
		return false
	}
	answers, width := set.AnswersNow(board), set.Width()
	if answers == 0 || !w.query.Fits(answers, width) {
		return false
	}
	if state == unproved {
		w.prove(snap, b, p, number)
		return true
	}
	a := set.Take(board, turn.Datagram, &anyone, w.order[:0])
	set.Count(&a)
	if a.FailsOpen() {
		b.answers.FailedOpen(found.Zone)
	}
	p.Out = w.query.AppendAnswer(p.Out, set.TTL, a.Order, set.Octets(), width)
	b.answers.Answered(found.Zone)
	if b.counters != nil {
		c := b.counters[found.Zone.Index]
		c.count(&w.query, p.IsIPv4(), len(a.Order), width)
		w.counted = append(w.counted, c)
	}
	return true
}
