package turn

import (
	"math/rand/v2"
	"sync/atomic"
)

// Class is a kind of query. Each class has turns of its own: a resolver whose answer over UDP was
// truncated asks again over TCP, a server that translates addresses asks itself for what the client
// asks for next, and a client that asks for an SRV record asks for the address behind it. If two of
// these took turns from one counter, a client that alternates between them would get only every
// second value.
type Class uint8

// The classes.
const (
	Datagram   Class = iota // queries over UDP
	Stream                  // over TCP, TLS, HTTPS, QUIC, gRPC
	Inner                   // queries that the server asks itself, whatever transport the client uses
	Additional              // queries for other records, whose answers have the addresses in the additional section
	Classes                 // how many there are
)

// Counters are the positions of one RRset's rotation, one for each class. An old and a new
// configuration share them by pointer while both answer.
type Counters [Classes]atomic.Uint64

// NewCounters makes counters that begin with a round of the given number of turns.
func NewCounters(round uint64) *Counters {
	var c Counters
	for i := range c {
		c[i].Store(Start(round))
	}
	return &c
}

// Start returns a random first turn, so that replicas do not move in step. It is the first turn of
// a round, right behind a slip, so that the first answers are exact, too. It is never 0. Its two
// top bits are clear: a sequence never wraps, and so no turn is ever lost.
func Start(round uint64) uint64 {
	cycle := SlipRounds * round
	return (1 + rand.Uint64N(1<<62/cycle-1)) * cycle //nolint:gosec // a position, not a secret
}

// Next takes the next turn of a class.
func (c *Counters) Next(class Class) uint64 { return c.Advance(class, Taken) }

// A Step is how far a look at the counters moves them.
type Step uint64

// The steps.
const (
	Seen  Step = 0 // whoever explains an answer sees the turn that the next query takes
	Taken Step = 1 // a query takes its turn
)

// Advance returns the turn that is next in a class, and moves on by a step.
func (c *Counters) Advance(class Class, step Step) uint64 {
	return c[class].Add(uint64(step)) - uint64(step)
}
