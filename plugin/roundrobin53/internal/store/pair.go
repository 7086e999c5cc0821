package store

import (
	"iter"
	"slices"
	"strconv"

	"github.com/miekg/dns"
)

// A servedZone is a zone of a store, by record.Zone.Index.
type servedZone struct {
	s     *Served
	index int
}

// A zoneKey identifies a zone at a place.
type zoneKey struct {
	place      string // the server block, or a listener of it; "" for any
	view, name string
}

const noZone = -1

func (z servedZone) zone() *Zone { return &z.s.Zones[z.index] }

// serial returns the present serial, which looked-up values may have moved.
func (z servedZone) serial() uint32 { return z.s.Table.Zones()[z.index].Serial() }

func zonesOf(stores []*Served) []servedZone {
	var zones []servedZone
	for _, s := range stores {
		for i := range s.Zones {
			zones = append(zones, servedZone{s, i})
		}
	}
	return zones
}

// pair finds the old zone that each zone adopts from: first in the same server block, then at the
// same listener, then in the same view. Zones that are equal in this are paired in the order of the
// Corefile.
func (a *adoption) pair(zones []servedZone) {
	a.from = slices.Repeat([]int{noZone}, len(zones))
	taken := make([]bool, len(a.old))
	for _, places := range []func(servedZone) []string{
		newBlockNumbers().of,
		listenersAt,
		func(servedZone) []string { return []string{""} },
	} {
		unpaired := make(map[zoneKey][]int)
		for i, z := range a.old {
			if !taken[i] {
				for _, key := range z.keys(places(z)) {
					unpaired[key] = append(unpaired[key], i)
				}
			}
		}
		for i, z := range zones {
			if a.from[i] == noZone {
				a.from[i] = claim(unpaired, z.keys(places(z)), taken)
			}
		}
	}
}

// claim returns the first zone under one of the keys that has not been taken yet, and takes it.
func claim(unpaired map[zoneKey][]int, keys []zoneKey, taken []bool) int {
	for _, key := range keys {
		for len(unpaired[key]) > 0 {
			first := unpaired[key][0]
			unpaired[key] = unpaired[key][1:]
			if !taken[first] {
				taken[first] = true
				return first
			}
		}
	}
	return noZone
}

// keys returns the keys of a zone at the given places.
func (z servedZone) keys(places []string) []zoneKey {
	keys := make([]zoneKey, len(places))
	for i, place := range places {
		keys[i] = zoneKey{place, z.s.View, z.zone().Name}
	}
	return keys
}

// blockNumbers gives short numbers to server blocks, since the keys of a block can be as many as
// there are zones.
type blockNumbers struct {
	byKeys  map[string]string
	byStore map[*Served]string
}

func newBlockNumbers() blockNumbers {
	return blockNumbers{make(map[string]string), make(map[*Served]string)}
}

// of returns the number of the server block that a zone stands in.
func (b blockNumbers) of(z servedZone) []string {
	number, ok := b.byStore[z.s]
	if !ok {
		if number, ok = b.byKeys[z.s.Block]; !ok {
			number = strconv.Itoa(len(b.byKeys))
			b.byKeys[z.s.Block] = number
		}
		b.byStore[z.s] = number
	}
	return []string{number}
}

// listenersAt returns the listeners at which a zone is asked: those of the keys that it lies in.
func listenersAt(z servedZone) []string {
	var listeners []string
	for zone := range enclosing(z.zone().Name) {
		listeners = append(listeners, z.s.Listeners[zone]...)
	}
	return listeners
}

// enclosing yields a name and all names that it lies in, up to the root.
func enclosing(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for off, end := 0, name == "."; !end; off, end = dns.NextLabel(name, off) {
			if !yield(name[off:]) {
				return
			}
		}
		yield(".")
	}
}
