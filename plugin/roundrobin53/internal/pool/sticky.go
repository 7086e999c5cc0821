package pool

import (
	"cmp"
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// A Client describes a client to the orders Sticky and Nearest.
type Client struct {
	Network uint64 // a hash of its network
	Place   Point
	Located bool // Place is known
}

// A ranked is a candidate and its score; the lowest score comes first.
type ranked struct {
	endpoint uint16
	score    float64
}

// rank appends the client's k best candidates to dst, by weighted rendezvous hashing. A lost
// endpoint leaves its clients to all others in proportion to their weights, and no other client
// moves.
func (c *Choice) rank(network uint64, k int, dst []uint16) []uint16 {
	var buf [fewEndpoints]ranked
	all := buf[:0]
	for i, endpoint := range c.endpoints {
		score := turn.Score(network, c.group.ids[endpoint])
		if c.group.rules.Weighted {
			score /= c.weights.sticky[i]
		}
		all = append(all, ranked{endpoint, score})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.endpoint, b.endpoint))
	})
	for _, r := range all {
		if k == 0 {
			break
		}
		if c.group.rules.ByLine && c.group.lineOf[r.endpoint] != c.group.lineOf[all[0].endpoint] {
			continue
		}
		dst = append(dst, r.endpoint)
		k--
	}
	return dst
}
