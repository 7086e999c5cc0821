package rotate

import (
	"sync"
	"sync/atomic"
	"weak"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// tableSize is how many counters a server block has: 512 KiB of them. RRsets share one by chance:
// of a thousand, some fifteen do with another. Each then gets its turns between the other's: it
// falls into step with nothing, but the counts of its rounds are no longer equal.
const tableSize = 1 << 16

// table is the turns of all RRsets that are asked for, by a hash of the RRset and the class of the
// query. It never grows.
type table [tableSize]atomic.Uint64

// next takes the next turn among n addresses. The first turn of a counter is the first of a round
// of that length.
func (t *table) next(name string, qtype uint16, class turn.Class, n int) uint64 {
	c := &t[slot(name, qtype, class)]
	if c.Load() == 0 {
		c.CompareAndSwap(0, turn.Start(uint64(n)))
	}
	return c.Add(1) - 1
}

// slot returns the counter of an RRset and a class.
func slot(name string, qtype uint16, class turn.Class) uint64 {
	const odd = 0x9e3779b97f4a7c15 // mixes: its multiples lie far apart
	hash := xxhash.Sum64String(name)
	hash = (hash ^ uint64(qtype)<<8 ^ uint64(class)) * odd
	return hash >> 48
}

// tableKey tells the server blocks of a Corefile apart: by their keys and, since views share keys,
// which of those with the same keys it is.
type tableKey struct {
	keys   string
	number int
}

// tables are those of the server blocks that there are. By them a reload goes on with the turns:
// the old configuration and the new one answer side by side for a moment, and share the table. Who
// holds one keeps it; so neither a reload that fails nor the end of a configuration has to be told
// here.
var tables struct {
	mu    sync.Mutex
	byKey map[tableKey]weak.Pointer[table]
}

// tableOf returns the table of a server block: the one that a running configuration has, or a new
// one.
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
