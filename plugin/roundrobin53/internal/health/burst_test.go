package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestBurst(t *testing.T) {
	b, now := newBurst(2*burstLimit), time.Now()
	for target := range burstLimit {
		if b.full(now) {
			t.Fatalf("full with %d probes, want %d", target, burstLimit)
		}
		b.begin(now, target)
	}
	if !b.full(now) || !b.full(now.Add(burstAge-1)) {
		t.Error("not full while all are young")
	}
	b.end(7)
	if b.full(now) {
		t.Error("full after one has ended")
	}
	b.begin(now.Add(burstAge/2), burstLimit)
	if !b.full(now.Add(burstAge / 2)) {
		t.Error("not full with another one")
	}
	if b.full(now.Add(burstAge)) || b.count != 1 {
		t.Errorf("%d are young after a while, want 1", b.count)
	}
	b.end(8) // no longer young
	if b.full(now.Add(2*burstAge)) || b.count != 0 || len(b.recent) != 0 {
		t.Errorf("%d are young at last, of %d, want none", b.count, len(b.recent))
	}
}

// TestFirstRoundIsNoStampede has 10,000 targets that pass after a moment, as over a network, or all
// hang. The first are done in a moment; of the others, as many are under way as the bound allows.
func TestFirstRoundIsNoStampede(t *testing.T) {
	for _, row := range []struct {
		name   string
		probe  probeFunc
		within time.Duration
	}{
		{"fast", func(context.Context) error { time.Sleep(10 * time.Millisecond); return nil }, time.Second},
		{"hang", hang, 17 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				m := fakeMonitor(testTargets(10_000, testCheck()), Observer{}, row.probe)
				m.bounds.inFlight = inFlightLimit
				m.Start()
				<-m.FirstRound()
				m.Stop()
				if took := time.Since(start); took > row.within {
					t.Errorf("first round took %s, want %s at most", took, row.within)
				}
			})
		})
	}
}
