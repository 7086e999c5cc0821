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
	Runs   int   // how many results in a row led to it
	Reason error // of the last failure; nil if up
}

// Observer is told what a monitor finds. Its functions are called from one goroutine, one at a time, and probing waits
// for them. None of them may call Stop, nor wait for someone who does.
type Observer struct {
	// Changed gets verdicts that changed, all that are known by then at once. Up and Known agree with them already.
	Changed func([]Transition)
	// Probed gets each result as it counts, so with Invert turned round; nil means that it passed. May be nil.
	Probed func(target int, took time.Duration, err error)
	// Trouble gets what keeps this process from probing, once in troubleInterval at most. May be nil.
	Trouble func(error)
	// IPv6 is told that this host has no IPv6, so that targets with such an address can't be probed, and that it has again.
	// May be nil.
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

	context    context.Context // ends with Stop
	cancel     context.CancelFunc
	running    sync.WaitGroup
	firstRound chan struct{}

	mu       sync.Mutex // guards what follows
	started  bool
	states   []state  // by target; once started, only the loop writes them
	ancestor *Monitor // that it inherited from last, until it starts
	lineage  []origin // by target: where in the ancestor it comes from
	blind    bool     // the observer was told that there is no IPv6
}

// memory is what is known of a target, and what its heir in another monitor takes over.
type state struct {
	threshold
	reason error     // of the latest result, nil if it passed
	phase  time.Time // when the next probe is due by the fixed rate
	due    time.Time // when it starts: the phase and some jitter. It stays as it is while the probe is under way
}

// The flags of a verdict. Without flagKnown there is no result yet, and a target is up unless it took over that it is down.
const (
	flagKnown = 1 << iota
	flagDown
)

// NewMonitor makes a monitor that does nothing before Start. Targets may not change any more.
func NewMonitor(targets []Target, observer Observer) *Monitor {
	m := &Monitor{
		targets: targets, observer: observer, bounds: systemBounds(), host: systemHost, newProber: newProber,
		flags: make([]atomic.Uint32, len(targets)), states: make([]state, len(targets)), firstRound: make(chan struct{}),
	}
	m.context, m.cancel = context.WithCancel(context.Background())
	if len(targets) == 0 {
		close(m.firstRound)
	}
	return m
}

// publishLocked makes the verdict of a target visible to everyone.
func (m *Monitor) publishLocked(target int) {
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
	if m.started || m.context.Err() != nil || len(m.targets) == 0 {
		return
	}
	m.started, m.ancestor, m.lineage = true, nil, nil
	l := newLoop(m)
	m.running.Go(func() { l.run(m.context) })
}

// Stop ends all probes, closes their connections and waits until every goroutine has ended. It may be called repeatedly,
// and without Start.
func (m *Monitor) Stop() {
	m.mu.Lock()
	m.cancel()
	m.mu.Unlock()
	m.running.Wait()
}

// FirstRound is closed when every target has had a result, and Changed was told of it; targets that this host can't have a
// result of, for lack of IPv6, are not waited for. It stays open if Stop comes first.
func (m *Monitor) FirstRound() <-chan struct{} { return m.firstRound }

// Up is the verdict on a target now. It is safe for concurrent use, as the following are.
func (m *Monitor) Up(target int) bool { return m.flags[target].Load()&flagDown == 0 }

// Known says whether a target has had a result.
func (m *Monitor) Known(target int) bool { return m.flags[target].Load()&flagKnown != 0 }

// Reason is why the latest result of a target was a failure; nil if it was none.
func (m *Monitor) Reason(target int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[target].reason
}

// Targets are what is probed. They may not be changed.
func (m *Monitor) Targets() []Target { return m.targets }
