package health

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTargetsComeAndGo guards values that are looked up: a target that comes is probed at once, one
// that goes is probed no longer, and its place is used again when its last probe is over.
func TestTargetsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes [3]atomic.Int32 // by the last octet of the address
		probe := func(target Target) prober {
			return probeFunc(func(ctx context.Context) error {
				n := target.Address.As4()[3]
				probes[n].Add(1)
				if n == 2 {
					return hang(ctx)
				}
				return nil
			})
		}
		targets := testTargets(3, testCheck())
		m := NewMonitor(targets[:1], Observer{Changed: func([]Transition) {}})
		m.newProber = probe
		m.Place(1)
		m.Start()
		defer m.Stop()
		wantVerdicts(t, m, "at first", "+?")
		number, ok := m.Add(targets[2])
		if _, more := m.Add(targets[1]); !ok || number != 1 || more {
			t.Fatalf("place %d, %v, and one more %v; want the place 1 alone", number, ok, more)
		}
		time.Sleep(time.Second)
		wantVerdicts(t, m, "a probe is under way", "+?")
		m.Remove(number)
		synctest.Wait()
		if _, ok := m.Add(targets[1]); ok {
			t.Error("a place is free while its probe is under way")
		}
		time.Sleep(4 * time.Second)
		wantVerdicts(t, m, "its target has gone before the timeout", "+?")
		if number, ok = m.Add(targets[1]); !ok || number != 1 {
			t.Fatalf("place %d, %v; want the place that is free again", number, ok)
		}
		wantVerdicts(t, m, "another target", "++")
		m.Remove(number)
		before := probes[1].Load()
		time.Sleep(time.Minute)
		if got := probes[1].Load(); got != before || probes[2].Load() != 1 {
			t.Errorf("%d probes after the target went, and %d of one that hung; want none, and one", got-before, probes[2].Load())
		}
		wantVerdicts(t, m, "it has gone", "+?")
	})
}

// TestFirstRoundWithoutAGoneTarget guards readiness: it does not wait for a target that has gone.
func TestFirstRoundWithoutAGoneTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := fakeMonitor(testTargets(2, testCheck()), Observer{}, pass, hang)
		m.Start()
		defer m.Stop()
		synctest.Wait()
		m.Remove(1)
		time.Sleep(5 * time.Second)
		if !closed(m) {
			t.Error("the first round waits for a target that has gone")
		}
	})
}

// TestInheritAfterChanges guards a reload while targets come and go, before the later monitor starts
// and in the earlier one.
func TestInheritAfterChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := testTargets(4, testCheck())
		old := fakeMonitor(targets[:2], Observer{}, refuse)
		old.Place(2)
		old.Start()
		defer old.Stop()
		synctest.Wait()
		heir := fakeMonitor([]Target{targets[0], targets[2], {}}, Observer{}, hang)
		heir.Place(1)
		defer heir.Stop()
		heir.Inherit(old)
		wantVerdicts(t, heir, "the first alone", "-???")
		if number, ok := heir.Add(targets[1]); !ok || number != 2 {
			t.Fatalf("place %d, %v", number, ok)
		}
		old.Add(targets[2])
		synctest.Wait()
		heir.Inherit(old)
		wantVerdicts(t, heir, "what came in both", "---?")
		heir.Remove(2)
		wantVerdicts(t, heir, "what went before the start", "--??")
		if heir.Up(2) != true || heir.Targets()[2].Address != (netip.Addr{}) {
			t.Error("a place is not vacant")
		}
	})
}
