package pool

import (
	"sync/atomic"
	"unsafe"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// A Slab holds what the pools of one configuration point to: the counters of an RRset and, right
// behind them, its addresses. A turn touches both, and among a million RRsets it then waits for
// memory once, not twice. Besides, a few objects that hold many RRsets cost less memory and less
// garbage collection than two objects for each RRset.
type Slab struct {
	free []cell // the rest of an object
}

// A cell is the unit of a slab. It has no pointers, so it may hold any octets.
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
// old one, and an object is not freed while anything in it is used. So, however often the
// configuration changes, an RRset keeps one old object of a kilobyte alive at most, and that only if
// all other RRsets in it have gone.
const (
	objectOctets = 1 << 10
	maxOctets    = 1 << 8
)

// Keep moves what p points to into s. It may be called only before p is used.
func (s *Slab) Keep(p *Pool) {
	kept := p.Octets()
	n := len(kept)
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
	copy(octets, kept)
	p.arena = unsafe.SliceData(octets)
}
