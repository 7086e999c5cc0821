package roundrobin53

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/transfer"
)

func init() { plugin.Register(pluginName, setup) }

// setup reads the directives of a server block. It starts nothing and changes nothing outside of the new instance: a
// Corefile with an error is discarded after it.
func setup(c *caddy.Controller) error {
	conf, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	h := conf.build()
	config := dnsserver.GetConfig(c)
	config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		h.Next = next
		return h
	})
	in := instanceOf(c)
	in.handlers = append(in.handlers, h)
	// The callbacks live as long as the instance. They may not hold c, which holds all words of the Corefile.
	keys := c.ServerBlockKeys
	c.OnStartup(func() error {
		in.startup(h, config, keys)
		return nil
	})
	c.OnFirstStartup(h.returnParseMemory)
	return nil
}

// instanceOf is the instance that c sets up.
func instanceOf(c *caddy.Controller) *instance {
	if in, ok := c.Get(instanceKey{}).(*instance); ok {
		return in
	}
	in := &instance{keys: make(map[string]*Handler)}
	c.Set(instanceKey{}, in)
	c.OnRestart(in.offer)
	c.OnRestartFailed(in.abandon)
	c.OnShutdown(in.shutdown)
	return in
}

// startup makes h ready to answer, a moment before the sockets open.
func (in *instance) startup(h *Handler, config *dnsserver.Config, keys []string) {
	h.view = config.ViewName
	h.signed = config.Handler("dnssec") != nil
	predecessor := in.start(h, in.key(keys, h.view))
	changed := h.succeed(predecessor, time.Now())
	h.startCounting()
	if len(in.keys) == len(in.handlers) {
		publish(in.handlers)
	}
	h.report(strings.Join(keys, " "), config)
	if t, ok := config.Handler("transfer").(*transfer.Transfer); ok {
		ctx, cancel := context.WithCancel(context.Background())
		h.stop = cancel
		go notify(ctx, t, changed)
	}
}

// succeed takes over from the handler of the same server block in the instance before, if there was one: the rotations
// go on, and zones that did not change keep their serial. It returns the zones that are new or changed.
func (h *Handler) succeed(old *Handler, now time.Time) (changed []string) {
	for i, zone := range h.table.Zones() {
		serial := uint32(now.Unix())
		before, same := old.zoneState(h.zones[i].name)
		switch {
		case same && before.hash == h.zones[i].hash:
			serial = before.serial
		case same && !isNewer(serial, before.serial):
			serial = before.serial + 1
			fallthrough
		default:
			changed = append(changed, h.zones[i].name)
		}
		h.zones[i].serial = serial
		zone.SetSerial(serial)
	}
	if old != nil {
		h.adoptCounters(old)
	}
	return changed
}

// zoneState is the state of a zone of h, which may be nil.
func (h *Handler) zoneState(name string) (zone, bool) {
	if h == nil {
		return zone{}, false
	}
	i := slices.IndexFunc(h.zones, func(z zone) bool { return z.name == name })
	if i < 0 {
		return zone{}, false
	}
	return h.zones[i], true
}

// largeLoad is how many values make the garbage of reading a Corefile worth a collection of its own.
const largeLoad = 100_000

// returnParseMemory gives the memory that a large Corefile was read with back to the system. It takes a collection, so
// it is done once, before the first query, and not at reloads.
func (h *Handler) returnParseMemory() error {
	values := 0
	for i := range h.zones {
		values += h.zones[i].count
	}
	if values >= largeLoad {
		debug.FreeOSMemory()
	}
	return nil
}
