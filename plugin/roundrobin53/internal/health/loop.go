package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/schedule"
)

const (
	// beat is the least time between two wake-ups that start probes. Probes that become due
	// meanwhile start together, so that 1,000 probes a second cost 20 wake-ups.
	beat = 50 * time.Millisecond
	// retryInterval is how soon a probe is repeated that failed because of trouble on this side.
	retryInterval = time.Second
	// troubleInterval keeps trouble from filling the log. When descriptors run out, every probe has
	// trouble.
	troubleInterval = 10 * time.Second
	// lateLimit is how late a probe may start without being trouble. Beyond it, detection takes
	// longer than promised.
	lateLimit = time.Second
	// graceInterval is the time after the first round in which probes may still start late.
	graceInterval = 10 * time.Second
)

// loop is the state of the one goroutine that handles results. It starts a goroutine for each
// probe, which ends with the probe.
type loop struct {
	*Monitor
	probers  []prober // by target
	partings partings
	schedule schedule.Schedule
	burst    *burst
	results  chan result
	batch    []result // reused
	inFlight int      // probes under way
	waiting  int      // targets that are not settled
	settled  []bool   // by target: it had a result, or can't have one
	gone     []bool   // by target: it was removed, and its place is not free yet
	probes   sync.WaitGroup
	timer    *time.Timer
	armed    time.Time // when the timer fires; the zero time: not set
	launched time.Time // when probes were started last, or had to wait
	rounded  time.Time // when the first round ended
	troubled time.Time // when Trouble was called last

	lookedAt time.Time // when noIPv6 was set
	noIPv6   bool      // this host has no IPv6
}

func newLoop(m *Monitor) *loop {
	now := time.Now()
	l := &loop{
		Monitor: m, probers: make([]prober, len(m.targets)), partings: partings{limit: m.bounds.parting},
		settled: make([]bool, len(m.targets)), gone: make([]bool, len(m.targets)),
		schedule: newSchedule(m.targets, m.states, now), burst: newBurst(len(m.targets)), timer: time.NewTimer(0), armed: now,
		results: make(chan result, m.bounds.inFlight), // nobody waits to hand in a result
	}
	for i, target := range m.targets {
		if target.Check == nil {
			l.settled[i] = true
			continue
		}
		l.probers[i] = m.newProber(target)
		if l.settled[i] = m.states[i].known; !l.settled[i] {
			l.waiting++
		}
	}
	if l.waiting == 0 {
		l.endRound(now)
	}
	return l
}

// run works until ctx ends, and then waits for the probes under way.
func (l *loop) run(ctx context.Context) {
	defer l.leave()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-l.timer.C:
			l.armed = time.Time{}
		case <-l.pending.wake:
			l.change()
		case first := <-l.results:
			l.gather(first)
			l.digest()
		}
		l.launch(ctx)
		l.partings.end(time.Now())
		l.arm()
	}
}

func (l *loop) leave() {
	l.timer.Stop()
	l.probes.Wait()
	if len(l.results) > 0 {
		l.gather(<-l.results)
	}
	l.partings.limit = 0
	l.partings.end(time.Now())
}

// launch starts the probes that are due, as far as the bounds allow.
func (l *loop) launch(ctx context.Context) {
	now := time.Now()
	for l.mayLaunch(now) {
		due, target := l.schedule.Take()
		if l.leaves(target) {
			continue
		}
		l.reportLate(now, due)
		l.inFlight++
		l.burst.begin(now, target)
		l.launched = now
		l.probes.Go(func() { l.results <- l.probe(ctx, target) })
	}
	if l.schedule.IsDue(now) {
		l.launched = now // too many by now: look again in a beat
	}
}

// mayLaunch reports whether a probe is due and may start.
func (l *loop) mayLaunch(now time.Time) bool {
	return l.inFlight < l.bounds.inFlight && l.schedule.IsDue(now) && !l.burst.full(now)
}

// reportLate reports a probe that starts late. In the first round, and a while after it, probes may
// be late.
func (l *loop) reportLate(now, due time.Time) {
	late := now.Sub(due)
	if late > lateLimit && l.waiting == 0 && now.Sub(l.rounded) > graceInterval {
		l.trouble(fmt.Errorf("probes start %s late, with %d under way", late.Round(time.Millisecond), l.inFlight))
	}
}

// arm sets the timer for the next probe, or for the time when the last connection has waited long
// enough to be closed. (The others are closed at the wake-ups before.) With too many probes under
// way, the next result wakes the loop up.
func (l *loop) arm() {
	wake := l.partings.last()
	if next, ok := l.schedule.Next(); ok && l.inFlight < l.bounds.inFlight {
		if earliest := l.launched.Add(beat); next.Before(earliest) {
			next = earliest
		}
		if wake.IsZero() || next.Before(wake) {
			wake = next
		}
	}
	if !wake.IsZero() && !wake.Equal(l.armed) {
		l.armed = wake
		l.timer.Reset(time.Until(wake))
	}
}

// endRound ends the first round.
func (l *loop) endRound(now time.Time) {
	l.rounded = now
	select {
	case <-l.firstRound: // there was no target at first
	default:
		close(l.firstRound)
	}
}

// trouble tells the observer what keeps this process from probing, at most once in troubleInterval.
func (l *loop) trouble(err error) {
	now := time.Now()
	if l.observer.Trouble == nil || !l.troubled.IsZero() && now.Sub(l.troubled) < troubleInterval {
		return
	}
	l.troubled = now
	l.observer.Trouble(err)
}
