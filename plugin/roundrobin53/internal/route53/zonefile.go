package route53

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// ReadZoneFile reads a zone file (RFC 1035 §5), as BIND and the file plugin have it. $INCLUDE is followed.
func ReadZoneFile(origin string, file *File) (*Zones, error) {
	name, err := spellName(origin, decimal)
	if err != nil {
		return nil, err
	}
	if err := readable(file, "a zone file is ASCII"); err != nil {
		return nil, err
	}
	if text := bytes.TrimSpace(file.Data); bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")) {
		return nil, place{file, 0}.errorf("the file is JSON; coredns import FILE reads that")
	}
	rrs, err := readRRs(name, file, defaultTTL)
	isSOA := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }
	if i := slices.IndexFunc(rrs, isSOA); err == nil && i >= 0 {
		rrs, err = readRRs(name, file, rrs[i].(*dns.SOA).Minttl) // as BIND does without $TTL
	}
	if err != nil {
		return nil, err
	}
	z, sets := &zone{name: name}, make(map[groupKey]*recordSet)
	for _, rr := range rrs {
		if err := z.addRR(sets, rr); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	z.base = decimal
	z.divide()
	return &Zones{all: []*zone{z}}, nil
}

// readRRs reads the records of a zone file. Those without a TTL, and without $TTL before them, have the one given.
func readRRs(origin string, file *File, ttl uint32) ([]dns.RR, error) {
	parser := dns.NewZoneParser(bytes.NewReader(withGeneratedTTLs(file.Data)), origin, file.Name)
	parser.SetIncludeAllowed(true)
	parser.SetDefaultTTL(ttl)
	var rrs []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		rrs = append(rrs, rr)
	}
	switch err := parser.Err(); {
	case err != nil:
		return nil, errors.New(strings.Replace(err.Error(), "dns: ", "", 1)) // it names the file
	case len(rrs) == 0:
		return nil, fmt.Errorf("%s: no records", file.Name)
	}
	return rrs, nil
}

// addRR adds a record to the record set of its name and type.
func (z *zone) addRR(sets map[groupKey]*recordSet, rr dns.RR) error {
	hdr := rr.Header()
	isTooLong := hdr.Ttl > maxTTL
	if isTooLong {
		hdr.Ttl = 0
	}
	name, err := spellName(hdr.Name, decimal)
	if err != nil {
		return err
	}
	rrtype, ok := dns.TypeToString[hdr.Rrtype]
	if !ok {
		rrtype = fmt.Sprintf("TYPE%d", hdr.Rrtype)
	}
	key := groupKey{name, rrtype}
	if hdr.Class != dns.ClassINET {
		key.rrtype = dns.Class(hdr.Class).String() + " " + rrtype // a record set of its own, which is left out
	}
	rs := sets[key]
	if rs == nil {
		rs = &recordSet{Name: name, name: name, Type: key.rrtype}
		sets[key] = rs
		z.sets = append(z.sets, rs)
		ttl := hdr.Ttl
		rs.TTL = &ttl
		switch {
		case !dns.IsSubDomain(z.name, name):
			rs.leave("it lies outside the zone " + z.name)
		case hdr.Class != dns.ClassINET:
			rs.leave("its class is " + dns.Class(hdr.Class).String() + ", and here all records are IN")
		}
	}
	if isTooLong {
		rs.change("its TTL has the first bit set, and counts as 0 (RFC 2181)")
	}
	if hdr.Ttl != *rs.TTL {
		ttl := min(hdr.Ttl, *rs.TTL)
		rs.TTL = &ttl
		rs.change("its TTL becomes that of its shortest-lived record (RFC 2181)")
	}
	text := strings.TrimPrefix(rr.String(), hdr.String())
	same := func(other struct{ Value string }) bool { return other.Value == text }
	if !slices.ContainsFunc(rs.ResourceRecords, same) {
		rs.ResourceRecords = append(rs.ResourceRecords, struct{ Value string }{text})
	}
	return nil
}

// withGeneratedTTLs gives each $GENERATE of a zone file the TTL of the $TTL before it, which miekg/dns does not hand on.
func withGeneratedTTLs(data []byte) []byte {
	if !bytes.Contains(bytes.ToUpper(data), []byte(directiveGenerate)) {
		return data
	}
	var out bytes.Buffer
	ttl := ""
	for line := range bytes.Lines(data) {
		words := strings.Fields(string(line))
		switch {
		case len(words) > 1 && strings.EqualFold(words[0], "$TTL"):
			ttl = words[1]
		case ttl != "" && len(words) > 4 && strings.EqualFold(words[0], directiveGenerate) && !hasTTL(words[3:]):
			const before = 3 // the directive, the range and the name
			at := 0
			for _, word := range words[:before] {
				at += bytes.Index(line[at:], []byte(word)) + len(word)
			}
			line = slices.Concat(line[:at], []byte(" "+ttl), line[at:])
		}
		out.Write(line)
	}
	return out.Bytes()
}

const directiveGenerate = "$GENERATE"

// hasTTL reports whether a TTL stands behind a name, or behind the class there.
func hasTTL(words []string) bool {
	if _, isClass := dns.StringToClass[strings.ToUpper(words[0])]; isClass {
		words = words[1:]
	}
	return isTTL(words[0])
}

// isTTL reports whether a word of a zone file can be a TTL: classes and types begin with letters.
func isTTL(word string) bool { return word[0] >= '0' && word[0] <= '9' }
