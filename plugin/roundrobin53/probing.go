package roundrobin53

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// firstRoundLimit is how long ready waits for the first results. Names have to be answered even if
// endpoints do not answer their probes.
const firstRoundLimit = 5 * time.Second

// A prober probes the targets of all handlers of an instance, each target once, and hands the
// verdicts to the stores.
type prober struct {
	lock    sync.RWMutex // guards targets and index; whoever holds it does not wait for a probe
	targets []probed     // by their numbers in the monitor; one without subscribers is a vacant place
	index   map[store.TargetKey]int

	handlers []*Handler
	monitor  atomic.Pointer[health.Monitor] // nil before all targets are known
	next     atomic.Pointer[prober]         // that of the next instance, which hears of all changes
	limit    chan struct{}                  // closed when ready need not wait any longer

	isProbing atomic.Bool
	timer     *time.Timer // of limit; nil before the start

	mu sync.Mutex // held while the prober adopts
}

// A probed is a target with the stores that subscribe to it.
type probed struct {
	health.Target
	subscribers []subscriber

	// The labels and counters are those of the block that had the target first, looked up once.
	store.Watch
	passed, failed, up, down prometheus.Counter
	took                     prometheus.Observer
}

// A subscriber is a store that needs a target's verdicts. It knows the target by a number of its
// own.
type subscriber struct {
	s      *store.Store
	target int
}

func newProber() *prober {
	return &prober{index: make(map[store.TargetKey]int), limit: make(chan struct{})}
}

// add adds the targets of a handler. It may be called only before the start.
func (p *prober) add(h *Handler) {
	p.handlers = append(p.handlers, h)
	s := h.store.Load()
	for i := range s.Targets {
		p.subscribe(h, store.NumberedTarget{Target: s.Targets[i], Number: i})
	}
	for _, t := range s.LiveTargets() {
		p.subscribe(h, t)
	}
	for _, watch := range s.Watches {
		p.targets[p.index[s.Targets[watch.Target].Key]].label(h, watch)
	}
}

// label gives a target the labels and counters of a watch, unless it has some already.
func (t *probed) label(h *Handler, watch store.Watch) {
	if t.passed != nil || watch.Check == "" {
		return
	}
	t.Watch = watch
	t.passed = probesTotal.WithLabelValues(watch.Zone, h.block.view, watch.Check, "pass")
	t.failed = probesTotal.WithLabelValues(watch.Zone, h.block.view, watch.Check, "fail")
	t.up = transitionsTotal.WithLabelValues(watch.Zone, h.block.view, watch.Check, "up")
	t.down = transitionsTotal.WithLabelValues(watch.Zone, h.block.view, watch.Check, "down")
	t.took = probeDuration.WithLabelValues(watch.Zone, h.block.view, watch.Check)
}

// isUp returns the verdict of a target. A target that is not probed is up.
func (p *prober) isUp(key store.TargetKey) bool {
	number, monitor := p.find(key)
	return monitor == nil || monitor.Up(number)
}

// isKnown reports whether a target has had a result.
func (p *prober) isKnown(key store.TargetKey) bool {
	number, monitor := p.find(key)
	return monitor != nil && monitor.Known(number)
}

// find returns the number of a target, and its monitor; nil if it is not probed.
func (p *prober) find(key store.TargetKey) (int, *health.Monitor) {
	p.lock.RLock()
	defer p.lock.RUnlock()
	number, ok := p.index[key]
	if !ok {
		return 0, nil
	}
	return number, p.monitor.Load()
}

// latest describes the verdict and the latest probe of a target. The zero value: no result yet.
func (p *prober) latest(key store.TargetKey) health.Latest {
	number, monitor := p.find(key)
	if monitor == nil {
		return health.Latest{}
	}
	return monitor.Latest(number)
}

