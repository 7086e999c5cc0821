package fastpath

import (
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A worker answers the packets of one socket. It implements datagram.Server. It owns all the room
// that an answer needs, so that an answer allocates nothing.
type worker struct {
	listener *listener
	counted  []*counters // of the answers in the batch
	batch    []prepared  // one for each packet of the batch, at least
	fetched  uint32      // of no meaning, see fetch

	// Of the query at hand:
	packet  *datagram.Packet
	query   *wire.Query
	reply   reply
	message wire.Message
	aliases [store.MaxCNAMEs + 1]string // the owners of the CNAMEs in the reply
	order   []uint16                    // of the last set that took a turn
	who     policy.Who                  // the client, see whoFor
	known   policy.Needs                // the parts of who that are there
}

var _ datagram.Server = (*worker)(nil)

// A prepared query is one that was read, but not looked up.
type prepared struct {
	wire.Query
	block *block // nil if the query is not plain, or not for a block here
	hint  record.Hint
}

// Serve implements datagram.Server.
func (w *worker) Serve(batch []datagram.Packet) {
	snap := w.listener.snapshot.Load() // once: a batch is of one configuration
	var start time.Time
	if snap.isCounting {
		start = time.Now()
	}
	w.prepare(snap, batch)
	for i := 0; i < len(batch); {
		i = w.serve(snap, batch, i)
	}
	w.forget(len(batch))
	if len(w.counted) > 0 {
		took := time.Since(start)
		for _, c := range w.counted {
			c.took(took)
		}
		w.counted = w.counted[:0]
	}
}

// prepare reads the queries of a batch, and has the processor fetch what their answers need.
func (w *worker) prepare(snap *snapshot, batch []datagram.Packet) {
	for len(w.batch) < len(batch) {
		w.batch = append(w.batch, prepared{})
	}
	for i := range batch {
		q := &w.batch[i]
		if q.Parse(batch[i].In) {
			q.block = snap.block(q.Name())
		}
		if q.block != nil {
			var hash uint32
			q.hint, hash = q.block.store.Table.Hint(text(q.Name()))
			w.fetched += hash
		}
	}
	if len(batch) > 1 {
		w.fetch(w.batch[:len(batch)])
	}
}

// fetch has the processor fetch the names of queries in the table, and the sets behind them.
func (w *worker) fetch(batch []prepared) {
	for i := range batch {
		if b := batch[i].block; b != nil {
			a, octet := b.store.Table.Fetch(batch[i].hint)
			w.fetched += uint32(octet)
			if a != record.None {
				w.fetched += b.store.Set(a).TTL
			}
		}
	}
}

// text returns octets as a string that lies where they do.
func text(octets []byte) string { return unsafe.String(unsafe.SliceData(octets), len(octets)) }

// forget drops what the worker knows of a batch: until the next packet comes, which may be long after a
// reload, nothing of an old store may be kept.
func (w *worker) forget(packets int) {
	for i := range w.batch[:packets] {
		w.batch[i].block = nil
	}
	w.reply, w.who = reply{}, policy.Who{}
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
		p, q := &batch[next], &w.batch[next]
		next++
		w.servePacket(snap, p, q)
	}
	return next
}

func (w *worker) servePacket(snap *snapshot, p *datagram.Packet, q *prepared) {
	w.query = &q.Query
	b := q.block
	if b == nil {
		snap.serveAsync(p)
		return
	}
	name := w.name()
	found := b.store.Table.Lookup(name, w.query.Type)
	switch {
	case b.isOwn(w.query, found, name) && w.answer(snap, b, p, found):
	case b.isLocal(w.query, found, name):
		snap.serve(p.In, &chainWriter{packet: p})
	default:
		snap.serveAsync(p)
	}
}

// name returns QNAME. The table does not keep it, so it lies in the buffer of the query.
func (w *worker) name() string {
	return text(w.query.Name())
}

// answer answers a query. It reports false if it leaves the query to the chain.
func (w *worker) answer(snap *snapshot, b *block, p *datagram.Packet, found record.Result) bool {
	z, number := &b.store.Zones[found.Zone.Index], b.number(found)
	state := b.proofs.get(number)
	if !z.Fastpath || state == disproved || !w.heed(b, z) {
		return false
	}
	w.packet, w.known = p, 0
	r := reply{block: b, board: b.store.Verdicts.Board()}
	if state == unproved {
		return w.prove(snap, p, found, r)
	}
	if !w.compose(p.Out, found, r) {
		return false
	}
	p.Out = w.message.Finish(w.reply.rcode, !w.reply.isReferral, w.reply.scope)
	w.count(found.Zone)
	return true
}

// heed prepares for the ECS option of a query, if it has one and the zone heeds it (RFC 7871). It
// reports false if the query is left to the chain.
func (w *worker) heed(b *block, z *store.Zone) bool {
	if !w.query.Subnet || !z.ECS {
		return true
	}
	_, isWellFormed := w.query.Network()
	w.query.Echo = true
	return isWellFormed && !b.minimal // which takes the option out of the answer
}

// count counts the reply to a query for a name of a zone.
func (w *worker) count(z *record.Zone) {
	b, r := w.reply.block, &w.reply
	isPositive := w.message.Count(wire.Answer) > 0
	switch {
	case r.rcode == dns.RcodeNameError:
		b.answers.NXDomain(z)
	case isPositive:
		b.answers.Answered(z)
	case r.isReferral:
		b.answers.Referred(z)
	default:
		b.answers.NoData(z)
	}
	if b.counters == nil {
		return
	}
	squeezed, octets := w.message.Octets()
	if r.squeezed {
		octets = squeezed
	}
	if isPositive && b.minimal && w.query.EDNS {
		octets -= wire.OPTOctets // counted before dnsserver adds it again
	}
	c := b.counters[z.Index]
	c.count(w.query, w.packet.IsIPv4(), r.rcode, octets)
	w.counted = append(w.counted, c)
}
