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
	z := &zone{name: name}
	parser := dns.NewZoneParser(bytes.NewReader(file.Data), name, file.Name)
	parser.SetIncludeAllowed(true)
	sets := make(map[groupKey]*recordSet)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if err := z.addRR(sets, rr); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	if err := parser.Err(); err != nil {
		return nil, errors.New(strings.Replace(err.Error(), "dns: ", "", 1)) // it names the file
	}
	if len(z.sets) == 0 {
		return nil, fmt.Errorf("%s: no records", file.Name)
	}
	z.base = decimal
	z.divide()
	return &Zones{all: []*zone{z}}, nil
}

// addRR adds a record to the record set of its name and type.
func (z *zone) addRR(sets map[groupKey]*recordSet, rr dns.RR) error {
	hdr := rr.Header()
	name, err := spellName(hdr.Name, decimal)
	if err != nil {
		return err
	}
	rrtype, ok := dns.TypeToString[hdr.Rrtype]
	if !ok {
		rrtype = fmt.Sprintf("TYPE%d", hdr.Rrtype)
	}
	key := groupKey{name, rrtype}
	rs := sets[key]
	if rs == nil {
		rs = &recordSet{Name: name, name: name, Type: rrtype}
		sets[key] = rs
		z.sets = append(z.sets, rs)
		ttl := hdr.Ttl
		rs.TTL = &ttl
		if !dns.IsSubDomain(z.name, name) {
			rs.leave("it lies outside the zone " + z.name)
		}
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
