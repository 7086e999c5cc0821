package record

import (
	"hash/maphash"
	"math/bits"

	"github.com/miekg/dns"
)

// An index finds the node of an owner name. It is a hash table with linear probing that never
// changes: a node lies where the hash of its name says, or in the first free place behind.
//
// A map from string to node would do, except for tables of a million names. There a query spends
// its time on cache misses, and a map has four of them, one after another: control bytes, slot,
// name, node. The index has two, the node and the name, and the processor goes on without waiting
// for the name. And since neither has pointers, the garbage collector does not read them.
type index struct {
	nodes []node // half of them free
	names string // the owner names, one after another
	rares []rare // by node.rare; the first one is empty
	seed  maphash.Seed
}

// A node holds the data of one owner name.
type node struct {
	hash    uint32 // of the name, see place; 0 if the node is free
	start   uint32 // of the name in index.names
	length  uint16 // of the name, which may exceed 255 with escapes
	a, aaaa int32  // numbers of the address RRsets
	zone    int32  // index of the zone
	rare    int32  // index in index.rares, 0 if the name has nothing there
}

// None stands for the absence of a number.
const None = -1

// rare holds what few names have beside addresses.
type rare struct {
	cut    *node   // the node that delegates this name away, which may be the name's own; nil if there is none
	wild   *node   // the wildcard right below this name, nil if there is none
	rrsets []RRset // all types but A and AAAA
}

// newIndex returns an empty index with room for size nodes. It gets their names when all of them
// are added.
func newIndex(size int) index {
	return index{nodes: make([]node, 2*size+1), rares: make([]rare, 1), seed: maphash.MakeSeed()}
}

// find returns the node of a name, nil if the name does not exist.
func (x *index) find(name string) *node {
	place, hash := x.place(name)
	for {
		n := &x.nodes[place]
		if n.hash == hash && x.name(n) == name {
			return n
		}
		if n.hash == 0 {
			return nil
		}
		if place++; place == len(x.nodes) {
			place = 0
		}
	}
}

// add puts the node of a name into the index. The name must not be there yet.
func (x *index) add(name string, n node) *node {
	place, hash := x.place(name)
	for x.nodes[place].hash != 0 {
		place = (place + 1) % len(x.nodes)
	}
	n.hash = hash
	x.nodes[place] = n
	return &x.nodes[place]
}

// place returns where the search for a name begins, and the hash in its node. The place comes from
// the upper bits of the name's hash, as a fraction of all places; the node's hash comes from the
// lower bits and is odd, so that no free node has it.
func (x *index) place(name string) (int, uint32) {
	hash := maphash.String(x.seed, name)
	place, _ := bits.Mul64(hash, uint64(len(x.nodes)))
	return int(place), uint32(hash) | 1
}

// A Hint is where the search for a name begins.
type Hint int

// Hint returns where the search for a name begins, and has the processor fetch that place. In a large
// table, no part of a name is in a processor's cache when the name is asked for, and Lookup waits for
// one part after the other. A caller with several names to look up asks for all hints first: then the
// processor fetches the places at the same time. The number has no meaning; callers use it so that
// the compiler does not leave the fetch out.
func (x *index) Hint(name string) (Hint, uint32) {
	place, _ := x.place(name)
	return Hint(place), x.nodes[place].hash
}

// Fetch has the processor fetch the name that a hint leads to. It returns the number of the A RRset
// there, None if there is none. The octet has no meaning, as with Hint.
func (x *index) Fetch(h Hint) (a int, octet byte) {
	n := &x.nodes[h]
	if n.hash == 0 {
		return None, 0
	}
	return int(n.a), x.names[n.start]
}

func (x *index) name(n *node) string { return x.names[n.start : n.start+uint32(n.length)] }

func (x *index) rare(n *node) *rare { return &x.rares[n.rare] }

// addRare returns the rare part of a node, to be changed, and makes it if there is none.
func (x *index) addRare(n *node) *rare {
	if n.rare == 0 {
		n.rare = int32(len(x.rares))
		x.rares = append(x.rares, rare{})
	}
	return &x.rares[n.rare]
}

func (n *node) addresses(qtype uint16) int32 {
	switch qtype {
	case dns.TypeA:
		return n.a
	case dns.TypeAAAA:
		return n.aaaa
	}
	return None
}

func (r *rare) rrset(rrtype uint16) *RRset {
	for i := range r.rrsets {
		if r.rrsets[i].Type == rrtype {
			return &r.rrsets[i]
		}
	}
	return nil
}
