package turn

import (
	"math/rand/v2"
	"sync/atomic"
)

// Class is a kind of queries. Each has turns of its own. A resolver whose answer over UDP was
// truncated asks again over TCP, a server that translates addresses asks itself for what the client
// asks for next, and a client that asks for an SRV record asks for the address behind it: if two of
// these took turns from one counter, one that takes them in turn would get every second value only.
type Class uint8

// The classes.
const (
	Datagram   Class = iota // queries over UDP
	Stream                  // over TCP, TLS, HTTPS, QUIC, gRPC
	Inner                   // those that the server asks itself, whatever the client asked over
	Additional              // those for something else, answered with the addresses in the additional section
	Classes                 // how many there are
)

// Counters are the positions of one RRset's rotation, one for each class. They are shared by
// pointer between an old and a new configuration while both answer.
type Counters [Classes]atomic.Uint64

// NewCounters makes counters that begin with a round of so many turns.
func NewCounters(round uint64) *Counters {
	var c Counters
	for i := range c {
		c[i].Store(Start(round))
	}
	return &c
}

// Start returns where a sequence of turns begins: at random, so that replicas do not move in step,
// but at the first turn of a round and right behind a slip, so that the first answers are exact,
// too. It is never 0. The two top bits stay clear: a sequence never wraps, and so no turn is ever
// lost.
func Start(round uint64) uint64 {
	cycle := SlipRounds * round
	return (1 + rand.Uint64N(1<<62/cycle-1)) * cycle //nolint:gosec // a position, not a secret
}

// Next takes the next turn of a class.
func (c *Counters) Next(class Class) uint64 { return c[class].Add(1) - 1 }
