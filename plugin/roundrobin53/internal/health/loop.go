package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
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

// errInverted is the reason why an endpoint whose probes pass is down.
var errInverted = errors.New("passed, and the check is inverted")

// loop is the state of the one goroutine that handles results. It starts a goroutine for each
// probe, which ends with the probe.
type loop struct {
	*Monitor
	probers  []prober // by target
	partings partings
	schedule schedule
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

// result is the result of one probe.
type result struct {
	target int
	began  time.Time
	took   time.Duration
	err    error
	cutOff bool         // this host has no address or route for the target
	left   *net.TCPConn // a connection that is yet to be closed; nil if there is none
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
		next := l.schedule.take()
		if l.leaves(next.target) {
			continue
		}
		l.reportLate(now, next.due)
		l.inFlight++
		l.burst.begin(now, next.target)
		l.launched = now
		l.probes.Go(func() { l.results <- l.probe(ctx, next.target) })
	}
	if len(l.schedule) > 0 && !l.schedule[0].due.After(now) {
		l.launched = now // too many by now: look again in a beat
	}
}

// mayLaunch reports whether a probe is due and may start.
func (l *loop) mayLaunch(now time.Time) bool {
	return l.inFlight < l.bounds.inFlight && len(l.schedule) > 0 && !l.schedule[0].due.After(now) && !l.burst.full(now)
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
	if l.inFlight < l.bounds.inFlight && len(l.schedule) > 0 {
		next := l.schedule[0].due
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

// probe makes one probe within its timeout.
func (l *loop) probe(ctx context.Context, target int) result {
	timeout := l.targets[target].Check.Timeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r := result{target: target, began: time.Now()}
	r.left, r.err = l.probers[target].Probe(ctx)
	r.took = time.Since(r.began)
	if r.err != nil {
		r.cutOff = l.host.isCutOff(l.targets[target].Address, r.err)
		r.err = explain(ctx, r.err, timeout)
	}
	return r
}

// gather collects the results that have come by now, so that many are digested at once.
func (l *loop) gather(first result) {
	l.batch = append(l.batch[:0], first)
	for range len(l.results) {
		l.batch = append(l.batch, <-l.results)
	}
	l.inFlight -= len(l.batch)
	now := time.Now()
	for _, r := range l.batch {
		l.burst.end(r.target)
		if r.left != nil {
			l.partings.add(r.left, now)
		}
	}
}

// digest counts the results of a batch and tells the observer.
func (l *loop) digest() {
	if l.context.Err() != nil {
		return // Stop cut these probes off: they say nothing of their endpoints
	}
	var transitions []Transition
	first := l.waiting > 0
	for _, r := range l.batch {
		if l.leaves(r.target) {
			continue
		}
		if !l.isResult(&r) {
			l.postpone(r)
			continue
		}
		if l.observer.Probed != nil {
			l.observer.Probed(r.target, r.took, r.err)
		}
		if transition, changed := l.count(r); changed {
			transitions = append(transitions, transition)
		}
	}
	if len(transitions) > 0 {
		l.observer.Changed(transitions)
	}
	if first && l.waiting == 0 {
		l.endRound(time.Now())
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

// isResult reports whether a probe says anything of its endpoint. It inverts the result if the
// check says so.
func (l *loop) isResult(r *result) bool {
	switch {
	case l.isBlind(*r):
		l.settle(r.target)
		return false
	case isLocal(r.err) && !r.cutOff:
		l.trouble(fmt.Errorf("a probe can't be made, and its verdict stays as it is: %w", r.err))
		return false
	case l.targets[r.target].Check.Invert:
		r.err = invert(r.err)
	}
	return true
}

// settle removes a target from those that the first round waits for.
func (l *loop) settle(target int) {
	if !l.settled[target] {
		l.settled[target] = true
		l.waiting--
	}
}

// postpone schedules the next probe after one that said nothing: soon, unless this host has no
// IPv6, which lasts.
func (l *loop) postpone(r result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := &l.states[r.target]
	state.advance(r.began, l.targets[r.target].Check.Interval)
	if soon := time.Now().Add(retryInterval); !r.cutOff && soon.Before(state.due) {
		state.due = soon
	}
	l.schedule.enter(state.due, r.target)
}

// count adds a result to the state of its target and schedules the next probe.
func (l *loop) count(r result) (Transition, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	check, state := l.targets[r.target].Check, &l.states[r.target]
	state.advance(r.began, check.Interval)
	l.schedule.enter(state.due, r.target)
	first := !state.known
	l.settle(r.target)
	changed := state.count(r.err == nil, check.Rise, check.Fall)
	state.note(&r, changed)
	l.publishLocked(r.target)
	return Transition{Target: r.target, Up: !state.down, First: first, Runs: state.run, Reason: r.err}, changed
}

// invert makes a pass of a failure, and a failure of a pass.
func invert(err error) error {
	if err == nil {
		return errInverted
	}
	return nil
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
