package policy

import "sync/atomic"

// Picks count how often each value of a set came first.
type Picks []*atomic.Uint64

// newPicks makes the counters for a number of values.
func newPicks(values int) Picks {
	p := make(Picks, values)
	for i := range p {
		p[i] = new(atomic.Uint64)
	}
	return p
}

// Count counts the value that an answer begins with, if the set counts first picks.
func (s *Set) Count(a *Answer) {
	if s.more != nil && s.more.picks != nil && len(a.Order) > 0 {
		s.more.picks[a.Order[0]].Add(1)
	}
}

// Picks returns the counts of the set's first picks by value, nil if it does not count them.
func (s *Set) Picks() Picks {
	if s.more == nil {
		return nil
	}
	return s.more.picks
}

// adoptPicks makes the counts of values that stayed go on.
func (s *Set) adoptPicks(old *Set) {
	counts, oldCounts := s.Picks(), old.Picks()
	if counts == nil || oldCounts == nil {
		return
	}
	byValue := make(map[string]*atomic.Uint64, len(oldCounts))
	for i, count := range oldCounts {
		byValue[old.Value(i)] = count
	}
	for i := range counts {
		if count := byValue[s.Value(i)]; count != nil {
			counts[i] = count
		}
	}
}
