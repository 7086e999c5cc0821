package roundrobin53

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// TestStoresAreSwappedUnderClients guards the pointer that a handler holds its store by: while
// stores take each other's place and verdicts change, 16 clients get each turn exactly once, and
// each answer is of one store: its values and their TTL belong together.
func TestStoresAreSwappedUnderClients(t *testing.T) {
	const (
		clients = 16
		each    = 64 * 8 // of all clients together a multiple of the cycle, slips included
		values  = 4
	)
	directive := func(ttl int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "roundrobin53 {\ncheck web http://:80/\nrecord turns %d A", ttl)
		for i := range values {
			fmt.Fprintf(&b, " 192.0.2.%d", 1+i)
		}
		fmt.Fprintf(&b, "\nrecord whole %d A", ttl) // which value it has tells its TTL
		fmt.Fprintf(&b, " 198.51.100.%d check web\n}", ttl)
		return b.String()
	}
	h := handler(t, directive(1))
	var first [values]atomic.Int64
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			ctx, w := serverContext("dns://:53"), new(discard)
			for range each {
				a := firstOf(ctx, t, h, w, "turns.example.org.")
				first[a.A[3]-1].Add(1)
				if whole := firstOf(ctx, t, h, w, "whole.example.org."); whole.Hdr.Ttl != uint32(whole.A[3]) {
					t.Errorf("%s has the TTL of another store", whole)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		asking.Wait()
		close(done)
	}()
	swaps := 0
	for isDone := false; !isDone; swaps++ {
		next := handler(t, directive(2+swaps%200)).Store()
		next.Adopt(h.Store(), time.Now())
		h.store.Store(next)
		next.Verdicts.Update([]policy.Verdict{{Target: 0, Up: swaps%2 == 0}}, time.Now())
		select {
		case <-done:
			isDone = true
		default:
		}
	}
	for i := range first {
		if n := first[i].Load(); n != clients*each/values {
			t.Errorf("192.0.2.%d came first %d times over %d swaps, want exactly %d", 1+i, n, swaps, clients*each/values)
		}
	}
}

// firstOf returns the first address that a name is answered with.
func firstOf(ctx context.Context, t *testing.T, h *Handler, w *discard, name string) *dns.A {
	t.Helper()
	if _, err := h.ServeDNS(ctx, w, query1(name, dns.TypeA)); err != nil {
		t.Error(err)
	}
	return w.m.Answer[0].(*dns.A)
}

// TestAllSets guards the walk over what a store serves.
func TestAllSets(t *testing.T) {
	h := handler(t, zoneOfEverything)
	n, choosing := make(map[uint16]int), 0
	for rrset, set := range h.Store().All() {
		n[rrset.Type]++
		if set.Chooses() {
			choosing++
			if c := set.Choosing(); c.Name != rrset.Name || c.Type != rrset.Type {
				t.Errorf("%v chooses as %s %d", rrset, c.Name, c.Type)
			}
		}
	}
	if n[dns.TypeA] != len(h.Store().Sets())-n[dns.TypeAAAA] || n[dns.TypeCNAME] != 3 || choosing == 0 {
		t.Errorf("sets by type %v, of %d; %d choose", n, len(h.Store().Sets()), choosing)
	}
	for range h.Store().All() { // an end on the way
		break
	}
}
