package wire

import (
	"encoding/binary"
	"slices"
)

// recordOctets is the length of an answer record before its address: a pointer to the owner name in
// the question (RFC 1035 §4.1.4), type, class, TTL and length.
const recordOctets = 12

// PayloadSize is the UDP payload size in the OPT record of replies: the size that we take, not the
// client's (RFC 6891 §6.2.3). It is the size of the DNS Flag Day 2020, which passes everywhere
// without being fragmented.
const PayloadSize = 1232

// appendRecords appends address records, in the order of endpoints, whose owner is where a pointer
// leads. Octets holds the addresses one after another, width octets each, 4 or 16.
func appendRecords(dst []byte, pointer int, rrtype uint16, ttl uint32, order []uint16, octets []byte, width int) []byte {
	be := binary.BigEndian
	// All records begin alike: pointer, type, class, TTL, length.
	head := uint64(pointerMark)<<56 | uint64(pointer)<<48 | uint64(rrtype)<<32 | classINET<<16 | uint64(ttl>>16)
	tail := ttl<<16 | uint32(width)
	size := recordOctets + width
	dst = slices.Grow(dst, len(order)*size)
	records := dst[len(dst) : len(dst)+len(order)*size]
	dst = dst[:len(dst)+len(records)]
	for _, endpoint := range order {
		be.PutUint64(records, head)
		be.PutUint32(records[8:], tail)
		address := octets[int(endpoint)*width:]
		if width == 4 { // most answers: a copy of four octets, known as such, takes one instruction
			*(*[4]byte)(records[recordOctets:]) = [4]byte(address)
		} else {
			*(*[16]byte)(records[recordOctets:]) = [16]byte(address)
		}
		records = records[size:]
	}
	return dst
}

// optOctets returns the length of the OPT record of the reply, 0 if it has none.
func (q *Query) optOctets() int {
	switch {
	case !q.EDNS:
		return 0
	case !q.Echo:
		return OPTOctets
	}
	return OPTOctets + optionHeader + len(q.subnet)
}

// appendOPT appends the OPT record of the reply, if it has one. Scope is that of its ECS option
// (RFC 7871 §7.2.1).
func (q *Query) appendOPT(dst []byte, scope int) []byte {
	if !q.EDNS {
		return dst
	}
	be := binary.BigEndian
	opt := [OPTOctets]byte{2: typeOPT}
	be.PutUint16(opt[3:], PayloadSize)
	if q.DO {
		opt[7] = 0x80
	}
	if !q.Echo {
		return append(dst, opt[:]...)
	}
	be.PutUint16(opt[9:], uint16(optionHeader+len(q.subnet)))
	dst = append(dst, opt[:]...)
	dst = append(dst, 0, optionSubnet, 0, byte(len(q.subnet)))
	dst = append(dst, q.subnet...)
	dst[len(dst)-len(q.subnet)+3] = byte(scope)
	return dst
}
