package pool

import (
	"math/rand/v2"
	"slices"
)

// rotate appends the first k of n endpoints to dst in the order of turn seq.
//
// The first endpoint is seq mod n. The others follow in their own order, beginning with the one (seq div n) mod (n-1)
// places behind it. So every endpoint is first once in n turns, every ordered pair (first, second) comes once in n(n-1)
// turns, and the load of a dead endpoint spreads evenly over the others. For n = 3:
//
//	seq    0    1    2    3    4    5    6
//	     012  120  201  021  102  210  012
//
// With k < n, every endpoint is also included equally often in n(n-1) turns.
func rotate(seq uint64, n, k int, dst []uint16) []uint16 {
	if n == 1 {
		return append(dst, 0)
	}
	dst = slices.Grow(dst, k)
	size := uint64(n)
	first := int(seq % size)
	next := int(seq / size % (size - 1))
	dst = append(dst, uint16(first))
	for range k - 1 {
		i := first + 1 + next
		if i >= n {
			i -= n
		}
		dst = append(dst, uint16(i))
		if next++; next == n-1 {
			next = 0
		}
	}
	return dst
}

// shuffle appends k of n endpoints to dst, every ordered choice equally likely: the first k steps of a Fisher-Yates
// shuffle. The generator of math/rand/v2 is one per thread, so there is no lock and no system call.
func shuffle(n, k int, dst []uint16) []uint16 {
	base := len(dst)
	dst = slices.Grow(dst, n)[:base+n]
	all := dst[base:]
	for i := range all {
		all[i] = uint16(i)
	}
	for i := range k {
		j := i + rand.IntN(n-i) //nolint:gosec // a fair choice, not a secret
		all[i], all[j] = all[j], all[i]
	}
	return dst[:base+k]
}
