package health

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestInheritTakesOverWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := testTargets(4, testCheck())
		old := fakeMonitor(targets, Observer{}, pass, refuse, script(".x"), hang)
		old.Start()
		defer old.Stop()
		time.Sleep(21 * time.Second) // target 2 has two failures, the fourth its second timeout ahead

		again := *targets[0].Check // an equal check, not the same
		other := *targets[0].Check
		other.Fall = 4
		heirs := []Target{
			{targets[2].Address, &again},
			{targets[0].Address, &other},
			{targets[1].Address, &again},
			{testTargets(5, nil)[4].Address, &again},
			{targets[0].Address, &again},
		}
		var changes []Transition
		m := fakeMonitor(heirs, Observer{Changed: func(c []Transition) { changes = append(changes, c...) }}, script("x"), script("."))
		d := record(m, func(_ context.Context, target int) error {
			if target == 0 || target == 2 {
				return errRefused
			}
			return nil
		})
		m.Inherit(old)
		wantVerdicts(t, m, "after Inherit", "+?-?+")
		m.Inherit(old) // repeatedly
		wantVerdicts(t, m, "after Inherit again", "+?-?+")
		if !errors.Is(m.Reason(0), errRefused) || m.Reason(4) != nil {
			t.Errorf("reasons %v and %v, want %v and none", m.Reason(0), m.Reason(4), errRefused)
		}
		if closed(m) {
			t.Error("first round is over with two new targets")
		}
		m.Start()
		defer m.Stop()
		wantVerdicts(t, m, "after Start", "++-++")
		if !closed(m) {
			t.Error("first round is not over")
		}
		for target, began := range d.probes() {
			if isNew := target == 1 || target == 3; isNew != (len(began) == 1) {
				t.Errorf("target %d: probes at %v right after Start; only new ones are due", target, began)
			}
		}
		old.Stop()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		wantVerdicts(t, m, "one interval later", "-+-++")
		m.Stop()
		if len(changes) != 1 || changes[0].Target != 0 || changes[0].Runs != 3 || changes[0].First {
			t.Errorf("changes %v, want target 0 down after 3 failures, two of them inherited", changes)
		}
		for target, began := range d.began {
			if len(began) == 0 || len(began) > 2 {
				t.Errorf("target %d: probes at %v in one interval", target, began)
			}
		}
	})
}

// TestInheritKeepsThePhase guards against a reload that makes all probes at once, or puts them off time after time.
func TestInheritKeepsThePhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const targets = 20
		start := time.Now()
		var began [targets]time.Duration
		list := testTargets(targets, testCheck())
		write := func(m *Monitor) {
			record(m, func(_ context.Context, target int) error {
				at := time.Since(start)
				if gap := at - began[target]; gap > 10500*time.Millisecond {
					t.Errorf("target %d: %s between two probes, over a reload", target, gap)
				}
				began[target] = at
				return nil
			})
		}
		m := fakeMonitor(list, Observer{}, nil)
		write(m)
		m.Start()
		for range 100 {
			time.Sleep(3100 * time.Millisecond)
			heir := fakeMonitor(list, Observer{}, nil)
			write(heir)
			heir.Inherit(m)
			m.Stop()
			heir.Start()
			if !closed(heir) {
				t.Error("first round of heirs only is not over")
			}
			m = heir
		}
		m.Stop()
	})
}

// TestInheritRepeatsWhatIsUnderWay guards detection over a reload: Stop cuts off a probe, whose result would otherwise
// be missing for an interval.
func TestInheritRepeatsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		probe := func(ctx context.Context) error {
			if slow.Load() {
				return hang(ctx)
			}
			return nil
		}
		list := testTargets(1, testCheck())
		var troubles []string
		observer := Observer{Trouble: func(err error) { troubles = append(troubles, err.Error()) }}
		old := fakeMonitor(list, Observer{}, probe)
		old.Start()
		time.Sleep(time.Second)
		slow.Store(true)
		time.Sleep(12 * time.Second) // a probe is under way since 10s
		m := fakeMonitor(list, observer, nil)
		d := record(m, func(context.Context, int) error { return errRefused })
		m.Inherit(old)
		old.Stop()
		m.Start()
		synctest.Wait()
		if got := fmt.Sprint(d.probes()); got != "[[0s]]" {
			t.Errorf("probes after Start at %s, want one at once", got)
		}
		time.Sleep(8 * time.Second) // the phase is 20s, as before
		synctest.Wait()
		m.Stop()
		if len(d.began[0]) != 2 || d.began[0][1] < 7*time.Second {
			t.Errorf("probes after Start at %v, want the second after 7s", d.began[0])
		}
		if len(troubles) != 0 {
			t.Errorf("trouble %q", troubles)
		}
	})
}

func TestKeyTellsChecksApart(t *testing.T) {
	keys := make(map[string]int)
	checks := []Check{
		{Scheme: "http", Port: 80},
		{Scheme: "http", Port: 80, Path: "/a"},
		{Scheme: "http", Port: 80, Status: []StatusRange{{200, 200}}},
		{Scheme: "http", Port: 80, Status: []StatusRange{{200, 299}, {301, 301}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A", "b c"}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A", "b"}, {"c", ""}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A b", "c"}}},
		{Scheme: "http", Port: 80, Name: "a", Body: "b"},
		{Scheme: "http", Port: 80, Name: "a b"},
		{Scheme: "http", Port: 80, Rise: 1},
		{Scheme: "http", Port: 80, Fall: 1},
		{Scheme: "http", Port: 80, Interval: 1},
		{Scheme: "http", Port: 80, Timeout: 1},
		{Scheme: "http", Port: 80, RootsPEM: "a"},
		{Scheme: "http", Port: 80, Insecure: true},
		{Scheme: "http", Port: 80, Invert: true},
		{Scheme: "tcp", Port: 80},
		{Scheme: "http", Port: 81},
	}
	for i := range checks {
		key := checks[i].Key()
		if other, ok := keys[key]; ok {
			t.Errorf("checks %d and %d have one key", i, other)
		}
		keys[key] = i
		same := checks[i]
		if same.Key() != key {
			t.Errorf("check %d has two keys", i)
		}
	}
	if root := (&Check{Scheme: "http", Port: 80, Path: "/"}).Key(); root != checks[0].Key() {
		t.Error("no path and / are the same page, but have two keys")
	}
}
