package roundrobin53

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coredns/caddy"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// instance is the handlers of one run of a Corefile. Caddy's instance holds it in its storage.
//
// Caddy's order of a reload is: setup of the new instance, its OnStartup, its sockets, Stop and OnShutdown of the old
// instance, InstanceStartupEvent. A start that fails on the way is dropped, and nobody tells the one that was dropped.
// So nothing that others could see happens before the event: an instance takes over from its predecessor in OnStartup,
// and begins to probe, to be logged, to be counted, and to send NOTIFY when it serves. Until then its predecessor probes,
// and tells it of every verdict that changes: that may take seconds, since each plugin may take its time to shut down. (Where another plugin's OnShutdown
// fails, caddy leaves the event out: then ours, if it comes, stands for it.)
type instance struct {
	handlers []*Handler
	first    bool // the start of a process, not a reload
	prober   *prober

	fast fastpath.Run

	previous   *instance // from its OnStartup to the moment it serves
	begun      bool
	restarting bool // a reload is under way that is to replace it
	usualGC    int  // GOGC outside of this reload; 0: the reload leaves it alone
}

// instanceKey is the key of an instance in caddy's storage.
type instanceKey struct{}

// serving is the instance whose start succeeded last. It is what a reload takes over from, and what metrics are about.
var serving struct {
	mu       sync.Mutex
	instance *instance // nil if there is none
	next     *instance // one that has come to its OnStartup, and may fail yet
}

// servingInstance is the instance that serves; an empty one if none does.
func servingInstance() *instance {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == nil {
		return newInstance()
	}
	return serving.instance
}

func newInstance() *instance {
	in := &instance{prober: newProber()}
	in.fast.Corefile = in.corefile
	return in
}

// instanceOf is the instance that c sets up.
func instanceOf(c *caddy.Controller) *instance {
	if in, ok := c.Get(instanceKey{}).(*instance); ok {
		return in
	}
	in := newInstance()
	c.Set(instanceKey{}, in)
	c.OnFirstStartup(in.firstStartup)
	c.OnStartup(in.startup) // it lives as long as the instance, and may not hold c, which holds all words of the Corefile
	c.OnRestart(in.restart)
	c.OnRestartFailed(in.restartFailed)
	c.OnShutdown(in.shutdown)
	c.OnFinalShutdown(in.finalShutdown)
	// Caddy keeps one hook of a name, and drops all of them when a signal reloads it.
	if !slices.Contains(caddy.ListPlugins()["event_hooks"], pluginName) {
		caddy.RegisterEventHook(pluginName, onEvent)
	}
	return in
}

// firstStartup comes before startup, at the start of a process only.
func (in *instance) firstStartup() error {
	in.first = true
	in.giveBack()
	return nil
}

// startup makes the handlers ready to answer, a moment before the sockets open. All server blocks are complete by then.
func (in *instance) startup() error {
	for _, h := range in.handlers {
		if err := h.validateLocating(); err != nil {
			return err
		}
		h.block.look()
		in.prober.add(h)
	}
	previous := newInstance()
	if !in.first {
		previous = servingInstance()
		in.previous, in.fast.Generation = previous, previous.fast.Generation+1
	}
	now := time.Now()
	store.Adopt(in.served(), previous.served(), now)
	in.prober.prepare(previous.prober, now)
	serving.mu.Lock()
	serving.next = in
	serving.mu.Unlock()
	return nil
}

// validateLocating tells whether the plugins are there that know where a client is.
func (h *Handler) validateLocating() error {
	for rrset, set := range h.store.Load().All() {
		needs := set.Needs() & (policy.NeedsPlaces | policy.NeedsPoint)
		if needs == 0 {
			continue
		}
		for _, name := range []string{"metadata", "geoip"} {
			if h.block.config.Handler(name) == nil {
				word := "geo"
				if needs&policy.NeedsPlaces == 0 {
					word = "order nearest"
				}
				return fmt.Errorf("%s: %s: %s: the plugins metadata and geoip tell where a client is; the server block has no %s", &h.block, rrset.Name, word, name)
			}
		}
	}
	return nil
}

// onEvent is caddy's event hook.
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
	}
	return nil
}

// begin is the moment from which an instance serves alone.
func (in *instance) begin() {
	serving.mu.Lock()
	previous := in.previous
	begun := in.begun
	in.previous, in.begun = nil, true
	serving.mu.Unlock()
	if begun {
		return
	}
	reloadFailed.Set(0)
	if previous == nil {
		previous = newInstance()
	}
	in.prober.start(previous.prober)
	for _, note := range in.fast.Notes {
		log.Warning(note)
	}
	for _, h := range in.handlers {
		h.report()
		if changed := h.changedZones(); h.block.transfer != nil && len(changed) > 0 {
			go notify(h.block.transfer, changed)
		}
	}
}

// hasBegun reports whether the instance serves: its sockets are open.
func (in *instance) hasBegun() bool {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	return in.begun
}

// restart is told that a reload begins.
func (in *instance) restart() error {
	in.restarting = true
	in.dropNext() // whatever failed before
	in.tighten()
	return nil
}

// restartFailed is told that the instance goes on, and the one that was to replace it is dropped.
func (in *instance) restartFailed() error {
	reloadFailed.Set(1)
	in.restarting = false
	in.dropNext()
	in.loosen()
	return nil
}

// disown drops an instance that was to follow and failed, and ends what it has begun.
func (in *instance) dropNext() {
	serving.mu.Lock()
	serving.next = nil
	serving.mu.Unlock()
	in.prober.dropNext()
}

// shutdown ends an instance after a reload. At the end of the process it comes too, but queries are answered until
// finalShutdown, and so the probes go on.
func (in *instance) shutdown() error {
	if !in.restarting {
		return nil
	}
	serving.mu.Lock()
	next := serving.next
	serving.instance, serving.next = next, nil
	serving.mu.Unlock()
	in.loosen()
	in.closeFast(next)
	in.prober.stop()
	if next != nil {
		next.begin()
	}
	return nil
}

// closeFast ends the fast path of the instance, but for what the next one takes over; there is none at the end of the process.
func (in *instance) closeFast(next *instance) {
	if next == nil {
		in.fast.Close(nil)
		return
	}
	in.fast.Close(&next.fast)
}

// finalShutdown ends an instance at the end of the process, after the lameduck of the health plugin, which stands before
// this one in the chain.
func (in *instance) finalShutdown() error {
	in.closeFast(nil)
	in.prober.stop()
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == in {
		serving.instance = nil
	}
	return nil
}
