package health

import (
	"math/rand/v2"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/schedule"
)

const (
	// jitterLimit keeps jitter from delaying detection by half a second or more.
	jitterLimit = 400 * time.Millisecond
	// jitterPart bounds the jitter of short intervals: one in jitterPart of the interval hardly
	// changes the load.
	jitterPart = 20
)

// newSchedule gives each target a phase of its own, so that targets with the same interval are
// spread evenly over it. For an interval of 10s, four targets and a start at 0s:
//
//	target  0     1     2     3
//	phases  2.5s  5s    7.5s  10s
//	        12.5s 15s   17.5s 20s ...
//
// New targets are due at once as well. Targets that inherited a phase keep it.
func newSchedule(targets []Target, states []state, now time.Time) (s schedule.Schedule) {
	counts, ranks := make(map[time.Duration]int), make(map[time.Duration]int)
	for _, target := range targets {
		if target.Check != nil {
			counts[target.Check.Interval]++
		}
	}
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
		s.Enter(state.due, i)
	}
	return s
}

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
