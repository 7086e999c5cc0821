package roundrobin53

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// largeLoad is the number of values from which the garbage of reading a Corefile is worth
// collections of its own.
const largeLoad = 100_000

// isLarge reports whether the instance has at least largeLoad values.
func (in *instance) isLarge() bool {
	values := 0
	for _, h := range in.handlers {
		for _, z := range h.store.Load().Zones {
			values += z.Values
		}
	}
	return values >= largeLoad
}

// GOGC is the garbage allowed, in percent of the memory in use. Go's default of 100 would allow as
// much garbage as there are records.
const (
	// While a large Corefile is reloaded, there are the old records, the new ones, and every word of
	// the Corefile, which caddy keeps until all server blocks are set up. The collections cost two
	// seconds of processor time for a million values.
	reloadGC = 10
	// While many values are served. The collections cost 2 % of the processor time of a query in the
	// chain; the fast path makes no garbage.
	servingGC = 50
)

// gogc records whether the plugin has set GOGC, and the value without it.
var gogc struct {
	mu     sync.Mutex
	usual  int // GOGC without the plugin; negative if nothing is collected
	isOurs bool
}

// setGC sets GOGC, unless it is lower anyway.
func setGC(percent int) {
	gogc.mu.Lock()
	defer gogc.mu.Unlock()
	before := debug.SetGCPercent(percent)
	if !gogc.isOurs {
		gogc.usual, gogc.isOurs = before, true
	}
	if gogc.usual >= 0 && gogc.usual < percent {
		restoreLocked()
	}
}

// restoreGC sets GOGC to its value without the plugin.
func restoreGC() {
	gogc.mu.Lock()
	defer gogc.mu.Unlock()
	restoreLocked()
}

func restoreLocked() {
	if gogc.isOurs {
		debug.SetGCPercent(gogc.usual)
		gogc.isOurs = false
	}
}

// tighten reduces garbage while another Corefile is read. A reload calls it first of all.
func (in *instance) tighten() {
	if in.isLarge() {
		setGC(reloadGC)
	}
}

// settle is called when the instance serves, or goes on to serve since a reload failed. Who has
// turned collections off has a limit of memory instead.
func (in *instance) settle() {
	restoreGC()
	if in.isLarge() && !isOff() {
		setGC(servingGC)
	}
}

// isOff reports whether nothing is collected.
func isOff() bool {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() == math.MaxUint64
}

// giveBack returns the memory that reading a large Corefile took to the system. It runs a
// collection, so it is called when the instance serves, or before it serves for the first time.
func (in *instance) giveBack() {
	if in.isLarge() {
		debug.FreeOSMemory()
	}
}

// giveBackDelay is how long after a reload, good or bad, unused memory is given back. The one that
// ended, the old configuration or the new one, is in use until caddy has returned from the reload,
// and caddy tells nobody of that.
const giveBackDelay = time.Second

// giveBackSoon gives memory back when a reload is over.
func (in *instance) giveBackSoon() {
	if in.isLarge() {
		time.AfterFunc(giveBackDelay, in.giveBack)
	}
}
