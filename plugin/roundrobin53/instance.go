package roundrobin53

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/transfer"
)

// instance is the handlers of one run of a Corefile. Caddy's instance holds it in its storage.
//
// Caddy's order of a reload is: setup of the new instance, its OnStartup, its sockets, Stop and OnShutdown of the old
// instance, InstanceStartupEvent. A start that fails on the way is dropped, and nobody tells the one that was dropped.
// So nothing that others could see happens before the event: an instance takes over from its predecessor in OnStartup,
// and begins to be logged, to be counted, and to send NOTIFY when it serves. (Where another plugin's OnShutdown fails,
// caddy leaves the event out: then there are no gauges, and rotations start anew at the next reload.)
type instance struct {
	handlers []*Handler
	keys     map[string]*Handler // by server block, see key
	first    bool                // the start of a process, not a reload
}

// instanceKey is the key of an instance in caddy's storage.
type instanceKey struct{}

// serving is the instance whose start succeeded last. It is what a reload takes over from, and what metrics are about.
var serving struct {
	mu       sync.Mutex
	instance *instance // nil if there is none
}

// servingInstance is the instance that serves; an empty one if none does.
func servingInstance() *instance {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == nil {
		return &instance{}
	}
	return serving.instance
}

// instanceOf is the instance that c sets up.
func instanceOf(c *caddy.Controller) *instance {
	if in, ok := c.Get(instanceKey{}).(*instance); ok {
		return in
	}
	in := &instance{keys: make(map[string]*Handler)}
	c.Set(instanceKey{}, in)
	c.OnFirstStartup(in.firstStartup)
	c.OnShutdown(in.shutdown)
	// Caddy keeps one hook of a name, and drops all of them when a signal reloads it.
	if !slices.Contains(caddy.ListPlugins()["event_hooks"], pluginName) {
		caddy.RegisterEventHook(pluginName, onEvent)
	}
	return in
}

// largeLoad is how many values make the garbage of reading a Corefile worth a collection of its own.
const largeLoad = 100_000

// firstStartup comes before startup, at the start of a process only. The memory that a large Corefile was read with is
// given back to the system then. It takes a collection, so it is not done at reloads, when there are queries to answer.
func (in *instance) firstStartup() error {
	in.first = true
	values := 0
	for _, h := range in.handlers {
		for i := range h.zones {
			values += h.zones[i].count
		}
	}
	if values >= largeLoad {
		debug.FreeOSMemory()
	}
	return nil
}

// startup makes a handler ready to answer, a moment before the sockets open.
func (in *instance) startup(h *Handler, config *dnsserver.Config, serverBlockKeys []string) {
	h.view = config.ViewName
	h.signed = config.Handler("dnssec") != nil
	h.transfer, _ = config.Handler("transfer").(*transfer.Transfer)
	key := in.key(serverBlockKeys, h.view)
	in.keys[key] = h
	var predecessor *Handler
	if !in.first {
		predecessor = servingInstance().keys[key]
	}
	h.succeed(predecessor, time.Now())
	h.block, h.config = strings.Join(serverBlockKeys, " "), config
}

// key names a server block from one run to the next: its keys, its view, and its position among blocks equal in both.
func (in *instance) key(serverBlockKeys []string, view string) string {
	base := strings.Join(serverBlockKeys, " ") + " " + view
	for n := 0; ; n++ {
		if key := fmt.Sprintf("%s %d", base, n); in.keys[key] == nil {
			return key
		}
	}
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
	serving.instance = in
	serving.mu.Unlock()
	if in != nil {
		for _, h := range in.handlers {
			h.report()
			if h.transfer != nil && len(h.changed) > 0 {
				go notify(h.transfer, h.changed)
			}
		}
	}
	return nil
}

// shutdown ends an instance: after a reload, or at the end of the process.
func (in *instance) shutdown() error {
	serving.mu.Lock()
	defer serving.mu.Unlock()
	if serving.instance == in {
		serving.instance = nil
	}
	return nil
}
