package schedule

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	var s Schedule
	now := time.Unix(1000, 0)
	if _, ok := s.Next(); ok || s.IsDue(now) {
		t.Error("an empty schedule has something due")
	}
	for number, seconds := range []int{3, 1, 2, 1, 0} {
		s.Enter(now.Add(time.Duration(seconds)*time.Second), number)
	}
	if due, ok := s.Next(); !ok || !due.Equal(now) || !s.IsDue(now) || s.IsDue(now.Add(-1)) {
		t.Errorf("next is due at %v", due)
	}
	for _, want := range []int{4, 1, 3, 2, 0} {
		due, number := s.Take()
		if number != want || due.Before(now) {
			t.Errorf("took %d, due at %v, want %d", number, due, want)
		}
		now = due
	}
	if _, ok := s.Next(); ok {
		t.Error("something is left")
	}
}
