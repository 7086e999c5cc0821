package lookup

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

const (
	// payloadSize is the size of a UDP answer that passes without fragments nearly everywhere.
	payloadSize = 1232
	// datagramRoom is the room for a UDP answer. One that takes it all was longer than asked for.
	datagramRoom = payloadSize + 1

	headerSize = 12 // RFC 1035 section 4.1.1
	typeSize   = 4  // type and class of a question
	maxName    = 255
	optSize    = 11 // RFC 6891 section 6.1.2
)

// A query is a packed query. Its id is set anew for each attempt.
type query struct {
	message  []byte
	question []byte // the octets of the question section in message
}

// newQuery packs a question: recursion desired, and with an OPT record if edns is set.
func newQuery(q Question, edns bool) (query, error) {
	packed, _, err := packQuery(nil, q, edns)
	if err == nil {
		packed.renew()
	}
	return packed, err
}

// packQuery appends a packed question to space. Its id is zero.
func packQuery(space []byte, q Question, edns bool) (query, []byte, error) {
	const recursionDesired = 0x01
	begin := len(space)
	space = slices.Grow(space, headerSize+maxName+typeSize+optSize)
	message := space[begin : begin+headerSize+maxName]
	clear(message[:headerSize])
	message[2] = recursionDesired
	message[5] = 1 // question
	end, err := dns.PackDomainName(q.Name, message, headerSize, nil, false)
	if err != nil {
		return query{}, space, fmt.Errorf("%q can't be asked for: %w", q.Name, err)
	}
	message = binary.BigEndian.AppendUint16(message[:end], q.Type)
	message = binary.BigEndian.AppendUint16(message, dns.ClassINET)
	question := message[headerSize:len(message):len(message)]
	if edns {
		message[11] = 1              // additional record
		message = append(message, 0) // of the root
		message = binary.BigEndian.AppendUint16(message, dns.TypeOPT)
		message = binary.BigEndian.AppendUint16(message, payloadSize)
		message = append(message, 0, 0, 0, 0, 0, 0) // no flags, no options
	}
	message = slices.Clip(message)
	return query{message, question}, space[:begin+len(message)], nil
}

// renew gives the query a random id, which an attacker who can't see the query has to guess.
func (q query) renew() {
	_, _ = rand.Read(q.message[:2]) // it never returns an error
}

// isAnsweredBy reports whether a message answers the query: id, name, type and class are the same,
// the name in any case of letters. A server that does not understand a query may leave out the
// question (RFC 6891 section 7).
func (q query) isAnsweredBy(message []byte) bool {
	if len(message) < headerSize || message[0] != q.message[0] || message[1] != q.message[1] {
		return false
	}
	const response, opcode, rcode = 0x80, 0x78, 0x0f
	questions := binary.BigEndian.Uint16(message[4:])
	switch {
	case message[2]&response == 0 || message[2]&opcode != 0:
		return false
	case questions == 0:
		return int(message[3]&rcode) == dns.RcodeFormatError
	case questions != 1 || len(message) < headerSize+len(q.question):
		return false
	}
	name := len(q.question) - typeSize
	got := message[headerSize : headerSize+len(q.question)]
	return equalFold(got[:name], q.question[:name]) && string(got[name:]) == string(q.question[name:])
}

// equalFold compares names in wire format. The length of a label is below the letters.
func equalFold(a, b []byte) bool {
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// isCut reports whether a message over UDP is not all that there is: the server cut it, or it ignored
// the size that was asked for, and the end got lost here.
func isCut(message []byte) bool { return isTruncated(message) || len(message) > payloadSize }

// isTruncated reports whether a message has its TC bit set.
func isTruncated(message []byte) bool { return message[2]&0x02 != 0 }
