package lookup

import (
	"container/heap"
	"time"
)

// schedule is a heap of the questions that are not being looked up, the one that is due first on
// top.
type schedule []appointment

var _ heap.Interface = (*schedule)(nil)

type appointment struct {
	due      time.Time
	question int
}

// enter adds a question.
func (s *schedule) enter(due time.Time, question int) { heap.Push(s, appointment{due, question}) }

// take removes the question that is due first.
func (s *schedule) take() int { return heap.Pop(s).(appointment).question }

// isDue reports whether a question is due.
func (s schedule) isDue(now time.Time) bool { return len(s) > 0 && !s[0].due.After(now) }

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface. Questions that are due at the same time keep their order.
func (s schedule) Less(i, j int) bool {
	if s[i].due.Equal(s[j].due) {
		return s[i].question < s[j].question
	}
	return s[i].due.Before(s[j].due)
}

// Swap implements heap.Interface.
func (s schedule) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *schedule) Push(x any) { *s = append(*s, x.(appointment)) }

// Pop implements heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}
