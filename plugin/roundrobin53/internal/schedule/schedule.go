// Package schedule tells what is due next: a heap of numbers, each with a time.
package schedule

import (
	"container/heap"
	"time"
)

// A Schedule holds numbers, each with the time when it is due, and hands out the earliest first. Of
// numbers that are due at the same time, the lowest is first. The zero value is empty.
type Schedule struct{ entries entries }

type entry struct {
	due    time.Time
	number int
}

// Enter adds a number.
func (s *Schedule) Enter(due time.Time, number int) { heap.Push(&s.entries, entry{due, number}) }

// Take removes the number that is due first, and returns it and when it was due. There must be one.
func (s *Schedule) Take() (due time.Time, number int) {
	first := heap.Pop(&s.entries).(entry)
	return first.due, first.number
}

// Next returns when the first number is due, and false if there is none.
func (s *Schedule) Next() (due time.Time, ok bool) {
	if len(s.entries) == 0 {
		return time.Time{}, false
	}
	return s.entries[0].due, true
}

// IsDue reports whether a number is due.
func (s *Schedule) IsDue(now time.Time) bool {
	due, ok := s.Next()
	return ok && !due.After(now)
}

// entries are the heap.
type entries []entry

var _ heap.Interface = (*entries)(nil)

// Len implements heap.Interface.
func (e entries) Len() int { return len(e) }

// Less implements heap.Interface.
func (e entries) Less(i, j int) bool {
	if e[i].due.Equal(e[j].due) {
		return e[i].number < e[j].number
	}
	return e[i].due.Before(e[j].due)
}

// Swap implements heap.Interface.
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *entries) Push(x any) { *e = append(*e, x.(entry)) }

// Pop implements heap.Interface.
func (e *entries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
