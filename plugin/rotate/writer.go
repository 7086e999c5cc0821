package rotate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"net"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// order is the rule that arranges the addresses of an answer.
type order uint8

// The orders.
const (
	roundRobin order = iota // each address is first equally often, exactly
	random                  // a fresh draw for each answer
	sticky                  // by the client's network: it keeps its address while that is answered
)

// A writer puts the addresses of the answer to one query in order. It implements
// dns.ResponseWriter.
type writer struct {
	dns.ResponseWriter
	h     *Handler
	ctx   context.Context // of the query, which a writer lives as long as
	name  string          // asked for, in lower case
	qtype uint16
	zone  int
}

var _ dns.ResponseWriter = (*writer)(nil)

// few is how many records take no allocation of their own, and usual how many addresses are put in
// order without one.
const (
	few   = 16
	usual = 64
)

// A reply is a message with room for the records of an answer, so that both take one allocation.
type reply struct {
	dns.Msg
	answer [few]dns.RR
}

// WriteMsg implements dns.ResponseWriter. Another plugin may keep the message and its records, so
// this passes on a copy of the message with an answer section of its own.
func (w *writer) WriteMsg(m *dns.Msg) error {
	if m == nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) < 2 {
		return w.ResponseWriter.WriteMsg(m)
	}
	var buf [usual]key
	keys, isSigned, ok := w.addresses(m.Answer, buf[:0])
	if !ok || len(keys) < 2 {
		return w.ResponseWriter.WriteMsg(m)
	}
	limit := len(keys)
	if w.h.answers > 0 && !isSigned { // a signature covers the whole RRset
		limit = min(limit, w.h.answers)
	}
	srv := w.h.listener(w.ctx)
	srv.answers[w.zone].Inc()
	var places [usual]uint16
	rep := &reply{Msg: *m}
	answer := rep.answer[:0]
	if len(m.Answer) > few {
		answer = make([]dns.RR, 0, len(m.Answer))
	}
	rep.Answer = arrange(answer, m.Answer, keys, w.arrange(srv, m.Answer, keys, limit, places[:0]))
	return w.ResponseWriter.WriteMsg(&rep.Msg)
}

// A key is an address of an answer and, in the last 16 bits, the number of its record. Sorted by
// key, the addresses have one order, whatever order they came in. The upper bits are an IPv4
// address, or a hash of an IPv6 address.
type key uint64

const numberBits = 16

// number returns the position of the address's record in the answer section.
func (k key) number() int { return int(k & (1<<numberBits - 1)) }

// address returns the bits that identify the address.
func (k key) address() uint64 { return uint64(k >> numberBits) }

// addressKey returns the key of the address in a record. It reports false if the record has no
// address of the type asked for.
func (w *writer) addressKey(rr dns.RR) (key, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		if octets := rr.A.To4(); octets != nil && w.qtype == dns.TypeA {
			return key(binary.BigEndian.Uint32(octets)) << numberBits, true
		}
	case *dns.AAAA:
		if len(rr.AAAA) == net.IPv6len && w.qtype == dns.TypeAAAA {
			return key(xxhash.Sum64(rr.AAAA)) &^ (1<<numberBits - 1), true
		}
	}
	return 0, false
}

// addresses appends the keys of the addresses in an answer section. It reports false if these are
// not of one name and the type asked for. Signed says that there are signatures among the records.
func (w *writer) addresses(rrs []dns.RR, keys []key) (_ []key, signed, ok bool) {
	if len(rrs) > 1<<numberBits {
		return nil, false, false
	}
	owner := ""
	for i, rr := range rrs {
		hdr := rr.Header()
		switch hdr.Rrtype {
		case dns.TypeRRSIG:
			signed = true
			continue
		case dns.TypeA, dns.TypeAAAA:
		default:
			continue
		}
		k, ok := w.addressKey(rr)
		isOther := owner != "" && owner != hdr.Name && !strings.EqualFold(owner, hdr.Name)
		if !ok || isOther {
			return nil, false, false
		}
		owner = hdr.Name
		keys = append(keys, k|key(i))
	}
	return keys, signed, true
}

// arrange appends the positions of the addresses that are answered to places, in their order.
func (w *writer) arrange(srv *listener, rrs []dns.RR, keys []key, limit int, places []uint16) []uint16 {
	if w.h.order == random {
		return turn.Shuffle(len(keys), limit, places)
	}
	sortKeys(rrs, keys)
	if w.h.order == sticky {
		return w.rank(keys, limit, places)
	}
	seq := w.h.turns.next(w.name, w.qtype, asker.Class(w.ctx, w.ResponseWriter, srv.stream), len(keys))
	return turn.Rotate(seq, len(keys), limit, places)
}

// sortKeys sorts the keys of the addresses in records. Where two hashes are equal, the addresses
// decide.
func sortKeys(rrs []dns.RR, keys []key) {
	slices.Sort(keys)
	for i := range len(keys) - 1 {
		if keys[i].address() == keys[i+1].address() {
			slices.SortStableFunc(keys, func(a, b key) int {
				return cmp.Or(cmp.Compare(a.address(), b.address()), bytes.Compare(octets(rrs[a.number()]), octets(rrs[b.number()])))
			})
			return
		}
	}
}

// octets returns the address in a record.
func octets(rr dns.RR) []byte {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.To4()
	case *dns.AAAA:
		return rr.AAAA
	}
	return nil
}

// rank appends the positions of the addresses that suit the client best to places.
func (w *writer) rank(keys []key, limit int, places []uint16) []uint16 {
	client := turn.HashNetwork(turn.ClientNetwork(asker.Address(w.RemoteAddr())))
	scores := make([]float64, len(keys))
	for i, k := range keys {
		places = append(places, uint16(i))
		scores[i] = turn.Score(client, k.address())
	}
	slices.SortStableFunc(places, func(i, j uint16) int { return cmp.Compare(scores[i], scores[j]) })
	return places[:limit]
}

// arrange appends an answer section to dst, with the addresses at the given places of keys, in that
// order. All other records stay where they are: CNAMEs in front, and signatures with what they
// sign.
func arrange(dst, rrs []dns.RR, keys []key, places []uint16) []dns.RR {
	for _, rr := range rrs {
		switch rr.Header().Rrtype {
		case dns.TypeA, dns.TypeAAAA:
			if len(places) == 0 {
				continue
			}
			rr = rrs[keys[places[0]].number()]
			places = places[1:]
		}
		dst = append(dst, rr)
	}
	return slices.Clip(dst) // outer plugins append to it
}
