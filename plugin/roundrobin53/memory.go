package roundrobin53

import "runtime/debug"

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

// reloadGC is GOGC while a large Corefile is reloaded: the garbage allowed, in percent of the
// memory in use. In use are the old records, the new ones, and every word of the Corefile, which
// caddy keeps until all server blocks are set up. Go's default of 100 would allow as much garbage
// again. The collections cost two seconds of processor time for a million values.
const reloadGC = 10

// tighten reduces garbage while another Corefile is read. A reload calls it first of all.
func (in *instance) tighten() {
	if !in.isLarge() {
		return
	}
	in.usualGC = debug.SetGCPercent(reloadGC)
	if in.usualGC >= 0 && in.usualGC < reloadGC {
		in.loosen()
	}
}

// loosen ends what tighten began.
func (in *instance) loosen() {
	if in.usualGC != 0 {
		debug.SetGCPercent(in.usualGC)
		in.usualGC = 0
	}
}

// giveBack returns the memory that reading a large Corefile took to the system. It runs a
// collection, so it is called when the instance serves, or before it serves for the first time.
func (in *instance) giveBack() {
	if in.isLarge() {
		debug.FreeOSMemory()
	}
}
