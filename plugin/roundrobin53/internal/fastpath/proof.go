package fastpath

import (
	"bytes"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// A proof says whether the fast path may answer for an RRset.
type proof uint32

// The chain itself answers a query until it has been seen to give the fast path's answer.
const (
	unproved  proof = iota
	proved          // the chain answers in the same way
	disproved       // the chain answers otherwise, or another server block or zone has the name
)

// proofs holds the proofs of RRsets, by their numbers, two bits each. Reading and writing never
// waits.
type proofs []atomic.Uint32

// proofsPerWord is how many proofs share a word.
const proofsPerWord = 16

func newProofs(n int) proofs { return make(proofs, (n+proofsPerWord-1)/proofsPerWord) }

func (p proofs) get(number int) proof {
	return proof(p[number/proofsPerWord].Load() >> (number % proofsPerWord * 2) & 3)
}

// put notes a proof. It is final for its RRset.
func (p proofs) put(number int, is proof) {
	p[number/proofsPerWord].Or(uint32(is) << (number % proofsPerWord * 2))
}

// prove has the chain answer a query, and compares its answer with the one that the fast path would
// have given. If they are the same, the fast path answers for the RRset from then on; if not, it
// never does.
func (w *worker) prove(snap *snapshot, b *block, p *datagram.Packet, number int) {
	set, board := b.store.Now(number) // first of all: both answers have to be of one moment
	answers := set.AnswersNow(board)
	order := make([]uint16, answers)
	for i := range order {
		order[i] = uint16(i) // any: turns are only the chain's to take
	}
	expected := w.query.AppendAnswer(nil, set.TTL, order, set.Octets(), set.Width())
	name := string(w.query.Name())
	snap.serve(p.In, &chainWriter{packet: p})
	switch {
	case answers == 0, set.Chooses() && b.store.Verdicts.Board() != board: // nothing to compare, or not of one moment
	case isSameAnswer(expected, p.Out, set, func(values []uint16) bool { return set.Allows(board, values) }):
		b.proofs.put(number, proved)
	default:
		b.proofs.put(number, disproved)
		log.Warningf("fastpath: %s %s: the server answers otherwise than its record says: left to the chain", name, dns.TypeToString[w.query.Type])
	}
}

// isSameAnswer reports whether two packed answers are the same. They may differ in which addresses
// of the set they have, as far as allows permits, in the order of addresses, in compression, and in
// what an OPT record takes from the query: where a plugin removes our OPT record (minimal),
// dnsserver makes one from the client's, with its reserved flags and its size.
func isSameAnswer(expected, got []byte, set *policy.Set, allows func(values []uint16) bool) bool {
	var a, b dns.Msg
	if a.Unpack(expected) != nil || b.Unpack(got) != nil || len(b.Answer) > len(a.Answer) {
		return false
	}
	values := make([]uint16, len(b.Answer))
	for i := range b.Answer {
		address, ok := octetsOf(b.Answer[i])
		value := find(set, address)
		if !ok || *a.Answer[i].Header() != *b.Answer[i].Header() || value < 0 {
			return false
		}
		values[i] = uint16(value)
	}
	if !allows(values) {
		return false
	}
	a.Answer, b.Answer = nil, nil
	forgetQuery(&a)
	forgetQuery(&b)
	return a.String() == b.String()
}

// forgetQuery clears the parts of an answer's OPT record that may come from the query's.
func forgetQuery(m *dns.Msg) {
	const reserved = 0x7FFF // all flags but DO
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(0)
		opt.Hdr.Ttl &^= reserved
	}
}

// octetsOf returns the address of an A or AAAA record. It reports false for other records.
func octetsOf(rr dns.RR) ([]byte, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.To4(), true
	case *dns.AAAA:
		return rr.AAAA, true
	}
	return nil, false
}

// find returns the position of an address among the values of a set, -1 if it is none of them.
func find(set *policy.Set, address []byte) int {
	for i := range set.Len() {
		if bytes.Equal(set.Address(i), address) {
			return i
		}
	}
	return -1
}
