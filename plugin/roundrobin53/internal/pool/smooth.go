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
	var found timed
	if rank := int(place - before); n <= fewParties {
		found = dueOfFew(weights, sum, low, rank)
	} else {
		found = dueOfMany(weights, sum, low, rank)
	}
	return found.party, period*found.weight + found.number
}

// fewParties is the number of parties that have a bit each in a word: a query has little stack.
const fewParties = 64

// dueOfFew returns one of the turns between a time and the next, the first if rank is 0, where there
// are at most fewParties.
func dueOfFew(weights []uint64, sum, time uint64, rank int) timed {
	var due uint64
	for i := range weights {
		if isDue(weights[i], sum, time) {
			due |= 1 << i
		}
	}
	for {
		var first timed
		for rest := due; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			if t := nextTurn(weights, sum, time, i); rest == due || t.compare(first) < 0 {
				first = t
			}
		}
		if rank == 0 {
			return first
		}
		due &^= 1 << first.party
		rank--
	}
}

// dueOfMany is dueOfFew for any number of parties.
func dueOfMany(weights []uint64, sum, time uint64, rank int) timed {
	var due []timed
	for i := range weights {
		if isDue(weights[i], sum, time) {
			due = append(due, nextTurn(weights, sum, time, i))
		}
	}
	slices.SortFunc(due, timed.compare)
	return due[rank]
}

// isDue reports whether a party has a turn between a time and the next.
func isDue(weight, sum, time uint64) bool {
	return turnsOf(weight, sum, time+1) > turnsOf(weight, sum, time)
}

// nextTurn returns the first turn of a party from a time on.
func nextTurn(weights []uint64, sum, time uint64, party int) timed {
	return timed{party, turnsOf(weights[party], sum, time), weights[party]}
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
