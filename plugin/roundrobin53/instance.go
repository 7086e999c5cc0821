package roundrobin53

import (
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"

	"github.com/roundrobin53/roundrobin53/plugin/internal/corefile"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// An instance holds the handlers of one run of a Corefile. Caddy's instance keeps it in its
// storage.
//
// Caddy reloads in this order: setup of the new instance, its OnStartup, its sockets, Stop and
// OnShutdown of the old instance, InstanceStartupEvent. A start that fails on the way is dropped,
// and the dropped instance is not told. So nothing that others could see happens before the event:
// an instance adopts the state of the previous one in OnStartup, and begins to probe, to be logged,
// to be counted and to send NOTIFY when it serves. Until then the previous instance probes and
// hands on each verdict that changes. That may take seconds, since each plugin may take its time to
// shut down. Where another plugin's OnShutdown fails, caddy leaves the event out; then our own
// OnShutdown, if it is called, stands for the event.
type instance struct {
	handlers []*Handler
	prober   *prober
	states   *states
	names    *names
	fast     fastpath.Run
	pages    pages
	source   *corefile.Copy // what it was read from; for metrics

	// Caddy calls the hooks that change these one after another.
	first      bool // the start of a process, not a reload
	restarting bool // a reload that may replace the instance is under way

	// The lock of serving guards these.
	previous *instance // from OnStartup to the moment the instance serves; nil at the start of a process
	begun    bool      // it serves
}

// instanceKey is the key of an instance in caddy's storage.
type instanceKey struct{}

// serving holds the instance whose start succeeded last. A reload adopts from it, and metrics are
// about it.
var serving struct {
	mu       sync.Mutex
	instance *instance // nil if there is none
	next     *instance // an instance that has reached OnStartup, and may still fail
}

// servingInstance returns the instance that serves, or an empty one if none does.
func servingInstance() *instance {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == nil {
		return newInstance()
	}
	return serving.instance
}

func newInstance() *instance {
	in := &instance{prober: newProber(), names: new(names), pages: newPages(), states: newStates()}
	in.fast.Corefile = in.corefile
	return in
}

// instanceOf returns the instance that c sets up, and makes it at the first call.
func instanceOf(c *caddy.Controller) *instance {
	if in, ok := c.Get(instanceKey{}).(*instance); ok {
		return in
	}
	in := newInstance()
	c.Set(instanceKey{}, in)
	c.OnFirstStartup(in.firstStartup)
	c.OnStartup(in.startup) // not a closure: it lives as long as the instance, and c holds all words of the Corefile
	c.OnRestart(in.restart)
	c.OnRestartFailed(in.restartFailed)
	c.OnShutdown(in.shutdown)
	c.OnFinalShutdown(in.finalShutdown)
	// Caddy keeps one hook for each name, and drops all hooks when a signal reloads it.
	if !slices.Contains(caddy.ListPlugins()["event_hooks"], pluginName) {
		caddy.RegisterEventHook(pluginName, onEvent)
	}
	return in
}

// firstStartup is called before startup, but only when a process starts.
func (in *instance) firstStartup() error {
	in.first = true
	in.giveBack()
	return nil
}

// startup makes the handlers ready to answer, just before the sockets open. All server blocks are
// set up by then.
func (in *instance) startup() (err error) {
	defer func() {
		if err != nil {
			in.pages.closeExcept(servingInstance().pages)
		}
	}()
	for _, h := range in.handlers {
		if err := h.validateLocating(); err != nil {
			return err
		}
		if err := h.validateProbing(); err != nil {
			return err
		}
		h.block.look()
	}
	previous := newInstance()
	if !in.first {
		previous = servingInstance()
		in.fast.Generation = previous.fast.Generation + 1
	}
	if in.first {
		in.dropNext() // of a start that failed: caddy tells nobody of that
	}
	if err := in.openPages(previous.pages); err != nil {
		return err
	}
	in.source = corefile.Remember(in.corefile(), !in.isLarge())
	if err := in.names.prepare(in.handlers, in.prober, previous.names); err != nil {
		return err
	}
	for _, h := range in.handlers {
		in.prober.add(h) // with the targets of what is looked up
	}
	now := time.Now()
	store.Adopt(in.served(), previous.served(), now)
	in.states.open(in.handlers, previous.states, now)
	in.prober.prepare(previous.prober, now)
	in.names.attach(previous.names)
	serving.mu.Lock()
	defer serving.mu.Unlock()
	serving.next = in
	if !in.first {
		in.previous = previous
	}
	return nil
}

// onEvent returns caddy's event hook: when an instance has started, it serves.
func onEvent(event caddy.EventName, info any) error {
	started, ok := info.(*caddy.Instance)
	if event != caddy.InstanceStartupEvent || !ok {
		return nil
	}
	started.StorageMu.RLock()
	in, _ := started.Storage[instanceKey{}].(*instance)
	started.StorageMu.RUnlock()
	serving.mu.Lock()
	serving.instance, serving.next = in, nil
	serving.mu.Unlock()
	if in != nil {
		in.begin()
		in.giveBack()
		in.giveBackSoon()
	}
	return nil
}

// begin is called when the instance serves alone. Later calls do nothing.
func (in *instance) begin() {
	serving.mu.Lock()
	previous := in.previous
	begun := in.begun
	in.previous, in.begun = nil, true
	serving.mu.Unlock()
	if begun {
		return
	}
	in.settle()
	reloadFailed.Set(0)
	if previous == nil {
		previous = newInstance()
	}
	in.prober.start(previous.prober)
	in.states.start()
	in.names.start(previous.names)
	in.showPages(previous.pages)
	for _, note := range in.fast.Notes {
		log.Warning(note)
	}
	for _, h := range in.handlers {
		h.report()
		h.startNotifying(previous.handlers)
	}
}

// hasBegun reports whether the instance serves, so that its sockets are open.
func (in *instance) hasBegun() bool {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	return in.begun
}

// restart is called when a reload begins.
func (in *instance) restart() error {
	in.restarting = true
	in.dropNext() // whatever failed before
	in.tighten()
	return nil
}

// restartFailed is called when a reload failed: the instance goes on, and its successor is dropped.
func (in *instance) restartFailed() error {
	reloadFailed.Set(1)
	in.restarting = false
	in.dropNext()
	in.settle()
	in.giveBackSoon()
	return nil
}

// dropNext drops an instance that was to follow and failed, and stops what it began.
func (in *instance) dropNext() {
	serving.mu.Lock()
	next := serving.next
	serving.next = nil
	serving.mu.Unlock()
	if next != nil {
		next.pages.closeExcept(in.pages)
	}
	in.names.dropNext()
	in.prober.dropNext()
}

// shutdown ends the instance after a reload. Caddy also calls it at the end of the process; queries
// are still answered until finalShutdown, and so the probes go on.
func (in *instance) shutdown() error {
	if !in.restarting {
		in.pages.withdraw()
		return nil
	}
	serving.mu.Lock()
	next := serving.next
	serving.instance, serving.next = next, nil
	serving.mu.Unlock()
	restoreGC()
	in.closeOwn(next)
	in.names.stop()
	in.prober.stop()
	in.states.stop()
	if next != nil {
		next.begin()
	}
	return nil
}

// closeOwn ends the fast path and the status pages of the instance. The next instance, nil at the
// end of the process, keeps the sockets that it adopted.
func (in *instance) closeOwn(next *instance) {
	if next == nil {
		in.fast.Close(nil)
		in.pages.closeExcept(newPages())
		return
	}
	in.fast.Close(&next.fast)
	in.pages.closeExcept(next.pages)
}

// finalShutdown ends the instance at the end of the process. The health plugin, which stands before
// ours in the chain, has waited for its lameduck period by then.
func (in *instance) finalShutdown() error {
	restoreGC()
	in.closeOwn(nil)
	in.names.stop()
	in.prober.stop()
	in.states.stop()
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == in {
		serving.instance = nil
	}
	return nil
}
