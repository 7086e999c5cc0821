package pool

import (
	"cmp"
	"math/bits"
	"slices"
)

// whose returns whose turn it is among parties of these weights, at a place of a period of sum
// turns, and how many turns that party had before. In every sum turns a party of weight w has w
// turns, spread out: its turn number k comes at the time (2k+1)/2w of the period, and the parties
// take the places of the period in the order of these times; where times are equal, the party
// listed first is first. For weights 5, 3, 1:
//
//	a b a a b c a b a | a b a a b c a b a
//
// Nothing is simulated: the number of turns before a time is a sum of quotients, and the time of
// the turn in place p lies within n/2 of p.
func whose(weights []uint64, sum, period, place uint64) (party int, times uint64) {
	if len(weights) == 1 {
		return 0, period*sum + place
	}
	n := uint64(len(weights))
	low, high := place-min(place, n), place+n // turns(low) <= place < turns(high)
	before := turns(weights, sum, low)
	for high-low > 1 {
		middle := low + (high-low)/2
		if t := turns(weights, sum, middle); t <= place {
			low, before = middle, t
		} else {
			high = middle
		}
	}
	// One of the turns between low and low+1. A party has at most one there, since all have at most
	// sum turns in a period.
	var buf [fewClasses]timed
	due := buf[:0]
	for i, weight := range weights {
		if k := turnsOf(weight, sum, low); turnsOf(weight, sum, low+1) > k {
			due = append(due, timed{i, k, weight})
		}
	}
	slices.SortFunc(due, timed.compare)
	found := due[place-before]
	return found.party, period*found.weight + found.number
}

// timed is one turn of a party.
type timed struct {
	party          int
	number, weight uint64
}

// compare orders turns by their time, (2·number+1)/(2·weight).
func (a timed) compare(b timed) int {
	ah, al := bits.Mul64(2*a.number+1, b.weight)
	bh, bl := bits.Mul64(2*b.number+1, a.weight)
	return cmp.Or(cmp.Compare(ah, bh), cmp.Compare(al, bl), cmp.Compare(a.party, b.party))
}

// turns returns how many turns all parties have up to a time, turnsOf how many one party has.
func turns(weights []uint64, sum, time uint64) uint64 {
	var n uint64
	for _, weight := range weights {
		n += turnsOf(weight, sum, time)
	}
	return n
}

func turnsOf(weight, sum, time uint64) uint64 {
	high, low := bits.Mul64(2*time, weight)
	low, carry := bits.Add64(low, sum, 0)
	n, _ := bits.Div64(high+carry, low, 2*sum)
	return n
}
