package roundrobin53

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// resolve gives the store of a handler the addresses of all its names.
func resolve(h *Handler, addresses ...string) {
	set := lookup.Set{State: lookup.OK, When: time.Now(), TTL: time.Minute}
	for _, text := range addresses {
		set.Addresses = append(set.Addresses, netip.MustParseAddr(text))
	}
	s := h.store.Load()
	s.Take(s.Questions(), func(lookup.Question) lookup.Set { return set }, func(store.TargetKey) bool { return true }, time.Now())
}

// TestLookedUpAllocations guards the path of a query: values that are looked up cost what written
// ones do.
func TestLookedUpAllocations(t *testing.T) {
	var eight []string
	for i := range 8 {
		eight = append(eight, fmt.Sprintf("192.0.2.%d", 1+i))
	}
	h := handler(t, "roundrobin53 {\nresolver 192.0.2.53\nrecord looked A lb.example.net.\nrecord written A "+strings.Join(eight, " ")+"\n}")
	resolve(h, eight...)
	ctx := serverContext("dns://:53")
	allocations := func(name string) float64 {
		w, r := new(discard), query1(name, dns.TypeA)
		got := testing.AllocsPerRun(999, func() {
			if _, err := h.ServeDNS(ctx, w, r); err != nil {
				t.Fatal(err)
			}
		})
		if len(w.m.Answer) != 8 {
			t.Fatalf("%s: %d addresses", name, len(w.m.Answer))
		}
		return got
	}
	if written, looked := allocations("written.example.org."), allocations("looked.example.org."); looked != written {
		t.Errorf("%v allocations with looked-up values, %v with written ones", looked, written)
	}
}

// TestNoAnswerMixesSets guards clients while values change: each answer has the values of one
// moment, and the values take exact turns between two changes.
func TestNoAnswerMixesSets(t *testing.T) {
	h := handler(t, "roundrobin53 {\nresolver 192.0.2.53\nrecord app A lb.example.net. answers all\n}")
	setOf := func(change int) []string { // of three or four, with the change in the third octet
		var set []string
		for i := range 3 + change%2 {
			set = append(set, fmt.Sprintf("10.%d.%d.%d", change>>8, change&255, 1+i))
		}
		return set
	}
	resolve(h, setOf(0)...)
	var clients sync.WaitGroup
	var ended atomic.Bool
	var answers atomic.Int64
	for range 4 {
		clients.Go(func() {
			for !ended.Load() {
				w := new(discard)
				if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("app.example.org.", dns.TypeA)); err != nil {
					t.Error(err)
					return
				}
				var got []string
				for _, rr := range w.m.Answer {
					got = append(got, rr.(*dns.A).A.String())
				}
				slices.Sort(got)
				first := netip.MustParseAddr(got[0]).As4()
				if want := setOf(int(first[1])<<8 | int(first[2])); !slices.Equal(got, want) {
					t.Errorf("an answer has %v, want %v", got, want)
					return
				}
				answers.Add(1)
			}
		})
	}
	for change := 1; change <= 1000; change++ {
		resolve(h, setOf(change)...)
		if change%100 == 0 { // so that queries are answered meanwhile, however few processors there are
			for before := answers.Load(); answers.Load() < before+10 && !t.Failed(); {
				time.Sleep(time.Millisecond)
			}
		}
	}
	ended.Store(true)
	clients.Wait()
	counts := make(map[string]int)
	const n, rounds = 3, 8 // the set of the last change, and the rounds until the cycle slips
	for range n * rounds * 10 {
		w := new(discard)
		if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("app.example.org.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		counts[w.m.Answer[0].(*dns.A).A.String()]++
	}
	for value, count := range counts {
		if count < rounds*10-1 || count > rounds*10+1 {
			t.Errorf("%s was first %d times of %d", value, count, n*rounds*10)
		}
	}
}
