package health

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary is when the probes of each target began.
type diary struct {
	mu    sync.Mutex
	start time.Time
	began [][]time.Duration // by target
}

// record makes a monitor write a diary, and probe with what probe says.
func record(m *Monitor, probe func(ctx context.Context, target int) error) *diary {
	d := &diary{start: time.Now(), began: make([][]time.Duration, len(m.Targets()))}
	next := 0
	m.newProber = func(Target) prober {
		target := next
		next++
		return probeFunc(func(ctx context.Context) error {
			d.mu.Lock()
			d.began[target] = append(d.began[target], time.Since(d.start))
			d.mu.Unlock()
			return probe(ctx, target)
		})
	}
	return d
}

// probes are when the probes of all targets began so far.
func (d *diary) probes() [][]time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	began := make([][]time.Duration, len(d.began))
	for target := range began {
		began[target] = slices.Clone(d.began[target])
	}
	return began
}

func passes(context.Context, int) error { return nil }

// TestProbesAreSpreadEvenly guards the load on this machine and on endpoints: in every second, as
// many probes.
func TestProbesAreSpreadEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const targets = 200
		m := fakeMonitor(testTargets(targets, testCheck()), Observer{}, nil)
		d := record(m, passes)
		m.Start()
		time.Sleep(60 * time.Second)
		m.Stop()
		var second [60]int
		for _, began := range d.began {
			if began[0] != 0 {
				t.Errorf("first probe after %s, want at once", began[0])
			}
			for _, at := range began[1:] {
				second[at/time.Second]++
			}
		}
		for i, got := range second {
			if got < 8 || got > 32 {
				t.Errorf("second %d: %d probes, want about %d: %v", i, got, targets/10, second)
			}
		}
	})
}

// TestRateIsFixed guards detection: neither jitter nor slow probes shift what follows.
func TestRateIsFixed(t *testing.T) {
	for name, probe := range map[string]func(context.Context, int) error{
		"fast": passes,
		"slow": func(ctx context.Context, _ int) error { return hang(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const targets, hours = 7, 1
				check := testCheck()
				check.Timeout = check.Interval // the slowest that a check may be
				m := fakeMonitor(testTargets(targets, check), Observer{}, nil)
				d := record(m, probe)
				m.Start()
				time.Sleep(hours*time.Hour + time.Second)
				m.Stop()
				for target, began := range d.began {
					if got := len(began); got < hours*360 || got > hours*360+2 {
						t.Errorf("target %d: %d probes in %d h, want 360 each", target, got, hours)
					}
					for i, at := range began[1:] {
						if gap := at - began[i]; gap > check.Interval+500*time.Millisecond {
							t.Errorf("target %d: %s between probes %d and %d, want 10.5s at most", target, gap, i, i+1)
						}
					}
				}
			})
		})
	}
}

// TestShortestInterval has probes that pass at once, or take as long as a probe may: 10 a second
// for each target, though the loop wakes up only every 50 ms.
func TestShortestInterval(t *testing.T) {
	for name, probe := range map[string]func(context.Context, int) error{
		"fast": passes,
		"slow": func(ctx context.Context, _ int) error { return hang(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const targets, seconds = 50, 60
				check := testCheck()
				check.Interval, check.Timeout = 100*time.Millisecond, 100*time.Millisecond
				m := fakeMonitor(testTargets(targets, check), Observer{Trouble: func(err error) { t.Error(err) }}, nil)
				d := record(m, probe)
				m.Start()
				time.Sleep(seconds*time.Second + 60*time.Millisecond)
				m.Stop()
				var part [2]int // of the interval
				for target, began := range d.began {
					if got := len(began); got < 10*seconds || got > 10*seconds+2 {
						t.Errorf("target %d: %d probes in %d s, want 10 a second", target, got, seconds)
					}
					for i, at := range began[1:] {
						if gap := at - began[i]; gap > check.Interval+beat+check.Interval/jitterPart {
							t.Errorf("target %d: %s between probes %d and %d", target, gap, i, i+1)
						}
						part[at%check.Interval/(check.Interval/2)]++
					}
				}
				// Probes that take the whole interval follow upon one another, and those that wake
				// up together stay together.
				if share := float64(part[0]) / float64(part[0]+part[1]); name == "fast" && (share < 0.3 || share > 0.7) {
					t.Errorf("%d probes in the first half of the interval and %d in the second, want about the same", part[0], part[1])
				}
			})
		})
	}
}

