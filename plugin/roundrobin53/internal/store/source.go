package store

import (
	"fmt"
	"math"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// sources knows where the values of a store are written. Of most A and AAAA RRsets it knows the
// line of the record, in eight octets; of sets that choose among their values, each line.
type sources struct {
	files  []string
	byFile map[string]uint16 // nil once the store is built
	sets   []policy.Source   // by number of the A or AAAA RRset
	rrs    []policy.Source   // of all other records, by record.RRset.Source and their place in it
}

// source returns the source of values from first on that stand at p.
func (s *sources) source(p config.Position, first int) policy.Source {
	name := p.File()
	file, ok := s.byFile[name]
	if !ok && len(s.files) <= math.MaxUint16 {
		if s.byFile == nil {
			s.byFile = make(map[string]uint16)
		}
		file = uint16(len(s.files))
		s.byFile[name] = file
		s.files = append(s.files, name)
	}
	return policy.Source{First: uint16(first), File: file, Line: uint32(p.Line())}
}

// text returns a source as FILE:LINE.
func (s *sources) text(source policy.Source) string {
	if source.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.files[source.File], source.Line)
}

// Source returns where a value of an RRset is written, as FILE:LINE, "" if that is not known. Number
// is that of the RRset's set.
func (s *Store) Source(rrtype uint16, number, value int) string {
	if set := s.set(rrtype, number); set.Chooses() {
		return s.SourceOf(set, value)
	}
	return s.sources.text(s.sources.sets[number])
}

// addRRs notes where the records of an RRset that is no A or AAAA RRset are written, and returns the
// number for record.RRset.Source.
func (s *sources) addRRs(positions ...config.Position) int32 {
	if len(s.rrs) == 0 {
		s.rrs = make([]policy.Source, 1) // 0 stands for none
	}
	number := len(s.rrs)
	for _, p := range positions {
		s.rrs = append(s.rrs, s.source(p, 0))
	}
	return int32(number)
}

// SourceOfSet returns where an A or AAAA RRset is written, by the number of its set, as FILE:LINE.
func (s *Store) SourceOfSet(number int) string { return s.sources.text(s.sources.sets[number]) }

// SourceOfRRset returns where an RRset that has a set is written, as FILE:LINE.
func (s *Store) SourceOfRRset(rrset RRset) string {
	if rrset.Type == dns.TypeCNAME {
		return s.Source(rrset.Type, rrset.Number, 0)
	}
	return s.SourceOfSet(rrset.Number)
}

// SourceOfRR returns where a record of an RRset of the table is written, as FILE:LINE, by its place;
// "" if it is made for the zone. Of several CNAMEs that an answer chooses among, it knows only where
// the first line is: see SourceOf.
func (s *Store) SourceOfRR(rrset *record.RRset, i int) string {
	if rrset.Source == 0 {
		return ""
	}
	return s.sources.text(s.sources.rrs[int(rrset.Source)+i])
}

// Alias returns the name that an A or AAAA RRset is an ALIAS for, by the number of its set; "" if it
// is none.
func (s *Store) Alias(number int) string { return s.aliases[number] }

// SourceOf returns where a value is written, for a set that chooses among its values.
func (s *Store) SourceOf(set *policy.Set, value int) string {
	return s.sources.text(policy.SourceOf(set.Choosing().Sources, value))
}