// prepare makes the monitor once all handlers are there. From then until the start, the stores get
// each verdict that the previous prober has of the same targets.
func (p *prober) prepare(before *prober, now time.Time) {
	p.monitor.Store(p.newMonitor(0))
	if len(before.handlers) == 0 {
		return
	}
	before.next.Store(p) // from here on nothing is missed
	p.adopt(before)
	for _, h := range p.handlers {
		s := h.store.Load()
		keys := s.TargetKeys() // not under the lock of Verdicts
		up := make([]bool, len(keys))
		for i, key := range keys {
			up[i] = p.isUp(key)
		}
		s.Verdicts.UpdateAll(func(target int) bool { return up[target] }, now)
		s.Verdicts.Start() // if the instance fails, the previous one drops it
	}
}

// adopt takes over the verdicts that the previous prober has.
func (p *prober) adopt(before *prober) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := before.monitor.Load(); old != nil {
		p.hand(p.monitor.Load().Inherit(old))
	}
}

// dropNext stops the prober that was to follow, if there is one.
func (p *prober) dropNext() {
	if next := p.next.Swap(nil); next != nil {
		next.stop()
	}
}

// start begins to probe. The previous prober has stopped, or is about to.
func (p *prober) start(before *prober) {
	before.next.Store(nil)
	p.adopt(before)
	for _, h := range p.handlers {
		s := h.store.Load()
		s.Verdicts.Start()
		s.Verdicts.Serve(h.tellFailOpen)
	}
	p.isProbing.Store(true)
	p.monitor.Load().Start()
	p.timer = time.AfterFunc(firstRoundLimit, func() {
		close(p.limit)
		p.reportUnknown()
	})
}

// stop ends everything that start began.
func (p *prober) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	if monitor := p.monitor.Load(); monitor != nil {
		monitor.Stop()
	}
	for _, h := range p.handlers {
		h.store.Load().Verdicts.Stop()
	}
}

// isReady reports whether every target has had a result, or the time to wait for one is over. It
// may be called only after start.
func (p *prober) isReady() bool {
	select {
	case <-p.monitor.Load().FirstRound():
		return p.isOver() || p.knowsAll()
	default:
		return p.isOver()
	}
}

// isOver reports whether the time to wait for first results is over.
func (p *prober) isOver() bool {
	select {
	case <-p.limit:
		return true
	default:
		return false
	}
}

// hand gives the verdicts of targets to the stores that subscribe to them.
func (p *prober) hand(targets []int) {
	p.lock.RLock() // to the end: nobody gives a number to another target meanwhile
	defer p.lock.RUnlock()
	monitor := p.monitor.Load()
	verdicts := make(map[*store.Store][]policy.Verdict)
	for _, target := range targets {
		if target >= len(p.targets) {
			continue
		}
		for _, u := range p.targets[target].subscribers {
			verdicts[u.s] = append(verdicts[u.s], policy.Verdict{Target: u.target, Up: monitor.Up(target)})
		}
	}
	now := time.Now()
	for s, changed := range verdicts {
		s.Verdicts.Update(changed, now)
	}
}

// changed hands verdicts on to the stores and to the next instance's prober, counts them, and logs
// them.
func (p *prober) changed(transitions []health.Transition) {
	targets := make([]int, len(transitions))
	for i := range transitions {
		targets[i] = transitions[i].Target
	}
	p.hand(targets)
	if next := p.next.Load(); next != nil {
		next.adopt(p)
	}
	p.lock.RLock()
	defer p.lock.RUnlock()
	for _, transition := range transitions {
		t := &p.targets[transition.Target]
		switch {
		case t.passed == nil: // it has gone
		case transition.Up:
			t.up.Inc()
			log.Info(t.transitionText(transition))
		default:
			t.down.Inc()
			log.Warning(t.transitionText(transition))
		}
	}
}

// countProbe counts a probe, by its result.
func (p *prober) countProbe(target int, took time.Duration, err error) {
	p.lock.RLock()
	defer p.lock.RUnlock()
	switch t := &p.targets[target]; {
	case t.passed == nil: // it has gone
		return
	case err == nil:
		t.passed.Inc()
	default:
		t.failed.Inc()
	}
	p.targets[target].took.Observe(took.Seconds())
}