// TestOneProbeAtATime has probes that end long after their time, as no prober should.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := fakeMonitor(testTargets(1, testCheck()), Observer{}, nil)
		var mu sync.Mutex
		d := record(m, func(context.Context, int) error {
			if !mu.TryLock() {
				t.Error("two probes of one target at a time")
				return nil
			}
			defer mu.Unlock()
			time.Sleep(25 * time.Second)
			return nil
		})
		m.Start()
		time.Sleep(5 * time.Minute)
		m.Stop()
		if got := len(d.began[0]); got < 10 || got > 13 {
			t.Errorf("%d probes of 25s in 5 min, want about 12", got)
		}
	})
}

// TestDetectionIsInTime takes targets down at random times, some by refusing and some by hanging.
func TestDetectionIsInTime(t *testing.T) {
	short := testCheck()
	short.Interval, short.Timeout = 100*time.Millisecond, 100*time.Millisecond
	for _, check := range []*Check{testCheck(), short} {
		t.Run(check.Interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testDetection(t, check) })
		})
	}
}

func testDetection(t *testing.T, check *Check) {
	const targets = 300
	start := time.Now()
	died := make([]time.Duration, targets)
	for i := range died {
		died[i] = 15*time.Second + rand.N(40*time.Second)
	}
	detected := make([]time.Duration, targets)
	m := fakeMonitor(testTargets(targets, check), Observer{Changed: func(transitions []Transition) {
		for _, c := range transitions {
			detected[c.Target] = time.Since(start)
		}
	}}, nil)
	record(m, func(ctx context.Context, target int) error {
		switch {
		case time.Since(start) < died[target]:
			return nil
		case target%2 == 0:
			return hang(ctx)
		default:
			return errRefused
		}
	})
	m.Start()
	time.Sleep(2 * time.Minute)
	m.Stop()
	limit := time.Duration(check.Fall)*check.Interval + check.Timeout + time.Second
	if check.Interval < time.Second {
		limit -= time.Second * 9 / 10 // there is less jitter, but the loop wakes up every 50 ms
	}
	for i := range died {
		if took := detected[i] - died[i]; took <= 0 || took > limit {
			t.Errorf("target %d was found down after %s, want within %s", i, took, limit)
		}
	}
}

func TestNewSchedule(t *testing.T) {
	now := time.Now()
	slow, fast := testCheck(), testCheck()
	fast.Interval = time.Second
	targets := append(testTargets(4, slow), testTargets(2, fast)...)
	states := make([]state, len(targets))
	states[2] = state{threshold: threshold{known: true}, phase: now.Add(7 * time.Second), due: now.Add(7100 * time.Millisecond)}
	states[3] = state{threshold: threshold{known: true}, phase: now.Add(-4 * time.Second), due: now.Add(-3 * time.Second)}
	s := newSchedule(targets, states, now)
	var phases []time.Duration
	for _, state := range states {
		phases = append(phases, state.phase.Sub(now))
	}
	if got, want := fmt.Sprint(phases), "[2.5s 5s 7s -4s 500ms 1s]"; got != want {
		t.Errorf("phases %s, want %s", got, want)
	}
	var order []int
	for range targets {
		due, target := s.Take()
		order = append(order, target)
		if want := max(0, states[target].due.Sub(now)); due.Sub(now) != want {
			t.Errorf("target %d is due in %s, want %s", target, due.Sub(now), want)
		}
	}
	if want := []int{0, 1, 3, 4, 5, 2}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

// TestAdvance guards against probes that are made up for: one that was late by hours is followed by
// the next phase.
func TestAdvance(t *testing.T) {
	start := time.Now()
	for _, row := range []struct{ phase, began, want time.Duration }{
		{10 * time.Second, 0, 10 * time.Second},
		{10 * time.Second, 10 * time.Second, 20 * time.Second},
		{10 * time.Second, 10100 * time.Millisecond, 20 * time.Second},
		{10 * time.Second, 19999 * time.Millisecond, 20 * time.Second},
		{10 * time.Second, 20 * time.Second, 30 * time.Second},
		{10 * time.Second, 3605 * time.Second, 3610 * time.Second},
	} {
		for range 100 {
			m := state{phase: start.Add(row.phase)}
			m.advance(start.Add(row.began), 10*time.Second)
			jitter := m.due.Sub(m.phase)
			if got := m.phase.Sub(start); got != row.want || jitter < 0 || jitter > jitterLimit {
				t.Errorf("phase %s, began %s: %s and jitter %s, want %s", row.phase, row.began, got, jitter, row.want)
			}
		}
	}
	m := state{phase: start}
	if m.advance(start, time.Second); m.due.Sub(m.phase) > time.Second/jitterPart {
		t.Errorf("interval 1s: jitter %s", m.due.Sub(m.phase))
	}
}
