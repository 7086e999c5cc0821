package lookup

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// What a plain answer has in its header beside the id: QR is set, OPCODE is QUERY, TC and RCODE are
// clear. The other bits do not matter.
const (
	plainMask   = 0xfa0f
	plainHeader = 0x8000
)

const (
	ownerPointer = 0xc00c // to the name of the question, RFC 1035 section 4.1.4
	fixedSize    = 10     // of a record between its owner and its data, RFC 1035 section 4.1.3
	recordSize   = 2 + fixedSize
)

// readPlain reads a plain answer: addresses of the name that was asked for, and nothing else but an
// empty OPT record. That is what resolvers send for most names. It reads
// such a message as readAnswer does, without a parsed message in between; of any other it returns
// false. The addresses are known, if they are the same, and otherwise in room, which is large enough
// for those of a UDP message.
func readPlain(message []byte, q query, known, room []netip.Addr) (a answer, ok bool) {
	if len(message) < headerSize+len(q.question) || binary.BigEndian.Uint16(message[2:])&plainMask != plainHeader ||
		binary.BigEndian.Uint16(message[4:]) != 1 || binary.BigEndian.Uint16(message[8:]) != 0 {
		return answer{}, false
	}
	a.ttl, a.addresses = maxTTL*time.Second, room[:0]
	rest := message[headerSize+len(q.question):]
	for range binary.BigEndian.Uint16(message[6:]) {
		if rest, ok = a.takePlain(rest, q.question); !ok {
			return answer{}, false
		}
	}
	if len(a.addresses) == 0 || !isEmptyOPT(rest, binary.BigEndian.Uint16(message[10:])) {
		return answer{}, false
	}
	a.finish()
	if slices.Equal(a.addresses, known) {
		a.addresses = known
	} else {
		a.addresses = slices.Clone(a.addresses)
	}
	return a, true
}

// takePlain takes the address of a record at the beginning of message, which must be of the name, the
// type and the class of a question, and returns what is behind it.
func (a *answer) takePlain(message, question []byte) (rest []byte, ok bool) {
	name, typeAndClass := question[:len(question)-typeSize], question[len(question)-typeSize:]
	size := 4
	if binary.BigEndian.Uint16(typeAndClass) == dns.TypeAAAA {
		size = 16
	}
	message = message[ownerSize(message, name):]
	if len(message) < fixedSize+size || string(message[:typeSize]) != string(typeAndClass) || int(binary.BigEndian.Uint16(message[8:])) != size {
		return nil, false
	}
	a.ttl = min(a.ttl, time.Duration(validTTL(binary.BigEndian.Uint32(message[4:])))*time.Second)
	address, _ := netip.AddrFromSlice(message[fixedSize : fixedSize+size])
	a.addresses = append(a.addresses, address)
	return message[fixedSize+size:], true
}

// ownerSize returns how many octets the owner of a record has if it is a name, as a pointer to the
// question or in full; otherwise so many that no record is behind them.
func ownerSize(message, name []byte) int {
	const pointerSize = 2
	switch {
	case len(message) >= pointerSize && binary.BigEndian.Uint16(message) == ownerPointer:
		return pointerSize
	case len(message) >= len(name) && equalFold(message[:len(name)], name):
		return len(name)
	}
	return len(message)
}

// isEmptyOPT reports whether a message ends with count OPT records, one at most, without an extended
// RCODE and without options.
func isEmptyOPT(message []byte, count uint16) bool {
	switch count {
	case 0:
		return len(message) == 0
	case 1:
		return len(message) == optSize && message[0] == 0 && binary.BigEndian.Uint16(message[1:]) == dns.TypeOPT &&
			message[5] == 0 && binary.BigEndian.Uint16(message[9:]) == 0
	}
	return false
}
