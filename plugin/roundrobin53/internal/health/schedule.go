package health

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

const (
	// jitterLimit keeps what jitter adds to the time of detection below half a second.
	jitterLimit = 400 * time.Millisecond
	// jitterPart of the interval is the jitter of short intervals: too little to be seen in the load.
	jitterPart = 20
)

// schedule is when the targets are due that are not being probed: a heap, the one that is due first on top.
type schedule []appointment

var _ heap.Interface = (*schedule)(nil)

type appointment struct {
	due    time.Time
	target int
}

// newSchedule gives every target a phase of its own, so that the targets of one interval are spread evenly over it. For
// interval 10s, four targets and a start at 0s:
//
//	target  0     1     2     3
//	phases  2.5s  5s    7.5s  10s
//	        12.5s 15s   17.5s 20s ...
//
// These targets are due at once besides, unless they inherited a phase: then they keep it.
func newSchedule(targets []Target, states []state, now time.Time) schedule {
	counts, ranks := make(map[time.Duration]int), make(map[time.Duration]int)
	for _, target := range targets {
		counts[target.Check.Interval]++
	}
	s := make(schedule, len(targets))
	for i, target := range targets {
		interval, state := target.Check.Interval, &states[i]
		ranks[interval]++
		if state.phase.IsZero() {
			part := float64(ranks[interval]) / float64(counts[interval])
			state.phase = now.Add(time.Duration(float64(interval) * part))
		}
		if state.due.Before(now) {
			state.due = now // new, or under way in the monitor that it was inherited from
		}
		s[i] = appointment{state.due, i}
	}
	heap.Init(&s)
	return s
}

// enter puts a target in.
func (s *schedule) enter(due time.Time, target int) { heap.Push(s, appointment{due, target}) }

// take takes out the target that is due first.
func (s *schedule) take() appointment { return heap.Pop(s).(appointment) }

// advance sets a target's next probe, after one that began: at the first of its phases to come. The rate so stays fixed
// however long a probe takes. Jitter is added to the phase, never to the probe before, so it does not add up: it keeps
// probes of many monitors from meeting time after time.
func (m *state) advance(began time.Time, interval time.Duration) {
	if late := began.Sub(m.phase); late >= 0 {
		m.phase = m.phase.Add(late - late%interval + interval)
	}
	jitter := rand.N(min(interval/jitterPart, jitterLimit) + 1) //nolint:gosec // nobody gains by guessing it
	m.due = m.phase.Add(jitter)
}

// Len implements heap.Interface.
func (s schedule) Len() int { return len(s) }

// Less implements heap.Interface. Whoever is due at the same time keeps the order of the configuration.
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
