package roundrobin53

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
)

// TestExplain guards the explanation through the glue: it knows the client as a query does, and the
// next query over UDP gets what it says, however often it is asked for.
func TestExplain(t *testing.T) {
	h := handler(t, `roundrobin53 {
		ecs
		check web http://:1/
		record app A 192.0.2.1 192.0.2.2 192.0.2.3 check web
		record routed A {
			value 192.0.2.4 from 10.240.0.0/16
			value 192.0.2.5 from 10.0.0.0/8
			value 192.0.2.6
		}
	}`)
	before := explain.Document{}
	for range 3 {
		d := h.Explain("App.example.org.", dns.TypeA, netip.MustParsePrefix("10.240.0.1/32"))
		if before.Answer != nil && !slices.Equal(d.Answer, before.Answer) {
			t.Fatalf("%q, and then %q: it took a turn", before.Answer, d.Answer)
		}
		before = *d
	}
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("app.example.org.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	for i, rr := range w.m.Answer {
		if got := rr.(*dns.A).A.String(); got != before.Answer[i] {
			t.Errorf("value %d is %s, explained %q", i, got, before.Answer)
		}
	}
	for _, row := range []struct {
		client, answer, from string
		scope                int
	}{
		{"10.240.0.1/32", "192.0.2.4", "10.240.0.1", 0},
		{"10.240.9.0/24", "192.0.2.4", "10.240.9.0/24", 16},
		{"10.9.9.0/24", "192.0.2.5", "10.9.9.0/24", 9},
		{"2001:db8::/56", "192.0.2.6", "2001:db8::/56", 0},
	} {
		d := h.Explain("routed.example.org.", dns.TypeA, netip.MustParsePrefix(row.client))
		if !slices.Equal(d.Answer, []string{row.answer}) || d.Client != row.from || d.ClientFrom != explain.FromAsked || d.Scope != row.scope {
			t.Errorf("%s: %+v", row.client, d)
		}
	}
	if d := h.Explain("example.net.", dns.TypeA, netip.MustParsePrefix("10.0.0.1/32")); !strings.Contains(d.Note, "next plugin") {
		t.Errorf("another zone: %+v", d)
	}
	h.store.Load().Verdicts.UpdateAll(func(int) bool { return false }, time.Now())
	if text := h.Explain("app.example.org.", dns.TypeA, netip.MustParsePrefix("10.0.0.1/32")).Text(); !strings.Contains(text, "all_down all") {
		t.Errorf("all down: %s", text)
	}
}
