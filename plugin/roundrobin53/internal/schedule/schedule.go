// Package schedule tells what is due next: a heap of numbers, each with a time.
package schedule

import (
	"cmp"
	"time"
)

// A Schedule holds numbers, the one that is due first on top. Those that are due at the same time
// keep the order of the numbers. The zero value is empty.
//
// It is a binary heap: the children of entry i are the entries 2i+1 and 2i+2. container/heap would
// allocate for each number that comes and goes, thousands of times a second.
type Schedule struct {
	entries []entry
	base    time.Time // entries count from here: when the first number was entered
}

type entry struct {
	due    time.Duration
	number int
}

func (e entry) compare(other entry) int {
	return cmp.Or(cmp.Compare(e.due, other.due), cmp.Compare(e.number, other.number))
}

// Enter adds a number. The zero time is before all others.
func (s *Schedule) Enter(due time.Time, number int) {
	if s.base.IsZero() {
		s.base = time.Now()
	}
	s.entries = append(s.entries, entry{due.Sub(s.base), number})
	s.rise(len(s.entries) - 1)
}

// rise moves an entry up until what is above it is due before it.
func (s *Schedule) rise(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if s.entries[parent].compare(s.entries[i]) < 0 {
			return
		}
		s.entries[parent], s.entries[i] = s.entries[i], s.entries[parent]
		i = parent
	}
}

// Take removes the number that is due first, and returns it and when it was due. There must be one.
func (s *Schedule) Take() (due time.Time, number int) {
	first, last := s.entries[0], len(s.entries)-1
	s.entries[0] = s.entries[last]
	s.entries = s.entries[:last]
	s.sink(0)
	return s.base.Add(first.due), first.number
}

// sink moves an entry down until what is below it is due after it.
func (s *Schedule) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(s.entries) {
			return
		}
		if right := child + 1; right < len(s.entries) && s.entries[right].compare(s.entries[child]) < 0 {
			child = right
		}
		if s.entries[i].compare(s.entries[child]) < 0 {
			return
		}
		s.entries[i], s.entries[child] = s.entries[child], s.entries[i]
		i = child
	}
}

// Next returns when the first number is due, and false if there is none.
func (s *Schedule) Next() (due time.Time, ok bool) {
	if len(s.entries) == 0 {
		return time.Time{}, false
	}
	return s.base.Add(s.entries[0].due), true
}

// IsDue reports whether a number is due.
func (s *Schedule) IsDue(now time.Time) bool {
	due, ok := s.Next()
	return ok && !due.After(now)
}
