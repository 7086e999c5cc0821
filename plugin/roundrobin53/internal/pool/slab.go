package pool

import (
	"sync/atomic"
	"unsafe"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// Slab is where the pools of one configuration keep what they point to: the counters of an RRset
// and, right behind them, its addresses. A pick touches both, and among a million RRsets it waits
// for memory once then, not twice. And a few objects that hold many RRsets are cheaper than two for
// each: to keep, and for the garbage collector to go through.
type Slab struct {
	free []cell // the rest of an object
}

// cell is what a slab gives out. There are no pointers in it, so any octets will do.
type cell [2]atomic.Uint64

// The sizes in octets of a cell, and of Counters in cells.
const (
	unit         = int(unsafe.Sizeof(cell{}))
	counterCells = int(unsafe.Sizeof(turn.Counters{})) / unit
)

// The sizes in octets of an object of the slab, and of the largest addresses in one. RRsets with
// more are left as they are.
//
// The objects are small because of reloads. A new configuration goes on with the counters of the
// old one, and an object is not freed as long as anything in it is used. So, however often the
// configuration changes, each RRset keeps one kilobyte of old ones at most, and that only if all
// others that were in it have gone.
const (
	objectOctets = 1 << 10
	maxOctets    = 1 << 8
)

// Keep moves what p points to into s. It may be called only before p is used.
func (s *Slab) Keep(p *Pool) {
	n := len(p.arena)
	if n > maxOctets {
		return
	}
	size := (n + unit - 1) / unit
	if p.counters != nil {
		size += counterCells
	}
	if size > len(s.free) {
		s.free = make([]cell, objectOctets/unit)
	}
	mine := s.free[:size]
	s.free = s.free[size:]
	if p.counters != nil {
		counters := (*turn.Counters)(unsafe.Pointer(&mine[0]))
		for i := range counters {
			counters[i].Store(p.counters[i].Load())
		}
		p.counters, mine = counters, mine[counterCells:]
	}
	octets := unsafe.Slice((*byte)(unsafe.Pointer(&mine[0])), n)
	copy(octets, p.arena)
	p.arena = octets
}
