package explain_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// TestLookup guards what operators read of values that are names: which have no address, which are not what their last
// lookup found, and which have more addresses than are used; each with its line.
func TestLookup(t *testing.T) {
	now := time.Now()
	two := []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")}
	for _, row := range []struct {
		name  string
		known *lookup.Set // of lb.example.net.; nil: nobody looks it up
		rcode string
		want  []string
	}{
		{"ok", &lookup.Set{State: lookup.OK, Addresses: two}, "NOERROR", []string{"  4 values", "  lookup   1 of 2 names have addresses\n           - other.example.net.                         never resolved: no answer yet\n"}},
		{"none", nil, "NOERROR", []string{"  3 values", "lookup   0 of 2 names have addresses", "- lb.example.net.                            not looked up: there is no server that does", "answer   192.0.2.9"}},
		{"never", &lookup.Set{Err: errors.New("192.0.2.53:53: SERVFAIL")}, "NOERROR", []string{"- lb.example.net.                            never resolved: 192.0.2.53:53: SERVFAIL"}},
		{
			"empty", &lookup.Set{State: lookup.Empty, Since: now.Add(-90 * time.Second), Err: errors.New("NXDOMAIN: the name does not exist")}, "NOERROR",
			[]string{"- lb.example.net.                            no address for 1m30s: NXDOMAIN: the name does not exist"},
		},
		{
			"stale", &lookup.Set{State: lookup.Stale, Addresses: two, Since: now.Add(-time.Hour), Err: errors.New("192.0.2.53:53: no answer in time")}, "NOERROR",
			[]string{"1 of 2 names have addresses                  lb.example.net. at Corefile:4: kept, though no lookup has succeeded for 1h0m0s: 192.0.2.53:53: no answer in time\n"},
		},
		{"cut", &lookup.Set{State: lookup.OK, Addresses: two, Left: 200}, "NOERROR", []string{"lb.example.net. at Corefile:4 has 202 addresses: 2 are used\n"}},
		{
			"unusable", &lookup.Set{State: lookup.OK, Addresses: two, Unusable: []netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("224.0.0.1")}}, "NOERROR",
			[]string{"lb.example.net. at Corefile:4 has addresses that no host can have: 0.0.0.0 224.0.0.1\n"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := build(t, "roundrobin53 {\nresolver 192.0.2.53\nrecord app A {\nvalue lb.example.net.\nvalue other.example.net. 192.0.2.9\n}\n}")
			q := client("app", dns.TypeA, at("192.0.2.7"))
			q.Now = now
			if row.known != nil {
				q.Known = func(q lookup.Question) lookup.Set {
					if q.Name == "lb.example.net." {
						return *row.known
					}
					return lookup.Set{}
				}
				s.Take(s.Questions(), q.Known, func(store.TargetKey) bool { return true }, now)
			}
			d := explain.Of(s, q)
			text := d.Text()
			for _, want := range row.want {
				if !strings.Contains(text, want) {
					t.Errorf("missing:\n%s\nin:\n%s", want, text)
				}
			}
			first := d.Stages[0]
			if first.In-len(first.Removed) != first.Out || d.Stages[1].In != first.Out || first.Removed[len(first.Removed)-1].Source != "Corefile:5" {
				t.Errorf("stages %+v", d.Stages[:2])
			}
			if d.Rcode != row.rcode {
				t.Errorf("%s, want %s", d.Rcode, row.rcode)
			}
		})
	}
}

// TestLookupAlone guards the explanation of a name that has nothing else: where it is written, and what clients get.
func TestLookupAlone(t *testing.T) {
	s := build(t, "roundrobin53 {\nresolver 192.0.2.53\nrecord app A lb.example.net.\n}")
	q := client("app", dns.TypeA, at("192.0.2.7"))
	for _, row := range []struct {
		state lookup.State
		rcode string
	}{{lookup.Never, "SERVFAIL"}, {lookup.Empty, "NOERROR"}} {
		q.Known = func(lookup.Question) lookup.Set {
			return lookup.Set{State: row.state, Since: q.Now, Err: errors.New("NXDOMAIN")}
		}
		s.Take(s.Questions(), q.Known, nil, q.Now)
		if d := explain.Of(s, q); d.Rcode != row.rcode || d.Source != "Corefile:3" || len(d.Answer) != 0 || d.Stages[0].In != 1 || d.Stages[0].Out != 0 {
			t.Errorf("%s: %+v", row.state, d)
		}
	}
}

// TestLookedUpTTL guards the explained TTL of an alias to a name elsewhere: the lookup's remaining
// TTL.
func TestLookedUpTTL(t *testing.T) {
	s := build(t, "roundrobin53 {\nresolver 192.0.2.53\nrecord app ALIAS lb.example.net.\n}")
	q := client("app", dns.TypeA, at("192.0.2.7"))
	q.Known = func(lookup.Question) lookup.Set {
		return lookup.Set{State: lookup.OK, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, When: q.Now, TTL: 20 * time.Second}
	}
	s.Take(s.Questions(), q.Known, func(store.TargetKey) bool { return true }, q.Now)
	if d := explain.Of(s, q); d.TTL != 20 {
		t.Errorf("TTL %d, want 20", d.TTL)
	}
}
