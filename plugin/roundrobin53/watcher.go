package roundrobin53

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

// firstRoundLimit is how long ready waits for the first results: where endpoints do not answer, names are to be answered
// all the same.
const firstRoundLimit = 5 * time.Second

// watcher probes the targets of all handlers of an instance, each target once, and hands the verdicts to their keepers.
type watcher struct {
	targets []watched
	index   map[targetKey]int

	handlers []*Handler
	monitor  atomic.Pointer[health.Monitor] // nil before all targets are known
	heir     atomic.Pointer[watcher]        // of the instance that is to follow, which hears of all that changes
	limit    chan struct{}                  // closed when ready need not wait any longer

	mu sync.Mutex // one inherits at a time
}

// watched is a target and who has to do with it.
type watched struct {
	health.Target
	users []user

	// Of the block that had the target first, resolved once.
	watch
	passed, failed, up, down prometheus.Counter
	took                     prometheus.Observer
}

// user is a handler that has a target, by a number of its own.
type user struct {
	h      *Handler
	target int
}

func newWatcher() *watcher {
	return &watcher{index: make(map[targetKey]int), limit: make(chan struct{})}
}

// add adds the targets of a handler. It may be called only before the start.
func (w *watcher) add(h *Handler) {
	w.handlers = append(w.handlers, h)
	for i := range h.targets {
		key := h.targets[i].key
		number, ok := w.index[key]
		if !ok {
			number = len(w.targets)
			w.index[key] = number
			w.targets = append(w.targets, watched{Target: h.targets[i].Target})
		}
		w.targets[number].users = append(w.targets[number].users, user{h, i})
	}
	for _, watch := range h.watches {
		t := &w.targets[w.index[h.targets[watch.target].key]]
		if t.passed != nil {
			continue
		}
		t.watch = watch
		t.passed = probesTotal.WithLabelValues(watch.zone, h.view, watch.check, "pass")
		t.failed = probesTotal.WithLabelValues(watch.zone, h.view, watch.check, "fail")
		t.up = transitionsTotal.WithLabelValues(watch.zone, h.view, watch.check, "up")
		t.down = transitionsTotal.WithLabelValues(watch.zone, h.view, watch.check, "down")
		t.took = probeDuration.WithLabelValues(watch.zone, h.view, watch.check)
	}
}

// isUp is the verdict of a target; what is not watched is up.
func (w *watcher) isUp(key targetKey) bool {
	number, ok := w.index[key]
	monitor := w.monitor.Load()
	return !ok || monitor == nil || monitor.Up(number)
}

// prepare makes the monitor when all handlers are there, and lets them know what the watcher before knows of the same
// targets, now and until the start.
func (w *watcher) prepare(before *watcher, now time.Time) {
	targets := make([]health.Target, len(w.targets))
	for i := range w.targets {
		targets[i] = w.targets[i].Target
	}
	monitor := health.NewMonitor(targets, health.Observer{Changed: w.changed, Probed: w.probed, Trouble: trouble})
	w.monitor.Store(monitor)
	if len(before.handlers) == 0 {
		return
	}
	before.heir.Store(w) // from here on nothing is missed
	w.inherit(before)
	for _, h := range w.handlers {
		h.keeper.setAll(func(target int) bool { return w.isUp(h.targets[target].key) }, now)
		h.keeper.start() // if the instance fails, the one before disowns it
	}
}

// inherit takes over what another watcher knows by now.
func (w *watcher) inherit(before *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := before.monitor.Load(); old != nil {
		w.hand(w.monitor.Load().Inherit(old))
	}
}

// disown stops the watcher that was to follow, if there is one.
func (w *watcher) disown() {
	if heir := w.heir.Swap(nil); heir != nil {
		heir.stop()
	}
}

// start begins to probe. The watcher before has stopped, or does so soon.
func (w *watcher) start(before *watcher) {
	before.heir.Store(nil)
	w.inherit(before)
	for _, h := range w.handlers {
		h.keeper.start()
	}
	time.AfterFunc(firstRoundLimit, func() { close(w.limit) })
	w.monitor.Load().Start()
}

// stop ends all that start began.
func (w *watcher) stop() {
	if monitor := w.monitor.Load(); monitor != nil {
		monitor.Stop()
	}
	for _, h := range w.handlers {
		h.keeper.stop()
	}
}

// isReady reports whether every target has had a result, or whether it is time to answer without. It may be asked only
// after the start.
func (w *watcher) isReady() bool {
	select {
	case <-w.monitor.Load().FirstRound():
		return true
	case <-w.limit:
		return true
	default:
		return false
	}
}

// hand gives the verdicts of targets to the keepers of those concerned.
func (w *watcher) hand(targets []int) {
	monitor := w.monitor.Load()
	verdicts := make(map[*Handler][]verdict)
	for _, target := range targets {
		for _, u := range w.targets[target].users {
			verdicts[u.h] = append(verdicts[u.h], verdict{u.target, monitor.Up(target)})
		}
	}
	now := time.Now()
	for h, changed := range verdicts {
		h.keeper.set(changed, now)
	}
}

// changed hands on verdicts that changed, to the instance that is to follow too, and logs them.
func (w *watcher) changed(transitions []health.Transition) {
	targets := make([]int, len(transitions))
	for i := range transitions {
		targets[i] = transitions[i].Target
	}
	w.hand(targets)
	if heir := w.heir.Load(); heir != nil {
		heir.inherit(w)
	}
	for _, transition := range transitions {
		t := &w.targets[transition.Target]
		if transition.Up {
			t.up.Inc()
			log.Info(t.transitionText(transition))
		} else {
			t.down.Inc()
			log.Warning(t.transitionText(transition))
		}
	}
}

// transitionText tells what changed, and why.
func (t *watched) transitionText(transition health.Transition) string {
	text := fmt.Sprintf("%s check %s: %s", t.zone, t.check, t.value)
	if address := t.Address.String(); address != t.value {
		text += " (" + address + ")"
	}
	switch {
	case transition.Up:
		return fmt.Sprintf("%s is up: %s in a row", text, count(transition.Runs, "pass", "passes"))
	case transition.First:
		return fmt.Sprintf("%s is down: the first probe failed: %v", text, transition.Reason)
	}
	return fmt.Sprintf("%s is down: %s in a row, the last: %v", text, count(transition.Runs, "failure", "failures"), transition.Reason)
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// probed counts a result.
func (w *watcher) probed(target int, took time.Duration, err error) {
	t := &w.targets[target]
	t.took.Observe(took.Seconds())
	if err == nil {
		t.passed.Inc()
	} else {
		t.failed.Inc()
	}
}

// trouble logs what keeps probes from being made as they should.
func trouble(err error) { log.Warningf("checks: %v", err) }
