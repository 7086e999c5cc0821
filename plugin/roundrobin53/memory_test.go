package roundrobin53

import (
	"runtime/metrics"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// TestReloadOfManyValuesKeepsGarbageDown guards GOGC: it is low from the moment when a reload
// begins until it has come to an end, good or bad, and only where there are many values.
func TestReloadOfManyValuesKeepsGarbageDown(t *testing.T) {
	usual := gogc()
	for name, c := range map[string]struct {
		values int
		during uint64
		end    func(*instance) error
	}{
		"succeeds":   {largeLoad, reloadGC, (*instance).shutdown},
		"fails":      {largeLoad, reloadGC, (*instance).restartFailed},
		"few values": {largeLoad - 1, usual, (*instance).shutdown},
	} {
		in := newInstance()
		in.handlers = []*Handler{newHandler(&store.Store{Zones: []store.Zone{{Values: c.values - 1}, {Values: 1}}})}
		if err := in.restart(); err != nil {
			t.Fatal(err)
		}
		if got := gogc(); got != c.during {
			t.Errorf("%s: GOGC is %d during the reload, want %d", name, got, c.during)
		}
		if err := c.end(in); err != nil {
			t.Fatal(err)
		}
		if got := gogc(); got != usual {
			t.Errorf("%s: GOGC is %d behind it, want %d", name, got, usual)
		}
	}
}

// gogc returns the percentage that Go's collector works with.
func gogc() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
