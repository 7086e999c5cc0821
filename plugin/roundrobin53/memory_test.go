package roundrobin53

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// TestReloadOfManyValuesKeepsGarbageDown guards GOGC: it is low from the moment when a reload
// begins until it has come to an end, good or bad, and only where there are many values.
func TestReloadOfManyValuesKeepsGarbageDown(t *testing.T) {
	usual := percent()
	for name, c := range map[string]struct {
		values int
		during uint64
		end    func(*instance) error
		behind uint64
	}{
		"succeeds":             {largeLoad, reloadGC, (*instance).shutdown, usual},
		"fails":                {largeLoad, reloadGC, (*instance).restartFailed, servingGC},
		"few values":           {largeLoad - 1, usual, (*instance).shutdown, usual},
		"few values, it fails": {largeLoad - 1, usual, (*instance).restartFailed, usual},
	} {
		in := newInstance()
		in.handlers = []*Handler{newHandler(&store.Store{Zones: []store.Zone{{Values: c.values - 1}, {Values: 1}}})}
		if err := in.restart(); err != nil {
			t.Fatal(err)
		}
		if got := percent(); got != c.during {
			t.Errorf("%s: GOGC is %d during the reload, want %d", name, got, c.during)
		}
		if err := c.end(in); err != nil {
			t.Fatal(err)
		}
		if got := percent(); got != c.behind {
			t.Errorf("%s: GOGC is %d behind it, want %d", name, got, c.behind)
		}
		restoreGC()
	}
}

// TestManyValuesKeepGarbageDown guards GOGC while an instance serves, and that it ends with the instance. Who has set a lower
// one, or none, knows why.
func TestManyValuesKeepGarbageDown(t *testing.T) {
	usual := int(percent())
	defer debug.SetGCPercent(usual)
	for _, c := range []struct {
		usual, values int
		want          uint64
	}{
		{100, largeLoad, servingGC},
		{100, largeLoad - 1, 100},
		{20, largeLoad, 20},
		{-1, largeLoad, math.MaxUint64},
	} {
		debug.SetGCPercent(c.usual)
		in := newInstance()
		in.handlers = []*Handler{newHandler(&store.Store{Zones: []store.Zone{{Values: c.values}}})}
		in.settle()
		if got := percent(); got != c.want {
			t.Errorf("GOGC %d, %d values: it is %d, want %d", c.usual, c.values, got, c.want)
		}
		in.settle() // another instance takes its place
		if err := in.finalShutdown(); err != nil {
			t.Fatal(err)
		}
		if got := debug.SetGCPercent(usual); got != c.usual {
			t.Errorf("GOGC %d, %d values: it is %d in the end", c.usual, c.values, got)
		}
	}
}

// percent returns the GOGC that Go's collector works with.
func percent() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
