package roundrobin53

import "sync/atomic"

// bits is a set of numbers that only grows. Its user never waits.
type bits []atomic.Uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) has(i int) bool { return b[i/64].Load()&(1<<(i%64)) != 0 }

func (b bits) set(i int) { b[i/64].Or(1 << (i % 64)) }
