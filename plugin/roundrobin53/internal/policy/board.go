package policy

import "github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"

// A Board holds what every group of a store answers under the verdicts of one moment. It never
// changes: a verdict that changes makes a new board, which shares the unchanged chunks with the old
// one. A query loads one board, so that its whole answer is of one moment.
type Board struct {
	chunks [][]*pool.Choice // by number of the group
}

// chunkBits is the binary logarithm of the choices in a chunk. Of a million groups, a change of one
// copies 4,096 pointers to chunks and 256 pointers to choices.
const chunkBits = 8

const chunkSize = 1 << chunkBits

// choice returns what a group answers, by the group's number.
func (b *Board) choice(group int) *pool.Choice {
	return b.chunks[group>>chunkBits][group&(chunkSize-1)]
}

// with returns a board with other choices for some groups, whose numbers rise; all other choices
// are those of b.
func (b *Board) with(groups []int, choices []*pool.Choice) *Board {
	next := &Board{chunks: make([][]*pool.Choice, len(b.chunks))}
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
