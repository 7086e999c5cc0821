package health

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

const (
	// jitterLimit keeps jitter from delaying detection by half a second or more.
	jitterLimit = 400 * time.Millisecond
	// jitterPart bounds the jitter of short intervals: one in jitterPart of the interval hardly
	// changes the load.
	jitterPart = 20
)

// schedule is a heap of the targets that are not being probed, the one that is due first on top.
type schedule []appointment

var _ heap.Interface = (*schedule)(nil)

type appointment struct {
	due    time.Time
	target int
}

// newSchedule gives each target a phase of its own, so that targets with the same interval are
// spread evenly over it. For an interval of 10s, four targets and a start at 0s:
//
//	target  0     1     2     3
//	phases  2.5s  5s    7.5s  10s
//	        12.5s 15s   17.5s 20s ...
//
// New targets are due at once as well. Targets that inherited a phase keep it.
func newSchedule(targets []Target, states []state, now time.Time) schedule {
	counts, ranks := make(map[time.Duration]int), make(map[time.Duration]int)
	for _, target := range targets {
		if target.Check != nil {
			counts[target.Check.Interval]++
		}
	}
	s := make(schedule, 0, len(targets))
	for i, target := range targets {
		if target.Check == nil {
			continue
		}
		interval, state := target.Check.Interval, &states[i]
		ranks[interval]++
		if state.phase.IsZero() {
			part := float64(ranks[interval]) / float64(counts[interval])
			state.phase = now.Add(time.Duration(float64(interval) * part))
		}
		if state.due.Before(now) {
			state.due = now // new, or under way in the monitor that it was inherited from
		}
		s = append(s, appointment{state.due, i})
	}
	heap.Init(&s)
	return s
}

// enter adds a target.
func (s *schedule) enter(due time.Time, target int) { heap.Push(s, appointment{due, target}) }

// take removes the target that is due first.
func (s *schedule) take() appointment { return heap.Pop(s).(appointment) }

// advance schedules the next probe of a target, at the first of its phases after a probe began. So
// the rate stays fixed however long a probe takes. Jitter keeps the probes of many monitors from
// meeting again and again. It is added to the phase and not to the probe before, so it does not add
// up.
func (m *state) advance(began time.Time, interval time.Duration) {
	if late := began.Sub(m.phase); late >= 0 {
		m.phase = m.phase.Add(late - late%interval + interval)
	}
	jitter := rand.N(min(interval/jitterPart, jitterLimit) + 1) //nolint:gosec // nobody gains by guessing it
	m.due = m.phase.Add(jitter)
}

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface. Targets that are due at the same time keep the order of the
// configuration.
func (s schedule) Less(i, j int) bool {
	if s[i].due.Equal(s[j].due) {
		return s[i].target < s[j].target
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
