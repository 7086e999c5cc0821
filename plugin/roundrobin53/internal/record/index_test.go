package record

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// TestIndexFinds guards the search of the hash table: over places that are taken, over the end, and
// for names that are not there. Each table has another seed.
func TestIndexFinds(t *testing.T) {
	for size := range 200 {
		builder := NewBuilder(0, ZoneConfig{SOA: &dns.SOA{Hdr: dns.RR_Header{Name: "."}}}) // more names than expected
		for i := range size {
			builder.AddAddresses(fmt.Sprintf("name%d.", i), dns.TypeA, i)
		}
		tab := builder.Table()
		for i := range size {
			if number, ok := tab.Glue(fmt.Sprintf("name%d.", i), dns.TypeA); !ok || number != i {
				t.Fatalf("%d names: Glue(name%d.) = %d, %t, want %d", size, i, number, ok, i)
			}
			if number, ok := tab.Glue(fmt.Sprintf("name%d.", size+i), dns.TypeA); ok {
				t.Fatalf("%d names: Glue(name%d.) = %d, want none", size, size+i, number)
			}
		}
	}
}
