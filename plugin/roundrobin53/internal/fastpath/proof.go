package fastpath

import (
	"bytes"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// proof is what is known of the answers for an RRset.
type proof uint32

// The proofs. What the chain was not seen to answer in the same way yet, it answers itself.
const (
	unproved  proof = iota
	proved          // the chain answers in the same way
	disproved       // it does not, or another server block or zone has the name
)

// proofs are the proofs of RRsets, by their numbers: two bits each. Whoever reads or writes them
// never waits.
type proofs []atomic.Uint32

// proofsPerWord is how many proofs share a word.
const proofsPerWord = 16

func newProofs(n int) proofs { return make(proofs, (n+proofsPerWord-1)/proofsPerWord) }

func (p proofs) get(number int) proof {
	return proof(p[number/proofsPerWord].Load() >> (number % proofsPerWord * 2) & 3)
}

// set notes a proof, which is the last word on its RRset.
func (p proofs) put(number int, is proof) {
	p[number/proofsPerWord].Or(uint32(is) << (number % proofsPerWord * 2))
}

// prove has a query answered by the chain, and compares that with what the fast path would have
// answered. If it is the same, the fast path answers from then on; if not, it never does.
func (w *worker) prove(snap *snapshot, b *block, p *datagram.Packet, number int) {
	set := b.store.Set(number)
	board := b.store.Verdicts.Board() // before all else: what is compared has to be of one moment
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

// isSameAnswer reports whether two packed answers are the same but for which addresses of the set
// they have, of those that an answer is allowed to have together, and in which order, and for what
// an OPT record takes from the query: where a plugin takes ours away (minimal), dnsserver makes one
// of the client's, with its reserved flags and its size. Of compression nothing is said.
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

// forgetQuery takes from the OPT record of an answer what it may have from the query's.
func forgetQuery(m *dns.Msg) {
	const reserved = 0x7FFF // all flags but DO
	if opt := m.IsEdns0(); opt != nil {
		opt.SetUDPSize(0)
		opt.Hdr.Ttl &^= reserved
	}
}

// octetsOf returns the address of an A or AAAA record. It reports false for others.
func octetsOf(rr dns.RR) ([]byte, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.To4(), true
	case *dns.AAAA:
		return rr.AAAA, true
	}
	return nil, false
}

// find returns which value of the set an address is, -1 if none.
func find(set *policy.Set, address []byte) int {
	for i := range set.Len() {
		if bytes.Equal(set.Address(i), address) {
			return i
		}
	}
	return -1
}
