package wire

import (
	"encoding/binary"
)

// A Message is a reply that is being written. It can be used again for the next reply.
//
// Names are compressed as miekg/dns does: against each name before, letter case included. So a
// reply is as long as the chain's would be, and what does not fit here does not fit there.
type Message struct {
	q       *Query
	out     []byte
	base    int    // where the message begins in out
	counts  [3]int // records by section
	section int
	full    int // length of the message without compression

	labels [maxLabels]suffix // of the names so far
	n      int               // how many labels are known; none until a name is written
}

// The sections that records are written to, in their order.
const (
	Answer = iota
	Authority
	Additional
)

// A suffix is the rest of a name from one of its labels on, to which a pointer may lead.
type suffix struct {
	at     uint16 // offset in the message
	length uint16 // octets without compression
}

// maxLabels bounds the labels that pointers lead to. Names that find no room are still compressed,
// but none against them.
const maxLabels = 96

const pointerMark = 0xC0

// Begin begins the reply to a query, behind what dst holds.
func (m *Message) Begin(q *Query, dst []byte) {
	m.q, m.base = q, len(dst)
	m.out = append(dst, q.packet[:q.end]...)
	m.counts, m.section, m.full, m.n = [3]int{}, Answer, q.end, 0
}

// Open begins a section. Sections are written in order.
func (m *Message) Open(section int) { m.section = section }

// Count returns how many records a section has so far.
func (m *Message) Count(section int) int { return m.counts[section] }

// Room returns how many octets are left for records.
func (m *Message) Room() int { return m.q.size - m.q.optOctets() - m.length() }

func (m *Message) length() int { return len(m.out) - m.base }

// Octets returns the length of the finished reply, and the length that it would have without
// compression.
func (m *Message) Octets() (compressed, uncompressed int) {
	return m.length() + m.q.optOctets(), m.full + m.q.optOctets()
}

// QNAME as the owner of a record.
const ownQuestion = headerOctets

// AppendAddresses appends the addresses of a set, width octets each, in the given order. The owner
// is a name in its uncompressed form, or nil for QNAME.
func (m *Message) AppendAddresses(owner []byte, rrtype uint16, ttl uint32, order []uint16, octets []byte, width int) {
	at, length := ownQuestion, m.q.length+1
	if owner != nil {
		at, length = 0, len(owner)
	}
	for at == 0 && len(order) > 0 { // the first record has the name; the root, shorter than a pointer, stands in all
		at = m.appendOwner(owner, 0, rrtype, ttl)
		m.out = binary.BigEndian.AppendUint16(m.out, uint16(width))
		m.out = append(m.out, octets[int(order[0])*width:][:width]...)
		m.full += 2 + width
		order = order[1:]
	}
	m.out = appendRecords(m.out, at, rrtype, ttl, order, octets, width)
	m.counts[m.section] += len(order)
	m.full += len(order) * (length + recordOctets - 2 + width)
}

// AppendRRset appends the records of an RRset from one position up to, but without, another, with a
// TTL and an owner as for AppendAddresses.
func (m *Message) AppendRRset(owner []byte, s *RRset, ttl uint32, from, to int) {
	at := 0
	for _, data := range s.data[from:to] {
		at = m.appendOwner(owner, at, s.Type, ttl)
		length := len(m.out)
		m.out = append(m.out, 0, 0)
		m.appendData(s.layout, data)
		binary.BigEndian.PutUint16(m.out[length:], uint16(len(m.out)-length-2))
		m.full += 2 + len(data)
	}
}

// AppendSOA appends the SOA record of a zone, whose apex is given in its uncompressed form, as
// AppendRRset would. It is quick where QNAME and the names in the record end with the apex as it is
// written, as in most negative answers.
func (m *Message) AppendSOA(apex []byte, s *SOA, ttl uint32) {
	at := m.q.end - questionOctets - len(apex) // of the apex in the question, if it is there
	if !s.isBelow || m.n != 0 || at < headerOctets || string(m.q.packet[at:at+len(apex)]) != string(apex) {
		m.AppendRRset(apex, &s.RRset, ttl, 0, 1)
		return
	}
	be := binary.BigEndian
	start := len(m.out)
	m.out = append(m.out, s.template...)
	record := m.out[start:]
	pointer := pointerMark<<8 | uint16(at)
	be.PutUint16(record, pointer)
	be.PutUint32(record[6:], ttl)
	be.PutUint16(record[s.first:], pointer)
	be.PutUint16(record[s.second:], pointer)
	m.counts[m.section]++
	m.full += len(apex) + 10 + len(s.data[0]) // type, class, TTL, length
}

