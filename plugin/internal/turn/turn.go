// Package turn tells whose turn it is: the arithmetic that the plugins of this module share.
//
// A rotation is one sequence number, taken by an atomic addition. All else follows from it: who is
// first, who is second, and when the cycle slips, so that nobody can be in step with it. Beside it
// stand the orders that take no turns, by chance and by the client's network. The package knows
// neither addresses nor messages.
package turn

import (
	"math/bits"
	"slices"
)

// SlipRounds is how many rounds of turns pass until the cycle slips by one place. Each slip costs
// one turn of its place in the cycle, and without any, a client in step with the rounds would never
// meet some of the values: see Place.
const SlipRounds = 8

// Place tells whose turn seq is among n, and in which round of n turns.
//
// In each round every place has its turn once, in order. Were the rounds all the same, whoever takes every second turn (a
// client that looks a name up twice for each connection, one of two resolvers that ask by turns) would get only half of
// an even number of places, for ever. So each SlipRounds rounds begin one place later than those before, and of k clients
// in step each gets every place within k times as many rounds. For n = 2:
//
//	seq    0  1  2  3 ... 14 15 16 17 ... 30 31 32
//	place  0  1  0  1      0  1  1  0      1  0  0
func Place(seq, n uint64) (place, round uint64) {
	round = seq / n
	return (seq + round/SlipRounds) % n, round
}

// InnerPlace returns Place for turns that are themselves given in turns, as those of a line are to
// its endpoints. Were both to slip by one place, the slips of one could undo those of the other for
// whoever is in step with the two. This one slips by the golden section of a round: no other period
// is in tune with it.
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
// The first endpoint is the one at the place of the turn. The others follow in their own order, beginning with the one
// (round mod (n-1)) places behind it. So every endpoint is first once in a round, every ordered pair (first, second) comes
// once in n-1 rounds, and the load of a dead endpoint spreads evenly over the others. For n = 3:
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

// Begin appends the first k of n endpoints to dst, beginning with one that had round turns before.
// The order of the others is that of Rotate.
func Begin(first int, round uint64, n, k int, dst []uint16) []uint16 {
	if n == 1 {
		return append(dst, 0)
	}
	base := len(dst)
	dst = slices.Grow(dst, k)[:base+k]
	dst[base] = uint16(first)
	wrap := 0 // the lowest place but the first one
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
