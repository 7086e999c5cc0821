package roundrobin53

import "runtime/debug"

// largeLoad is how many values make the garbage of reading a Corefile worth collections of its own.
const largeLoad = 100_000

// isLarge reports whether an instance has so many values.
func (in *instance) isLarge() bool {
	values := 0
	for _, h := range in.handlers {
		for _, z := range h.store.Load().Zones {
			values += z.Values
		}
	}
	return values >= largeLoad
}

// reloadGC is GOGC while a large Corefile is reloaded: the garbage that may lie about, in percent of what is in use. In use
// are the old records, the new ones, and every word of the Corefile, which caddy holds until all server blocks are set up.
// With Go's default of 100 as much again would be garbage. It costs a million values two seconds of processor time.
const reloadGC = 10

// tighten has less garbage about while another Corefile is read. This is the first that a reload does.
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

// giveBack gives the memory that a large Corefile was read with back to the system. It takes a collection, so it comes
// when the instance serves, or before it does for the first time.
func (in *instance) giveBack() {
	if in.isLarge() {
		debug.FreeOSMemory()
	}
}
