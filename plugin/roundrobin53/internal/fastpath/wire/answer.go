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

// ownerPointer is a compression pointer to the name in the question.
const ownerPointer = 0xC000 | headerOctets

// Fits reports whether the client takes an answer with a number of addresses of width octets each.
func (q *Query) Fits(addresses, width int) bool {
	return q.end+addresses*(recordOctets+width)+q.optOctets() <= q.size
}

// Uncompressed returns the length of an answer with a number of addresses of width octets each,
// without compression, in octets.
func (q *Query) Uncompressed(addresses, width int) int {
	return q.end + addresses*(recordOctets-2+q.length+1+width) + q.optOctets()
}

// AppendAnswer appends the answer to q, with endpoints in the given order. Octets holds the
// addresses one after another, width octets each, 4 or 16. The owner name keeps the letter case of
// the question. Scope is that of the ECS option, if the query has one that is heeded.
func (q *Query) AppendAnswer(dst []byte, ttl uint32, order []uint16, octets []byte, width, scope int) []byte {
	be := binary.BigEndian
	dst = append(dst, q.packet[:q.end]...)
	header := dst[len(dst)-q.end:]
	be.PutUint16(header[2:], flagQR|flagAA|be.Uint16(header[2:])&(flagRD|flagCD))
	be.PutUint16(header[6:], uint16(len(order)))
	// All records begin alike: pointer, type, class, TTL, length.
	head := ownerPointer<<48 | uint64(q.Type)<<32 | classINET<<16 | uint64(ttl>>16)
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
	return q.appendOPT(dst, scope)
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
