package turn

import (
	"math/rand/v2"
	"slices"
)

// Shuffle appends k of n endpoints to dst, every ordered choice equally likely: the first k steps
// of a Fisher-Yates shuffle. The generator of math/rand/v2 is per thread, so there is no lock and
// no system call.
func Shuffle(n, k int, dst []uint16) []uint16 {
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
