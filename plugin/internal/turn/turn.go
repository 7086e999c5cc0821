// Package turn tells whose turn it is: the arithmetic that the plugins of this module share.
//
// A rotation is one sequence number, taken by an atomic addition. Everything else follows from it:
// who is first, who is second, and when the cycle slips, so that no client stays in step with it.
// The package also has the orders that take no turns: by chance, and by the client's network. It
// knows neither addresses nor messages.
package turn

import (
	"math/bits"
	"slices"
)

// SlipRounds is how many rounds of turns pass until the cycle slips by one place. Each slip costs
// one turn of its place in the cycle; without slips, a client in step with the rounds would never
// get some of the values: see Place.
const SlipRounds = 8

// Place returns whose turn seq is among n, and in which round of n turns.
//
// In each round every place has its turn once, in order. If all rounds were the same, a client that
// takes every second turn (because it looks a name up twice for each connection, or because two
// resolvers ask alternately) would get only half of an even number of places, forever. So each
// SlipRounds rounds begin one place later than the ones before, and each of k clients in step gets
// every place within k times as many rounds. For n = 2:
//
//	seq    0  1  2  3 ... 14 15 16 17 ... 30 31 32
//	place  0  1  0  1      0  1  1  0      1  0  0
func Place(seq, n uint64) (place, round uint64) {
	round = seq / n
	return (seq + round/SlipRounds) % n, round
}

// InnerPlace does the same as Place for turns within turns, as a line's endpoints have them. If
// both slipped by one place, the slips of one could undo the slips of the other for a client in
// step with both. InnerPlace slips by the golden section of a round, which is in tune with no other
// period.
func InnerPlace(seq, n uint64) (place, round uint64) {
	const golden = 0x9e3779b97f4a7c15 // of 1<<64
	if n == 1 {
		return 0, seq
	}
	round = seq / n
	slip, _ := bits.Mul64(round/SlipRounds*golden, n)
	return (seq + slip) % n, round
}

// Rotate appends the first k of n endpoints to dst in the order of turn seq.
//
// The first endpoint is at the place of the turn. The others follow in their own order, beginning
// (round mod (n-1)) places behind it. So every endpoint is first once in a round, every ordered
// pair (first, second) comes once in n-1 rounds, and the load of a dead endpoint spreads evenly
// over the others. For n = 3:
//
//	seq    0    1    2    3    4    5    6
//	     012  120  201  021  102  210  012
//
// With k < n, every endpoint is also included equally often in n-1 rounds.
func Rotate(seq uint64, n, k int, dst []uint16) []uint16 {
	if n == 1 {
		return append(dst, 0)
	}
	place, round := Place(seq, uint64(n))
	return Begin(int(place), round, n, k, dst)
}

// Begin appends the first k of n endpoints to dst, beginning with an endpoint that has had round
// turns before. The others are in the order of Rotate.
func Begin(first int, round uint64, n, k int, dst []uint16) []uint16 {
	if n == 1 {
		return append(dst, 0)
	}
	base := len(dst)
	dst = slices.Grow(dst, k)[:base+k]
	dst[base] = uint16(first)
	wrap := 0 // the lowest place other than first
	if first == 0 {
		wrap = 1
	}
	i := first + 1 + int(round%uint64(n-1))
	if i >= n {
		i -= n
	}
	for tail := dst[base+1:]; len(tail) > 0; tail = tail[1:] {
		tail[0] = uint16(i)
		if i++; i == first {
			i++
		}
		if i >= n {
			i = wrap
		}
	}
	return dst
}
