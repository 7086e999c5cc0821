package fastpath

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
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

// prove has the chain answer a query, and compares its answer with the fast path's. If they are the
// same, the fast path answers for the RRset, or queries of the same kind in the zone, from then on;
// if not, it never does. It reports false if the query is left to the chain.
func (w *worker) prove(snap *snapshot, p *datagram.Packet, found record.Result, r reply) bool {
	r.isDry = true // the turn is the chain's to take
	if !w.compose(nil, found, r) || found.Kind == record.Addresses && w.message.Count(wire.Answer) == 0 {
		return false // or nothing is seen of the values
	}
	b, name := r.block, string(w.query.Name())
	expected := w.message.Finish(w.reply.rcode, !w.reply.isReferral, w.reply.scope)
	snap.serve(p.In, &chainWriter{packet: p})
	is := compare(expected, p.Out)
	isAnswer := func(set *policy.Set) bool { return isAnswerOf(set, p.Out, allowed(set, r.board)) }
	if found.Kind == record.Addresses && is == proved && !isAnswer(b.store.Set(found.Addresses).On(r.board)) {
		is = disproved
	}
	if b.store.Verdicts.Board() != r.board { // not of one moment
		is = unproved
	}
	if b.proofs.put(b.number(found), is); is == disproved {
		log.Warningf("fastpath: %s %s: the server answers otherwise than its record says: left to the chain", name, dns.TypeToString[w.query.Type])
	}
	return true
}

// compare says whether two packed answers are the same. They may differ in addresses, as far as these
// take turns, in compression, and in what an OPT record takes from the query: where a plugin removes
// our OPT record (minimal), dnsserver makes one from the client's, with its reserved flags and its
// size. Where they differ in CNAMEs, another query has taken the turn, and nothing is proved; where only
// in serials, neither: values that are looked up have changed.
func compare(expected, got []byte) proof {
	var a, b dns.Msg
	if a.Unpack(expected) != nil || b.Unpack(got) != nil {
		return disproved
	}
	for _, m := range [...]*dns.Msg{&a, &b} {
		forgetQuery(m)
		m.Answer, m.Extra = withoutTurns(m.Answer), withoutTurns(m.Extra)
	}
	switch {
	case a.String() == b.String():
		return proved
	case a.MsgHdr == b.MsgHdr && targetsOf(a.Answer) != targetsOf(b.Answer):
		return unproved
	}
	for _, m := range [...]*dns.Msg{&a, &b} {
		forgetSerials(m.Answer)
		forgetSerials(m.Ns)
	}
	if a.String() == b.String() {
		return unproved
	}
	return disproved
}

// forgetSerials clears the serials of SOA records.
func forgetSerials(rrs []dns.RR) {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok {
			soa.Serial = 0
		}
	}
}

// withoutTurns returns records in an order that no turn has a part in, with one A and one AAAA record
// of each owner and TTL, whatever the address.
func withoutTurns(rrs []dns.RR) []dns.RR {
	for _, rr := range rrs {
		switch rr := rr.(type) {
		case *dns.A:
			rr.A = nil
		case *dns.AAAA:
			rr.AAAA = nil
		}
	}
	isText := func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(rrs, isText)
	return slices.CompactFunc(rrs, func(a, b dns.RR) bool { return isText(a, b) == 0 })
}

// targetsOf returns where the CNAMEs of an answer lead.
func targetsOf(rrs []dns.RR) string {
	var targets []string
	for _, rr := range rrs {
		if cname, ok := rr.(*dns.CNAME); ok {
			targets = append(targets, cname.Target)
		}
	}
	return strings.Join(targets, " ")
}

// isAnswerOf reports whether a packed answer has addresses of a set, as allows permits.
func isAnswerOf(set *policy.Set, got []byte, allows func(values []uint16) bool) bool {
	var m dns.Msg
	if m.Unpack(got) != nil {
		return false
	}
	values := make([]uint16, len(m.Answer))
	for i := range m.Answer {
		address, ok := octetsOf(m.Answer[i])
		value := find(set, address)
		if !ok || value < 0 {
			return false
		}
		values[i] = uint16(value)
	}
	return allows(values)
}

// allowed returns what addresses an answer of a set may have under a board.
func allowed(set *policy.Set, board *policy.Board) func(values []uint16) bool {
	return func(values []uint16) bool { return set.IsPersonal() || set.Allows(board, values) }
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
