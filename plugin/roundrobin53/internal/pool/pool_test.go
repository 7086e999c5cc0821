package pool

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// addresses returns n IPv4 addresses that tell their index.
func addresses(n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		var octets [4]byte
		binary.BigEndian.PutUint32(octets[:], 0xc0000200+uint32(i))
		addrs[i] = netip.AddrFrom4(octets)
	}
	return addrs
}

func TestPoolKeepsAddresses(t *testing.T) {
	for _, row := range []struct {
		name  string
		addrs []netip.Addr
		width int
	}{
		{"IPv4", addresses(3), 4},
		{"IPv6", []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}, 16},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(row.addrs, RoundRobin, 0)
			if p.Len() != len(row.addrs) || p.Width() != row.width || p.Answers() != len(row.addrs) {
				t.Errorf("Len %d, Width %d, Answers %d, want %d, %d, %d", p.Len(), p.Width(), p.Answers(), len(row.addrs), row.width, len(row.addrs))
			}
			for i, want := range row.addrs {
				if got, _ := netip.AddrFromSlice(p.Address(i)); got != want {
					t.Errorf("Address(%d) = %v, want %v", i, got, want)
				}
			}
			if got := len(p.Octets()); got != row.width*len(row.addrs) {
				t.Errorf("%d octets, want %d", got, row.width*len(row.addrs))
			}
			if cap(p.Address(0)) != row.width {
				t.Error("Address(0) has spare capacity: appending to it would change the next address")
			}
		})
	}
}

func TestAnswersIsAtMostAll(t *testing.T) {
	for answers, want := range map[int]int{0: 5, 1: 1, 4: 4, 5: 5, 6: 5, MaxEndpoints: 5} {
		p := New(addresses(5), RoundRobin, answers)
		if p.Answers() != want || len(p.Take(turn.Datagram, nil)) != want {
			t.Errorf("answers %d: Answers() %d, picked %d, want %d", answers, p.Answers(), len(p.Take(turn.Datagram, nil)), want)
		}
	}
}

// TestPickIsExactInParallel guards against a cursor that is loaded and then stored: it loses turns.
// The first picks begin a round, and there are whole rounds.
func TestPickIsExactInParallel(t *testing.T) {
	const goroutines, picks, n = 16, 14_000, 7
	p := New(addresses(n), RoundRobin, 0)
	counts := make([][n]int, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			var buf [n]uint16
			for range picks {
				counts[g][p.Take(turn.Datagram, buf[:0])[0]]++
			}
		})
	}
	wg.Wait()
	var total [n]int
	for _, count := range counts {
		for i := range count {
			total[i] += count[i]
		}
	}
	if slices.Max(total[:]) != slices.Min(total[:]) {
		t.Errorf("first: %v, want equal counts", total)
	}
}

// TestClassesCountApart guards those who take the turns of two classes one after the other, as with
// answers over TCP behind truncated ones over UDP: with one counter for both, each would see every
// second value first.
func TestClassesCountApart(t *testing.T) {
	p := New(addresses(2), RoundRobin, 0)
	var last [turn.Classes]uint16
	for i := range 10 {
		for class := range turn.Classes {
			first := p.Take(class, nil)[0]
			if i > 0 && first == last[class] {
				t.Errorf("class %d, turn %d: %d is first again", class, i, first)
			}
			last[class] = first
		}
	}
}

// TestSingleEndpoint guards RRsets that have no counters, also where one has them before or after a
// reload.
func TestSingleEndpoint(t *testing.T) {
	one, two := New(addresses(1), RoundRobin, 0), New(addresses(2), RoundRobin, 0)
	g := group(Rules{}, 1, 1)
	two.Adopt(one.Counters())
	g.AdoptCounters(one.Counters())
	one.Adopt(two.Counters())
	if got := one.Take(turn.Datagram, nil); one.Counters() != nil || !slices.Equal(got, []uint16{0}) {
		t.Errorf("counters %v, picked %v, want none and 0", one.Counters(), got)
	}
	if first, second := two.Take(turn.Datagram, nil)[0], two.Take(turn.Datagram, nil)[0]; first == second {
		t.Error("the other pool takes no turns")
	}
	c := choiceOf(g)
	if first, second := c.Take(turn.Datagram, nil, nil)[0], c.Take(turn.Datagram, nil, nil)[0]; first == second {
		t.Error("the group takes no turns")
	}
}

func TestAdoptGoesOn(t *testing.T) {
	before, after := New(addresses(3), RoundRobin, 0), New(addresses(3), RoundRobin, 0)
	last := before.Take(turn.Datagram, nil)[0]
	after.Adopt(before.Counters())
	for i := 1; i < 7; i++ { // in turn, as while an old and a new instance both answer
		p := &after
		if i%2 == 0 {
			p = &before
		}
		if got, want := p.Take(turn.Datagram, nil)[0], (last+uint16(i))%3; got != want {
			t.Errorf("turn %d: %d first, want %d", i, got, want)
		}
	}
}

// TestCountersStartApart guards replicas against moving in step.
func TestCountersStartApart(t *testing.T) {
	const pools, n = 600, 3
	var first [n]int
	for range pools {
		p := New(addresses(n), RoundRobin, 0)
		first[p.Take(turn.Datagram, nil)[0]]++
	}
	for i, count := range first {
		if count < pools/n/2 {
			t.Errorf("%d of %d pools begin with endpoint %d, want about a third", count, pools, i)
		}
	}
}

func TestRandomTakesNoTurn(t *testing.T) {
	p := New(addresses(3), Random, 2)
	before := p.Counters()[turn.Datagram].Load()
	for range 10 {
		if got := len(p.Take(turn.Datagram, nil)); got != 2 {
			t.Errorf("%d endpoints, want 2", got)
		}
	}
	if after := p.Counters()[turn.Datagram].Load(); after != before {
		t.Errorf("counter moved from %d to %d", before, after)
	}
	if p.Order() != Random {
		t.Errorf("Order() = %d, want Random", p.Order())
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	for _, order := range []Order{RoundRobin, Random} {
		p := New(addresses(8), order, 0)
		var buf [64]uint16
		if got := testing.AllocsPerRun(1000, func() { p.Take(turn.Datagram, buf[:0]) }); got != 0 {
			t.Errorf("order %d: %v allocations a pick, want 0", order, got)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for name, order := range map[string]Order{"round_robin": RoundRobin, "random": Random} {
		b.Run(name, func(b *testing.B) {
			p := New(addresses(8), order, 0)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var buf [64]uint16
				for pb.Next() {
					p.Take(turn.Datagram, buf[:0])
				}
			})
		})
	}
}
