package roundrobin53

import "github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"

// board is what every group of a handler answers, under the verdicts of one moment. It never changes: a change of a
// verdict makes a new one, which shares with the old what stayed.
type board struct {
	chunks [][]*pool.Choice // by group
}

// chunkBits is the binary logarithm of how many choices a chunk has: of a million groups, a change of one copies 4,096
// pointers to chunks and 256 to choices.
const chunkBits = 8

const chunkSize = 1 << chunkBits

// choice is what a group answers.
func (b *board) choice(group int) *pool.Choice {
	return b.chunks[group>>chunkBits][group&(chunkSize-1)]
}

// with is a board with other choices for some groups, in rising order; all others are those of b.
func (b *board) with(groups []int, choices []*pool.Choice) *board {
	next := &board{chunks: make([][]*pool.Choice, len(b.chunks))}
	copy(next.chunks, b.chunks)
	copied := -1
	for i, group := range groups {
		n := group >> chunkBits
		for n >= len(next.chunks) {
			next.chunks = append(next.chunks, nil)
		}
		if n != copied {
			chunk := make([]*pool.Choice, chunkSize)
			copy(chunk, next.chunks[n])
			next.chunks[n], copied = chunk, n
		}
		next.chunks[n][group&(chunkSize-1)] = choices[i]
	}
	return next
}
