package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// TestPlainSetChoosesNothing guards sets in which turns alone decide: they need nothing of the client.
func TestPlainSetChoosesNothing(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	s := NewSet(pool.New(addresses, pool.RoundRobin, 0), 60)
	if c := s.Choosing(); c.Name != "" || c.Groups != nil || s.Chooses() || s.IsPersonal() || s.Groups() != nil {
		t.Errorf("it chooses by %+v", c)
	}
}

// TestCNAMEsCountTogether guards the counts of CNAMEs: whatever type is asked, the first pick of a value is one more.
func TestCNAMEsCountTogether(t *testing.T) {
	rrs := []dns.RR{&dns.CNAME{Target: "a.example.net."}, &dns.CNAME{Target: "b.example.net."}}
	c := NewCNAMEs(rrs, 60, func() Choosing { return Choosing{Name: "www.example.org.", Type: dns.TypeCNAME} })
	c.CountPicks()
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT} {
		c.For(qtype).Count(&Answer{Order: []uint16{1}})
	}
	if picks := c.Speaker().Picks(); picks[0].Load() != 0 || picks[1].Load() != 3 {
		t.Errorf("first picks %d and %d, want 0 and 3", picks[0].Load(), picks[1].Load())
	}
}

// TestServeBeginsOnce guards the log: whoever is told first that a set fails open is told alone.
func TestServeBeginsOnce(t *testing.T) {
	v := NewVerdicts([]*Set{twoValues(1)}, 2, time.Now())
	first, second := 0, 0
	v.Serve(func(begun, _ []*Set) { first += len(begun) })
	v.Serve(func(begun, _ []*Set) { second += len(begun) })
	v.Update([]Verdict{{Target: 0}, {Target: 1}}, time.Now())
	if first != 1 || second != 0 {
		t.Errorf("told %d and %d times, want 1 and 0", first, second)
	}
}
