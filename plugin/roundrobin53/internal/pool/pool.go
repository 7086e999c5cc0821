// Package pool decides which addresses of an RRset are answered, and in which order.
//
// A Pool never changes, except for its Counters: one sequence number for each class of queries,
// taken by an atomic addition. The order of an answer follows from it by arithmetic. Nothing is
// locked, and nothing is remembered of clients.
package pool

import (
	"net/netip"
	"unsafe"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// Order is the rule that arranges the endpoints of a pool.
type Order uint8

// The orders.
const (
	RoundRobin Order = iota // every endpoint is first exactly as often as its weight says
	Random                  // a fresh draw for each answer, in proportion to the weights
	Sticky                  // by the client's network: it keeps its endpoint while that is up
	Nearest                 // by the distance from the client's place
)

// String returns the order as it is written in a Corefile.
func (o Order) String() string {
	return [...]string{"round_robin", "random", "sticky", "nearest"}[o]
}

// IsPersonal reports whether answers in the order depend on the client, and not only on turns.
func (o Order) IsPersonal() bool { return o == Sticky || o == Nearest }

// AnswersOne reports whether an answer in the order has one endpoint by default. Resolvers reorder
// what they get, which would undo a choice that was made for the client.
func (o Order) AnswersOne() bool { return o.IsPersonal() }

// NeedsPlace reports whether each endpoint needs a place on the globe.
func (o Order) NeedsPlace() bool { return o == Nearest }

// MaxEndpoints bounds a pool, so that an endpoint's index fits 16 bits. A message holds some 4,000
// addresses.
const MaxEndpoints = 1 << 16

// A Pool holds the endpoints behind one RRset and the way to choose among them. It is safe for
// concurrent use. There may be a million, so it takes three words.
type Pool struct {
	arena    *byte // the addresses, width octets each; nil if there is none
	counters *turn.Counters
	length   uint32 // endpoints
	answers  uint16 // how many endpoints an answer has; 0 means all
	width    uint8  // octets of an address
	order    Order
}

// New makes a pool of addresses, which are of one family and at most MaxEndpoints. Answers is the
// number of addresses in an answer, 0 for all.
func New(addresses []netip.Addr, order Order, answers int) Pool {
	p := Pool{order: order, width: uint8(addresses[0].BitLen() / 8), length: uint32(len(addresses))}
	if answers < len(addresses) {
		p.answers = uint16(answers)
	}
	arena := make([]byte, 0, len(addresses)*int(p.width))
	for _, addr := range addresses {
		arena = append(arena, addr.AsSlice()...)
	}
	p.arena = unsafe.SliceData(arena)
	if len(addresses) > 1 {
		p.counters = turn.NewCounters(uint64(len(addresses)))
	}
	return p
}

// None makes a pool without addresses. Width is the length of its family's addresses in octets: 4
// or 16.
func None(order Order, width int) Pool { return Pool{order: order, width: uint8(width)} }

// Len returns the number of endpoints.
func (p *Pool) Len() int { return int(p.length) }

// Width returns the length of an address in octets: 4 or 16.
func (p *Pool) Width() int { return int(p.width) }

// Answers returns how many endpoints an answer has.
func (p *Pool) Answers() int {
	if p.answers == 0 {
		return p.Len()
	}
	return int(p.answers)
}

// Order returns the rule that arranges the endpoints.
func (p *Pool) Order() Order { return p.order }

// Octets returns all addresses one after another, Width octets each. They must not be changed.
func (p *Pool) Octets() []byte { return unsafe.Slice(p.arena, int(p.length)*int(p.width)) }

// Address returns the octets of endpoint i. They must not be changed.
func (p *Pool) Address(i int) []byte {
	off := i * int(p.width)
	return p.Octets()[off : off+int(p.width) : off+int(p.width)]
}

// Counters returns the counters of p's rotation, nil for a single endpoint, which has none.
func (p *Pool) Counters() *turn.Counters { return p.counters }

// Adopt makes p go on where another pool is, unless one of them has no counters: from then on the
// two count together. It may be called only before p is used.
func (p *Pool) Adopt(c *turn.Counters) {
	if p.counters != nil && c != nil {
		p.counters = c
	}
}

// Take takes the next turn of a class and appends the endpoints of that answer to dst, in order.
func (p *Pool) Take(class turn.Class, dst []uint16) []uint16 {
	return p.answer(class, turn.Taken, dst)
}

// See appends what Take would, but leaves the turn to the next query.
func (p *Pool) See(class turn.Class, dst []uint16) []uint16 { return p.answer(class, turn.Seen, dst) }

func (p *Pool) answer(class turn.Class, step turn.Step, dst []uint16) []uint16 {
	if p.counters == nil {
		return append(dst, 0)
	}
	n := p.Len()
	k := n
	if p.answers > 0 {
		k = int(p.answers)
	}
	if p.order == Random {
		return turn.Shuffle(n, k, dst)
	}
	return turn.Rotate(p.counters.Advance(class, step), n, k, dst)
}
