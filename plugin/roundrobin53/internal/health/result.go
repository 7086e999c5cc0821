package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// result is the result of one probe.
type result struct {
	target int
	began  time.Time
	took   time.Duration
	err    error
	cutOff bool         // this host has no address or route for the target
	left   *net.TCPConn // a connection that is yet to be closed; nil if there is none
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
	l.schedule.Enter(state.due, r.target)
}

// count adds a result to the state of its target and schedules the next probe.
func (l *loop) count(r result) (Transition, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	check, state := l.targets[r.target].Check, &l.states[r.target]
	state.advance(r.began, check.Interval)
	l.schedule.Enter(state.due, r.target)
	first := !state.known
	l.settle(r.target)
	changed := state.count(r.err == nil, check.Rise, check.Fall)
	state.note(&r, changed)
	l.publishLocked(r.target)
	return Transition{Target: r.target, Up: !state.down, First: first, Runs: state.run, Reason: r.err}, changed
}

// errInverted is the reason why an endpoint whose probes pass is down.
var errInverted = errors.New("passed, and the check is inverted")

// invert makes a pass of a failure, and a failure of a pass.
func invert(err error) error {
	if err == nil {
		return errInverted
	}
	return nil
}