// SetSerial gives the SOA record that was appended last a serial.
func (m *Message) SetSerial(serial uint32) {
	const fixed = 20 // serial and timers, at the end
	binary.BigEndian.PutUint32(m.out[len(m.out)-fixed:], serial)
}

// appendOwner appends the beginning of a record, up to its TTL. At is where a pointer to the owner
// may lead, 0 if that is not known yet; it is returned for the next record.
func (m *Message) appendOwner(owner []byte, at int, rrtype uint16, ttl uint32) int {
	length := len(owner)
	if owner == nil {
		at, length = ownQuestion, m.q.length+1
	}
	m.full += length
	if at == 0 {
		at = m.appendName(owner, true)
	} else {
		m.appendPointer(at)
	}
	m.counts[m.section]++
	m.full += 8 // type, class, TTL
	m.out = binary.BigEndian.AppendUint16(m.out, rrtype)
	m.out = binary.BigEndian.AppendUint16(m.out, classINET)
	m.out = binary.BigEndian.AppendUint32(m.out, ttl)
	return at
}

func (m *Message) appendPointer(at int) {
	m.out = append(m.out, pointerMark|byte(at>>8), byte(at))
}

// appendData appends the data of a record, given without compression.
func (m *Message) appendData(l layout, data []byte) {
	m.out = append(m.out, data[:l.head]...)
	data = data[l.head:]
	for range l.names {
		end := nameEnd(data)
		m.appendName(data[:end], l.compresses)
		data = data[end:]
	}
	m.out = append(m.out, data...)
}

// appendName appends a name, given without compression. It returns where a pointer to the name may
// lead, 0 if nowhere.
func (m *Message) appendName(name []byte, compresses bool) (at int) {
	if m.n == 0 {
		m.note(m.q.packet[headerOctets:m.q.end-questionOctets], headerOctets)
	}
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		known := m.find(name[i:])
		if known != 0 && compresses {
			m.appendPointer(known)
			if at == 0 {
				at = known
			}
			return at
		}
		here := m.length()
		if at == 0 {
			at = here
		}
		if known == 0 && here <= 0x3FFF && m.n < maxLabels {
			m.labels[m.n] = suffix{uint16(here), uint16(len(name) - i)}
			m.n++
		}
		m.out = append(m.out, name[i:i+1+int(name[i])]...)
	}
	m.out = append(m.out, 0)
	return at
}

// note notes the labels of a name that stands uncompressed at an offset.
func (m *Message) note(name []byte, at int) {
	for i := 0; name[i] != 0 && m.n < maxLabels; i += 1 + int(name[i]) {
		m.labels[m.n] = suffix{uint16(at + i), uint16(len(name) - i)}
		m.n++
	}
}

// find returns where a name that is part of the message begins, 0 if it is not known.
func (m *Message) find(name []byte) int {
	for i := range m.n {
		if s := &m.labels[i]; int(s.length) == len(name) && m.isAt(int(s.at), name) {
			return int(s.at)
		}
	}
	return 0
}

// isAt reports whether a name is the one at an offset of the message, which may end in a pointer.
func (m *Message) isAt(at int, name []byte) bool {
	message := m.out[m.base:]
	for {
		length := int(message[at])
		if length >= pointerMark {
			at = (length&^pointerMark)<<8 | int(message[at+1])
			continue
		}
		if int(name[0]) != length || string(message[at+1:at+1+length]) != string(name[1:1+length]) {
			return false
		}
		if length == 0 {
			return true
		}
		at, name = at+1+length, name[1+length:]
	}
}

// Finish writes the header, with an RCODE and the flag AA or without, and the OPT record. If the
// query has Echo set, the OPT record has an ECS option with the scope.
func (m *Message) Finish(rcode int, isAuthoritative bool, scope int) []byte {
	be := binary.BigEndian
	header := m.out[m.base:]
	flags := flagQR | be.Uint16(header[2:])&(flagRD|flagCD) | uint16(rcode)
	if isAuthoritative {
		flags |= flagAA
	}
	be.PutUint16(header[2:], flags)
	counts := m.counts
	if m.q.EDNS {
		counts[Additional]++
	}
	for section, n := range counts {
		be.PutUint16(header[6+2*section:], uint16(n))
	}
	return m.q.appendOPT(m.out, scope)
}
