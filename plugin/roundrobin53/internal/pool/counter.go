package pool

import (
	"math/rand/v2"
	"sync/atomic"
)

// Class is a transport class. Each has turns of its own: a resolver whose answer over UDP was truncated asks again over
// TCP, and if both took turns from one counter, its TCP answers would begin with every second value only.
type Class uint8

// The transport classes.
const (
	Datagram Class = iota // UDP
	Stream                // TCP, TLS, HTTPS, QUIC, gRPC
	classes
)

// Counters are the positions of one RRset's rotation, one for each transport class. They are shared by pointer between
// an old and a new configuration while both answer.
type Counters [classes]atomic.Uint64

// newCounters start at random, so that replicas do not move in step, but at the first turn of a round and right behind a
// slip: the first answers are exact, too. Round is how many turns one has. The two top bits stay clear: a counter never
// wraps, and so no turn is ever lost.
func newCounters(round uint64) *Counters {
	cycle := slipRounds * round
	var c Counters
	for i := range c {
		c[i].Store(rand.Uint64N(1<<62/cycle) * cycle) //nolint:gosec // a position, not a secret
	}
	return &c
}

func (c *Counters) next(class Class) uint64 { return c[class].Add(1) - 1 }
func (c *Counters) peek(class Class) uint64 { return c[class].Load() }
