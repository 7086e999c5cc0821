package rotate

import (
	"sync"
	"sync/atomic"
	"weak"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// tableSize is the number of counters of a server block: 512 KiB of them. RRsets share a counter by
// chance: of a thousand RRsets, some fifteen share one with another. Each of these gets its turns
// between the other's: it falls into step with nothing, but the counts of its rounds are no longer
// equal.
const tableSize = 1 << 16

// A table holds the turns of all RRsets that are asked for, by a hash of the RRset and the class of
// the query. It never grows.
type table [tableSize]atomic.Uint64

// next takes the next turn among n addresses. The first turn of a counter begins a round of n.
func (t *table) next(name string, qtype uint16, class turn.Class, n int) uint64 {
	c := &t[slot(name, qtype, class)]
	if c.Load() == 0 {
		c.CompareAndSwap(0, turn.Start(uint64(n)))
	}
	return c.Add(1) - 1
}

// slot returns the position of the counter of an RRset and a class.
func slot(name string, qtype uint16, class turn.Class) uint64 {
	const odd = 0x9e3779b97f4a7c15 // mixes: its multiples lie far apart
	hash := xxhash.Sum64String(name)
	hash = (hash ^ uint64(qtype)<<8 ^ uint64(class)) * odd
	return hash >> 48
}

// A tableKey identifies a server block of a Corefile: by its keys and, since views share keys, by
// its number among the blocks with the same keys.
type tableKey struct {
	keys   string
	number int
}

// tables holds the tables of all server blocks. Through it a reload goes on with the turns: the old
// configuration and the new one share the table, since both answer for a moment. The pointers are
// weak: a table lives as long as a handler has it, so neither a failed reload nor the end of a
// configuration has to be reported here.
var tables struct {
	mu    sync.Mutex
	byKey map[tableKey]weak.Pointer[table]
}

// tableOf returns the table of a server block: that of a running configuration, or a new one.
func tableOf(key tableKey) *table {
	tables.mu.Lock()
	defer tables.mu.Unlock()
	if t := tables.byKey[key].Value(); t != nil {
		return t
	}
	if tables.byKey == nil {
		tables.byKey = make(map[tableKey]weak.Pointer[table])
	}
	for key, t := range tables.byKey {
		if t.Value() == nil {
			delete(tables.byKey, key)
		}
	}
	t := new(table)
	tables.byKey[key] = weak.Make(t)
	return t
}
