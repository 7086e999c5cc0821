package pool

import (
	"math/rand/v2"
	"testing"
)

// TestWhoseIsExact guards turns among few and many parties: in a period each has as many turns as its weight says, counted
// in order.
func TestWhoseIsExact(t *testing.T) {
	for _, parties := range []int{1, 2, fewParties, fewParties + 1, 100} {
		weights, sum := make([]uint64, parties), uint64(0)
		for i := range weights {
			weights[i] = uint64(i + 1)
			sum += weights[i]
		}
		turns := make([]uint64, parties)
		for place := range 2 * sum {
			party, times := whose(weights, sum, place/sum, place%sum)
			if times != turns[party] {
				t.Fatalf("%d parties, place %d: party %d has had %d turns, not %d", parties, place, party, turns[party], times)
			}
			turns[party]++
		}
		for i, n := range turns {
			if n != 2*weights[i] {
				t.Errorf("%d parties: party %d of weight %d has %d turns in two periods", parties, i, weights[i], n)
			}
		}
	}
}

// TestDueOfFewAndOfMany compares the two ways to find whose turn comes next, where both may be used.
func TestDueOfFewAndOfMany(t *testing.T) {
	for range 200 {
		weights, sum := make([]uint64, 2+rand.IntN(fewParties-1)), uint64(0)
		for i := range weights {
			weights[i] = 1 + rand.Uint64N(8)
			sum += weights[i]
		}
		time, due := rand.Uint64N(sum), 0
		for i := range weights {
			if isDue(weights[i], sum, time) {
				due++
			}
		}
		for rank := range due {
			if few, many := dueOfFew(weights, sum, time, rank), dueOfMany(weights, sum, time, rank); few != many {
				t.Fatalf("weights %v, time %d, rank %d: %v and %v", weights, time, rank, few, many)
			}
		}
	}
}
