package pool

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Client is what the orders Sticky and Nearest know of who asks.
type Client struct {
	Network uint64 // a hash of its network
	Place   Point
	Located bool // Place is known
}

// ranked is a candidate and its score; the lowest comes first.
type ranked struct {
	endpoint uint16
	score    float64
}

// rank appends the client's k best candidates to dst, by weighted rendezvous hashing (Thaler and Ravishankar 1998; the
// weights after Schindelhauer and Schomaker 2005): each endpoint has a score for the client that depends on nothing but
// the two and the endpoint's weight. So a client keeps its endpoint while that is up, one that is lost leaves its
// clients to all others in proportion to their weights, and nobody else moves.
func (c *Choice) rank(network uint64, k int, dst []uint16) []uint16 {
	var buf [fewEndpoints]ranked
	all := buf[:0]
	for i, endpoint := range c.endpoints {
		// The negative logarithm of a uniform number is exponentially distributed; divided by the weight, the chance to
		// be the least is in proportion to the weight.
		uniform := (float64(hash(network, c.group.ids[endpoint])>>11) + 0.5) / (1 << 53)
		score := -math.Log(uniform)
		if c.weights != nil {
			score /= c.weights.sticky[i]
		}
		all = append(all, ranked{endpoint, score})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.endpoint, b.endpoint))
	})
	for _, r := range all[:k] {
		dst = append(dst, r.endpoint)
	}
	return dst
}

// hash mixes two numbers, the same way in all replicas and after every restart.
func hash(a, b uint64) uint64 {
	var octets [16]byte
	binary.LittleEndian.PutUint64(octets[:8], a)
	binary.LittleEndian.PutUint64(octets[8:], b)
	return xxhash.Sum64(octets[:])
}
