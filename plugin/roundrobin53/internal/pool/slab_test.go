package pool

import (
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// TestKeepMovesPools guards the pools of a slab against each other: all have their own addresses
// and counters, and those they had before. The sizes fill several objects of the slab, and the last
// pool does not fit one.
func TestKeepMovesPools(t *testing.T) {
	var slab Slab
	var before, after []Pool
	for n := 1; n <= maxOctets/4+1; n++ {
		before = append(before, New(addresses(n), RoundRobin, 0), New([]netip.Addr{netip.IPv6LinkLocalAllNodes()}, RoundRobin, 0))
	}
	for _, p := range before {
		slab.Keep(&p)
		after = append(after, p)
	}
	for i := range after {
		was, is := &before[i], &after[i]
		if got, want := is.Octets(), was.Octets(); !slices.Equal(got, want) || cap(got) != len(got) {
			t.Errorf("pool %d: octets %v with room for %d, want %v and no room", i, got, cap(got), want)
		}
		if was.Counters() == nil {
			continue
		}
		for class := range turn.Classes {
			want := was.Counters()[class].Load()
			if got := is.Counters().Next(class); got != want {
				t.Errorf("pool %d, class %d: turn %d, want %d", i, class, got, want)
			}
		}
	}
}

// TestReloadsKeepLittle guards the memory of a process that is reloaded often: each time one RRset
// is new and goes on from then on, and that must not keep the others of its slab.
func TestReloadsKeepLittle(t *testing.T) {
	const reloads, rrsets = 100, 1000
	var going []*turn.Counters
	before := heap()
	for range reloads {
		var slab Slab
		var p Pool
		for range rrsets {
			p = New(addresses(8), RoundRobin, 0)
			slab.Keep(&p)
		}
		going = append(going, p.Counters())
	}
	if got := heap() - before; got > 2*reloads*1024 {
		t.Errorf("%d reloads keep %d bytes, want about a kilobyte each", reloads, got)
	}
	runtime.KeepAlive(going)
}

func heap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
