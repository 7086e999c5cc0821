package roundrobin53

import (
	"bytes"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/plain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// worker answers the packets of one socket. It implements datagram.Server. What it needs for an answer it has from the
// start, so that an answer makes no garbage.
type worker struct {
	listener *listener
	query    plain.Query
	order    [64]uint16
	tallies  []*tally // of the answers in the batch
}

// Serve implements datagram.Server.
func (w *worker) Serve(batch []datagram.Packet) {
	f := w.listener.front.Load() // once: a batch is of one configuration
	var start time.Time
	if f.tallied {
		start = time.Now()
	}
	for i := 0; i < len(batch); {
		i = w.serve(f, batch, i)
	}
	if len(w.tallies) > 0 {
		took := time.Since(start)
		for _, t := range w.tallies {
			t.took(took)
		}
		w.tallies = w.tallies[:0]
	}
}

// serve answers the packets of a batch from one on, up to the end or to one that panics. It returns where to go on.
func (w *worker) serve(f *front, batch []datagram.Packet, from int) (next int) {
	defer func() {
		if failed := recover(); failed != nil {
			log.Errorf("fastpath: recovered from panic at %s: %v\n%s", f.server.Addr, failed, debug.Stack())
			vars.Panic.Inc()
			batch[next-1].Out = nil
		}
	}()
	for next = from; next < len(batch); {
		p := &batch[next]
		next++
		w.servePacket(f, p)
	}
	return next
}

func (w *worker) servePacket(f *front, p *datagram.Packet) {
	if !w.query.Parse(p.In) {
		f.handOff(p)
		return
	}
	b := f.block(w.query.Name())
	if b == nil {
		f.handOff(p)
		return
	}
	// The table keeps nothing of the name, so that it may lie in the buffer of the query.
	name := unsafe.String(unsafe.SliceData(w.query.Name()), len(w.query.Name()))
	found := b.h.table.Lookup(name, w.query.Type)
	switch {
	case found.Kind == record.Addresses && w.answer(f, b, p, found):
	case b.isLocal(&w.query, found, name):
		f.serve(p.In, &chainWriter{packet: p})
	default:
		f.handOff(p)
	}
}

// answer answers a query for addresses. It reports false if that is left to the chain.
func (w *worker) answer(f *front, b *fastBlock, p *datagram.Packet, found record.Result) bool {
	z, number := &b.h.zones[found.Zone.Index], found.Addresses
	switch {
	case !z.fast, b.disproved.has(number):
		return false
	case w.query.DO && b.h.signed, w.query.Subnet && z.ecs:
		return false
	}
	set := &b.h.rrsets[number]
	q := query{h: b.h, class: turn.Datagram, srv: b.server}
	var choice *pool.Choice
	var c *chooser
	answers := set.pool.Answers()
	if set.chooser != noChooser {
		c = &b.h.choosers[set.chooser]
		if c.isPersonal() || b.h.debug {
			return false
		}
		choice = q.choice(c)
		answers = choice.Answers()
	}
	width := set.pool.Width()
	if answers == 0 || !w.query.Fits(answers, width) {
		return false
	}
	if !b.proved.has(number) {
		w.prove(f, b, p, number)
		return true
	}
	var order []uint16
	if choice == nil {
		order = set.pool.Pick(q.class, w.order[:0])
	} else {
		order = q.pick(c, choice, w.order[:0])
	}
	if b.h.picks != nil {
		b.h.countPick(number, order[0])
	}
	p.Out = w.query.AppendAnswer(p.Out, set.ttl, order, set.pool.Octets(), width)
	b.server.count(found.Zone, resultAnswer)
	if b.tally != nil {
		t := b.tally[found.Zone.Index]
		t.count(&w.query, p.IsIPv4(), len(order), width)
		w.tallies = append(w.tallies, t)
	}
	return true
}

// prove has a query answered by the chain, and compares that with what the fast path would have answered. If it is the
// same, the fast path answers from then on; if not, it never does.
func (w *worker) prove(f *front, b *fastBlock, p *datagram.Packet, number int) {
	set := &b.h.rrsets[number]
	board := b.h.keeper.board.Load() // before all else: what is compared has to be of one moment
	answers := set.pool.Answers()
	allows := func(endpoints []uint16) bool { return len(endpoints) == answers }
	if set.chooser != noChooser {
		choice := board.choice(b.h.choosers[set.chooser].first)
		answers, allows = choice.Answers(), choice.Allows
	}
	order := make([]uint16, answers)
	for i := range order {
		order[i] = uint16(i) // any: turns are only the chain's to take
	}
	expected := w.query.AppendAnswer(nil, set.ttl, order, set.pool.Octets(), set.pool.Width())
	name := string(w.query.Name())
	f.serve(p.In, &chainWriter{packet: p})
	switch {
	case answers == 0, set.chooser != noChooser && b.h.keeper.board.Load() != board: // nothing to compare, or not of one moment
	case isSameAnswer(expected, p.Out, set, allows):
		b.proved.set(number)
	default:
		b.disproved.set(number)
		log.Warningf("fastpath: %s %s: the server answers otherwise than its record says: left to the chain", name, dns.TypeToString[w.query.Type])
	}
}

// isSameAnswer reports whether two packed answers are the same but for which addresses of the set they have, of those that
// an answer is allowed to have together, and in which order, and for what an OPT record takes from the query: where a plugin takes ours away (minimal), dnsserver makes one of
// the client's, with its reserved flags and its size. Of compression nothing is said.
func isSameAnswer(expected, got []byte, set *addressRRset, allows func(endpoints []uint16) bool) bool {
	var a, b dns.Msg
	if a.Unpack(expected) != nil || b.Unpack(got) != nil || len(b.Answer) > len(a.Answer) {
		return false
	}
	endpoints := make([]uint16, len(b.Answer))
	for i := range b.Answer {
		address, ok := octetsOf(b.Answer[i])
		endpoint := set.find(address)
		if !ok || *a.Answer[i].Header() != *b.Answer[i].Header() || endpoint < 0 {
			return false
		}
		endpoints[i] = uint16(endpoint)
	}
	if !allows(endpoints) {
		return false
	}
	a.Answer, b.Answer = nil, nil
	forgetQuery(&a)
	forgetQuery(&b)
	return a.String() == b.String()
}

// forgetQuery takes from the OPT record of an answer what it may have from the query's.
func forgetQuery(m *dns.Msg) {
	const reserved = 0x7FFF // all flags but DO
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(0)
		opt.Hdr.Ttl &^= reserved
	}
}

// octetsOf is the address of an A or AAAA record. It reports false for others.
func octetsOf(rr dns.RR) ([]byte, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.To4(), true
	case *dns.AAAA:
		return rr.AAAA, true
	}
	return nil, false
}

// find returns which endpoint of the set an address is, -1 if none.
func (set *addressRRset) find(address []byte) int {
	for i := range set.pool.Len() {
		if bytes.Equal(set.pool.Address(i), address) {
			return i
		}
	}
	return -1
}
