package policy

import "github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"

// A Board holds what every group of a store answers under the verdicts of one moment, and the
// values of the sets that change. It never changes itself: a verdict or a value that changes makes
// a new board, which shares the unchanged chunks with the old one. A query loads one board, so that
// its whole answer is of one moment.
type Board struct {
	choices chunks[pool.Choice] // by number of the group
	live    chunks[Set]         // by number of the live set

	plain map[*Set]*pool.Choice // of sets in which turns alone decide, but for what an operator decides; nil if there are none
}

// chunks is a list of pointers that never changes, cut into chunks.
type chunks[T any] [][]*T

// chunkBits is the binary logarithm of the pointers in a chunk. Of a million groups, a change of
// one copies 4,096 pointers to chunks and 256 pointers to choices.
const chunkBits = 8

const chunkSize = 1 << chunkBits

// at returns the pointer of a number.
func (c chunks[T]) at(number int) *T { return c[number>>chunkBits][number&(chunkSize-1)] }

// with returns a list with other pointers for some numbers, which rise; all other pointers are
// those of c.
func (c chunks[T]) with(numbers []int, pointers []*T) chunks[T] {
	if len(numbers) == 0 {
		return c
	}
	next := make(chunks[T], len(c))
	copy(next, c)
	copied := -1
	for i, number := range numbers {
		n := number >> chunkBits
		for n >= len(next) {
			next = append(next, nil)
		}
		if n != copied {
			chunk := make([]*T, chunkSize)
			copy(chunk, next[n])
			next[n], copied = chunk, n
		}
		next[n][number&(chunkSize-1)] = pointers[i]
	}
	return next
}

// choice returns what a group answers, by the group's number.
func (b *Board) choice(group int) *pool.Choice { return b.choices.at(group) }
