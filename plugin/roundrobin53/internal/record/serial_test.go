package record

import (
	"testing"

	"github.com/miekg/dns"
)

// TestMoveSerial guards secondaries: a serial that moves while the zone is served is newer than the
// one before (RFC 1982 §3.2), and copies of the SOA have it.
func TestMoveSerial(t *testing.T) {
	for _, row := range []struct{ before, now, want uint32 }{
		{100, 200, 200},
		{200, 200, 201},
		{300, 200, 301},
		{1<<32 - 1, 1<<32 - 1, 0},
	} {
		soa := &dns.SOA{Hdr: dns.RR_Header{Name: "example.org."}}
		z := NewBuilder(0, ZoneConfig{SOA: soa}).Table().Zones()[0]
		z.SetSerial(row.before)
		z.MoveSerial(row.now)
		stamped := []dns.RR{&dns.NS{}, dns.Copy(soa)}
		z.Stamp(stamped)
		if got := stamped[1].(*dns.SOA).Serial; z.Serial() != row.want || got != row.want || soa.Serial != row.before {
			t.Errorf("%d moved at %d: %d and %d in a copy, want %d", row.before, row.now, z.Serial(), got, row.want)
		}
	}
}
