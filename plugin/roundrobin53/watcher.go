package roundrobin53

import (
	"fmt"
	"strings"
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
	timer    *time.Timer                    // of limit; nil before the start

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

// isKnown reports whether a target has had a result.
func (w *watcher) isKnown(key targetKey) bool {
	number, ok := w.index[key]
	monitor := w.monitor.Load()
	return ok && monitor != nil && monitor.Known(number)
}

// prepare makes the monitor when all handlers are there, and lets them know what the watcher before knows of the same
// targets, now and until the start.
func (w *watcher) prepare(before *watcher, now time.Time) {
	targets := make([]health.Target, len(w.targets))
	for i := range w.targets {
		targets[i] = w.targets[i].Target
	}
	monitor := health.NewMonitor(targets, health.Observer{Changed: w.changed, Probed: w.probed, Trouble: trouble, IPv6: w.foundIPv6})
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
		h.keeper.serve()
	}
	w.monitor.Load().Start()
	w.timer = time.AfterFunc(firstRoundLimit, func() {
		close(w.limit)
		w.reportUnknown()
	})
}

// stop ends all that start began.
func (w *watcher) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
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

// String names a target as operators know it.
func (t *watched) String() string {
	text := fmt.Sprintf("%s check %s: %s", t.zone, t.check, t.value)
	if address := t.Address.String(); address != t.value {
		text += " (" + address + ")"
	}
	return text
}

// transitionText tells what changed, and why.
func (t *watched) transitionText(transition health.Transition) string {
	text := t.String()
	switch {
	case transition.Up:
		return fmt.Sprintf("%s is up: %s in a row", text, plural(transition.Runs, "pass", "passes"))
	case transition.First:
		return fmt.Sprintf("%s is down: the first probe failed: %v", text, transition.Reason)
	}
	return fmt.Sprintf("%s is down: %s in a row, the last: %v", text, plural(transition.Runs, "failure", "failures"), transition.Reason)
}

func plural(n int, one, more string) string {
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

// reportUnknown logs of which targets there is no result yet: they are answered as if they were up.
func (w *watcher) reportUnknown() {
	monitor := w.monitor.Load()
	var unknown []string
	more := 0
	for i := range w.targets {
		switch {
		case monitor.Known(i) || !monitor.Up(i):
		case len(unknown) < maxWarnings:
			unknown = append(unknown, w.targets[i].String())
		default:
			more++
		}
	}
	if len(unknown) == 0 {
		return
	}
	text := strings.Join(unknown, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	log.Warningf("checks: no result after %s, and taken for up: %s", firstRoundLimit, text)
}

// foundIPv6 logs that this host has no IPv6, or that it has again.
func (w *watcher) foundIPv6(isThere bool) {
	if isThere {
		log.Info("checks: this host has IPv6 again")
		return
	}
	n := 0
	for i := range w.targets {
		if w.targets[i].Address.Is6() {
			n++
		}
	}
	log.Warningf("checks: this host has no IPv6: %s of IPv6 addresses can't be made; verdicts stay as they are, and what never had one is taken for up", plural(n, "check", "checks"))
}

// trouble logs what keeps probes from being made as they should.
func trouble(err error) { log.Warningf("checks: %v", err) }
