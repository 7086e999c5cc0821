// Package wire reads the queries that nearly all clients send, octet by octet: one question, and at
// most an OPT record. It writes the answers to queries for addresses, and allocates nothing.
//
// It is a short cut, not a DNS library: it reads only queries that miekg/dns reads in the same way,
// and leaves all others to miekg/dns. Other packages decide which addresses are answered.
package wire

import (
	"encoding/binary"
	"net/netip"
)

// A Query is a plain query. It can be used again for the next one.
type Query struct {
	Type   uint16 // QTYPE
	EDNS   bool   // it has an OPT record (RFC 6891)
	DO     bool   // it asks for signatures (RFC 3225)
	Subnet bool   // it has an ECS option (RFC 7871)
	Echo   bool   // set by callers that heed the ECS option: the reply has the option, too

	subnet []byte // of the ECS option
	packet []byte
	end    int // of the question section
	size   int // of the largest answer that the client takes, in octets

	name   [maxName]byte // QNAME as text, lower-case and fully qualified
	length int
}

// OPTOctets is the length of an OPT record without options.
const OPTOctets = 11

const (
	typeOPT   = 41
	classINET = 1
)

const (
	headerOctets   = 12
	questionOctets = 4 // behind the name: type and class
	maxName        = 255
	maxLabel       = 63
	minSize        = 512 // without EDNS (RFC 1035 §4.2.1), and the least that EDNS can say (RFC 6891 §6.2.3)
)

// The bits of the second 16 bits of a header (RFC 1035 §4.1.1, RFC 4035 §3.2).
const (
	flagQR     = 1 << 15
	flagAA     = 1 << 10
	flagRD     = 1 << 8
	flagCD     = 1 << 4
	maskOpcode = 0xF << 11
)

// Parse makes q the query in a packet, and keeps the packet. It reports false if the packet is not
// a plain query, or not certainly one; q is of no use then.
func (q *Query) Parse(packet []byte) bool {
	if len(packet) < headerOctets || be16(packet, 2)&(flagQR|maskOpcode) != 0 {
		return false
	}
	additional := be16(packet, 10)
	if be16(packet, 4) != 1 || be16(packet, 6) != 0 || be16(packet, 8) != 0 || additional > 1 {
		return false
	}
	q.packet = packet
	q.EDNS, q.DO, q.Subnet, q.Echo, q.size = false, false, false, false, minSize
	if !q.parseQuestion() {
		return false
	}
	rest := packet[q.end:]
	if additional == 0 {
		return len(rest) == 0
	}
	return q.parseOPT(rest)
}

// parseQuestion reads the question section. A name is not plain if its text has to escape an octet.
func (q *Query) parseQuestion() bool {
	packet, off, n := q.packet, headerOctets, 0
	for {
		if off >= len(packet) {
			return false
		}
		length := int(packet[off])
		off++
		if length == 0 {
			break
		}
		if length > maxLabel || off+length > len(packet) || n+length+1 > maxName-1 { // the root's octet counts, too
			return false
		}
		for _, octet := range packet[off : off+length] {
			lower := lowerCase[octet]
			if lower == 0 {
				return false
			}
			q.name[n] = lower
			n++
		}
		q.name[n] = '.'
		n++
		off += length
	}
	if n == 0 || off+questionOctets > len(packet) {
		return false
	}
	q.length, q.Type, q.end = n, be16(packet, off), off+questionOctets
	return be16(packet, off+2) == classINET
}

// parseOPT reads the one record of the additional section, which has to fill the rest of the
// packet.
func (q *Query) parseOPT(record []byte) bool {
	if len(record) < OPTOctets || record[0] != 0 || be16(record, 1) != typeOPT {
		return false
	}
	version, options := record[6], record[OPTOctets:]
	if version != 0 || len(options) != int(be16(record, 9)) {
		return false
	}
	q.EDNS = true
	q.size = max(minSize, int(be16(record, 3)))
	q.DO = record[7]&0x80 != 0
	for len(options) > 0 {
		if len(options) < optionHeader {
			return false
		}
		code, length := be16(options, 0), int(be16(options, 2))
		if options = options[optionHeader:]; length > len(options) {
			return false
		}
		if !q.parseOption(code, options[:length]) {
			return false
		}
		options = options[length:]
	}
	return true
}

// These EDNS options, whatever is in them, change nothing in the answer of a server that does not
// support them.
const (
	optionHeader = 4 // octets of code and length

	optionNSID    = 3  // RFC 5001
	optionSubnet  = 8  // RFC 7871
	optionCookie  = 10 // RFC 7873
	optionPadding = 12 // RFC 7830
)

// parseOption reports whether an option leaves the query plain. An ECS option has to be
// well-formed.
func (q *Query) parseOption(code uint16, value []byte) bool {
	switch code {
	case optionNSID, optionCookie, optionPadding:
		return true
	case optionSubnet:
		if q.Subnet { // which of two counts is not ours to say
			return false
		}
		q.Subnet, q.subnet = true, value
		return isSubnet(value)
	}
	return false
}

// isSubnet reports whether an ECS option is of IPv4 or IPv6, with a source prefix and just as many
// octets of address (RFC 7871 §6).
func isSubnet(value []byte) bool {
	if len(value) < 4 {
		return false
	}
	family, source, scope := be16(value, 0), int(value[2]), value[3]
	isFamily := family == 1 && source <= 32 || family == 2 && source <= 128
	return isFamily && scope == 0 && len(value)-4 == (source+7)/8
}

// Network returns the network of the ECS option. It reports false if there are bits beyond the
// prefix (RFC 7871 §6).
func (q *Query) Network() (netip.Prefix, bool) {
	var octets [16]byte
	copy(octets[:], q.subnet[4:])
	addr := netip.AddrFrom16(octets)
	if be16(q.subnet, 0) == 1 {
		addr = netip.AddrFrom4([4]byte(octets[:4]))
	}
	prefix, err := addr.Prefix(int(q.subnet[2]))
	return prefix, err == nil && prefix.Addr() == addr
}

// SubnetOption returns the data of the ECS option, nil if there is none. It changes with the next query.
func (q *Query) SubnetOption() []byte {
	if !q.Subnet {
		return nil
	}
	return q.subnet
}

// Name returns QNAME as text, lower-case and fully qualified. It changes with the next query.
func (q *Query) Name() []byte { return q.name[:q.length] }

// Octets returns the length of the query in octets.
func (q *Query) Octets() int { return len(q.packet) }

func be16(octets []byte, off int) uint16 { return binary.BigEndian.Uint16(octets[off:]) }

// lowerCase maps octets that stand for themselves in the text of a name to lower case, all others
// to 0.
var lowerCase = func() (table [256]byte) {
	for octet := byte('!'); octet <= '~'; octet++ {
		table[octet] = octet
	}
	for letter := byte('A'); letter <= 'Z'; letter++ {
		table[letter] = letter + 'a' - 'A'
	}
	for _, special := range []byte(`."'();@\`) {
		table[special] = 0
	}
	return table
}()
