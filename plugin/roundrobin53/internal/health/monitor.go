package health

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Transition is the change of one verdict.
type Transition struct {
	Target int
	Up     bool
	First  bool  // the first result decided
	Runs   int   // results in a row that led to it
	Reason error // why the last probe failed; nil if up
}

// Observer learns what a monitor finds. One goroutine calls its functions, one at a time, and
// probing waits for them. They must not call Stop, nor wait for someone who does.
type Observer struct {
	// Changed gets the verdicts that changed, as many at once as are known. Up and Known already
	// agree with them.
	Changed func([]Transition)
	// Probed gets each result as it counts, with Invert applied; a nil error is a pass. May be nil.
	Probed func(target int, took time.Duration, err error)
	// Trouble gets what keeps this process from probing, at most once in troubleInterval. May be
	// nil.
	Trouble func(error)
	// IPv6 is told when this host has no IPv6, so that IPv6 addresses can't be probed, and when it
	// has IPv6 again. May be nil.
	IPv6 func(isThere bool)
}

// Monitor probes targets and keeps their verdicts.
type Monitor struct {
	targets   []Target
	observer  Observer
	bounds    bounds
	host      host
	newProber func(Target) prober // makes the prober of a target
	flags     []atomic.Uint32     // by target; written with mu held

	latest []atomic.Pointer[Latest] // by target, nil without a result; written with mu held

	context    context.Context // ends with Stop
	cancel     context.CancelFunc
	running    sync.WaitGroup
	firstRound chan struct{}

	mu       sync.Mutex // guards what follows
	started  bool
	states   []state  // by target; after Start only the loop writes them
	ancestor *Monitor // the monitor that it inherited from last, until it starts
	lineage  []origin // by target: its origin in the ancestor
	traced   int      // the version of the ancestor that lineage is of
	blind    bool     // the observer knows that there is no IPv6
	vacant   []int    // numbers without a target: see Place
	version  int      // of the targets: it counts changes
	pending  changes
}

// state holds the results and the pace of a target. A target of a later monitor may take it over.
type state struct {
	threshold
	Latest
	phase time.Time // when the next probe is due by the fixed rate
	due   time.Time // when it starts, the phase and some jitter; unchanged while the probe is under way
}

// The flags of a verdict. Without flagKnown there is no result yet; then a target is up unless it
// inherited flagDown.
const (
	flagKnown = 1 << iota
	flagDown
)

// NewMonitor makes a monitor, which does nothing before Start. The caller must not change targets
// any more.
func NewMonitor(targets []Target, observer Observer) *Monitor {
	m := &Monitor{
		targets: targets, observer: observer, bounds: systemBounds(), host: systemHost, newProber: newProber,
		firstRound: make(chan struct{}), pending: changes{wake: make(chan struct{}, 1)},
	}
	m.grow(len(targets))
	m.context, m.cancel = context.WithCancel(context.Background())
	if len(targets) == 0 {
		close(m.firstRound)
	}
	return m
}

// grow makes room for a number of targets. Nobody may know the monitor yet.
func (m *Monitor) grow(places int) {
	targets, states := make([]Target, places), make([]state, places)
	copy(targets, m.targets)
	copy(states, m.states)
	m.targets, m.states = targets, states
	m.flags, m.latest = make([]atomic.Uint32, places), make([]atomic.Pointer[Latest], places)
}

// publishLocked makes the Latest of a target visible to everyone.
func (m *Monitor) publishLocked(target int) {
	if latest := m.states[target].Latest; !latest.Since.IsZero() {
		m.latest[target].Store(&latest)
	}
	var flags uint32
	if m.states[target].known {
		flags |= flagKnown
	}
	if m.states[target].down {
		flags |= flagDown
	}
	m.flags[target].Store(flags)
}

// Start begins to probe. It must be called at most once; after Stop it does nothing.
func (m *Monitor) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ancestor, m.lineage = nil, nil // even if there is nothing to probe: it holds all that its observer knows
	if m.started || m.context.Err() != nil || len(m.targets) == 0 {
		return
	}
	m.started = true
	m.pending.added, m.pending.removed = nil, nil
	l := newLoop(m)
	m.running.Go(func() { l.run(m.context) })
}

// Stop ends all probes, closes their connections and waits until every goroutine has ended. It may
// be called repeatedly, and without Start.
func (m *Monitor) Stop() {
	m.mu.Lock()
	m.cancel()
	m.mu.Unlock()
	m.running.Wait()
}

// FirstRound returns a channel that is closed when every target has had a result and Changed has
// returned. It does not wait for targets that this host can't probe for lack of IPv6. If Stop comes
// first, the channel stays open.
func (m *Monitor) FirstRound() <-chan struct{} { return m.firstRound }

// Up returns the verdict on a target. It is safe for concurrent use, as are the following methods.
func (m *Monitor) Up(target int) bool { return m.flags[target].Load()&flagDown == 0 }

// Known reports whether a target has had a result.
func (m *Monitor) Known(target int) bool { return m.flags[target].Load()&flagKnown != 0 }

// Targets returns the targets. The caller must not change them.
func (m *Monitor) Targets() []Target { return m.targets }

// Latest describes the verdict and the latest probe of a target. The zero value belongs to a target
// without a result.
type Latest struct {
	Since  time.Time     // when the verdict was reached: the end of the probe that decided
	At     time.Time     // when the latest probe ended
	Took   time.Duration // how long it took
	Reason error         // why it failed; nil if it passed
}

// Latest describes the verdict and the latest probe of a target. It takes no lock, so its callers
// keep no probe waiting.
func (m *Monitor) Latest(target int) Latest {
	if latest := m.latest[target].Load(); latest != nil {
		return *latest
	}
	return Latest{}
}

// note keeps a result for Latest.
func (s *state) note(r *result, changed bool) {
	s.At = r.began.Add(r.took)
	s.Took, s.Reason = r.took, r.err
	if changed || s.Since.IsZero() {
		s.Since = s.At
	}
}
