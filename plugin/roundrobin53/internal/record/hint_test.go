package record

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// TestHint guards what is fetched ahead: what Lookup finds where no other name is in the way, and
// nothing where a name can't be.
func TestHint(t *testing.T) {
	const names = 1000
	b := NewBuilder(names, ZoneConfig{SOA: &dns.SOA{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}}})
	for i := range names {
		b.AddAddresses(fmt.Sprintf("app%d.example.org.", i), dns.TypeA, i)
	}
	table := b.Table()
	hits := 0
	for i := range names {
		hint, hash := table.Hint(fmt.Sprintf("app%d.example.org.", i))
		if hash == 0 {
			t.Errorf("name %d: no node where its search begins", i)
		}
		if a, octet := table.Fetch(hint); a == i && octet == 'a' {
			hits++
		}
	}
	if hits < names/2 {
		t.Errorf("of %d names, what is fetched is theirs for %d", names, hits)
	}
	empty := 0
	for i := range names {
		if hint, hash := table.Hint(fmt.Sprintf("none%d.example.org.", i)); hash == 0 {
			empty++
			if a, octet := table.Fetch(hint); a != None || octet != 0 {
				t.Errorf("a free place has %d, %q", a, octet)
			}
		}
	}
	if empty == 0 {
		t.Error("no name is at a free place")
	}
}
