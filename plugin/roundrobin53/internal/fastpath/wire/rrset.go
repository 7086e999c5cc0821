package wire

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// An RRset is an RRset of any type, packed.
type RRset struct {
	Type   uint16
	TTL    uint32
	layout layout
	data   [][]byte // of each record, names without compression
}

// A layout says where names stand in the data of a type: behind some octets, one after another.
type layout struct {
	head, names int8
	compresses  bool // the names may be compressed (RFC 3597 §4)
}

// layouts holds the layouts of the types whose names make the names behind them shorter. In the
// data of other types, names are octets like others.
var layouts = map[uint16]layout{
	2:  {0, 1, true},  // NS
	5:  {0, 1, true},  // CNAME
	6:  {0, 2, true},  // SOA
	12: {0, 1, true},  // PTR
	15: {2, 1, true},  // MX
	33: {6, 1, false}, // SRV
	64: {2, 1, false}, // SVCB
	65: {2, 1, false}, // HTTPS
}

// NewRRset makes an RRset of the data of its records, in which no name is compressed.
func NewRRset(rrtype uint16, ttl uint32, data [][]byte) RRset {
	return RRset{Type: rrtype, TTL: ttl, layout: layouts[rrtype], data: data}
}

// A SOA is the SOA record of a zone, packed.
type SOA struct {
	RRset

	// The record as it is when its names end in pointers to the apex, with holes for them.
	template      []byte
	first, second int  // the holes in the data
	isBelow       bool // both names end in the apex
}

// NewSOA makes the SOA record of the zone with an apex from its data, in which no name is compressed.
func NewSOA(apex []byte, ttl uint32, data []byte) SOA {
	s := SOA{RRset: NewRRset(typeSOA, ttl, [][]byte{data})}
	const fixed = 20 // serial and timers
	mname := nameEnd(data)
	names := [2][]byte{data[:mname], data[mname : len(data)-fixed]}
	mprefix, isFirst := bytes.CutSuffix(names[0], apex)
	rprefix, isSecond := bytes.CutSuffix(names[1], apex)
	isBelow := isFirst && isSecond && len(apex) > 1 && isSuffix(names[0], apex) && isSuffix(names[1], apex)
	if s.isBelow = isBelow; !isBelow {
		return s
	}
	const head, pointer = 12, 2 // octets of pointer, type, class, TTL and length; of a pointer
	s.first = head + len(mprefix)
	s.second = s.first + pointer + len(rprefix)
	s.template = slices.Concat(make([]byte, head), mprefix, make([]byte, pointer), rprefix, make([]byte, pointer), data[len(data)-fixed:])
	be := binary.BigEndian
	be.PutUint16(s.template[2:], typeSOA)
	be.PutUint16(s.template[4:], classINET)
	be.PutUint16(s.template[head-2:], uint16(len(s.template)-head))
	return s
}

const typeSOA = 6

// isSuffix reports whether a suffix of a name's octets begins with a label of it.
func isSuffix(name, suffix []byte) bool {
	for len(name) > len(suffix) {
		name = name[1+int(name[0]):]
	}
	return len(name) == len(suffix)
}

// Len returns the number of records.
func (s *RRset) Len() int { return len(s.data) }

// Data returns the data of record i, without compression.
func (s *RRset) Data(i int) []byte { return s.data[i] }

// DataOctets returns the length of the data of all records without compression.
func (s *RRset) DataOctets() int {
	octets := 0
	for _, data := range s.data {
		octets += len(data)
	}
	return octets
}

// nameEnd returns the length of the name that octets begin with, which is not compressed.
func nameEnd(octets []byte) int {
	end := 0
	for octets[end] != 0 {
		end += 1 + int(octets[end])
	}
	return end + 1
}
