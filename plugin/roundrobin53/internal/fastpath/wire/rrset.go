package wire

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

// Len returns the number of records.
func (s *RRset) Len() int { return len(s.data) }

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
