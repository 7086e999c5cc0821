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
		wantVerdicts(t, m, "after Inherit", "++-?+")
		m.Inherit(old) // repeatedly
		wantVerdicts(t, m, "after Inherit again", "++-?+")
		if !errors.Is(m.Latest(0).Reason, errRefused) || m.Latest(4).Reason != nil {
			t.Errorf("reasons %v and %v, want %v and none", m.Latest(0).Reason, m.Latest(4).Reason, errRefused)
		}
		if closed(m) {
			t.Error("first round is over with a new target")
		}
		m.Start()
		defer m.Stop()
		wantVerdicts(t, m, "after Start", "++-++")
		if !closed(m) {
			t.Error("first round is not over")
		}
		for target, began := range d.probes() {
			if isDue := target == 1 || target == 3; isDue != (len(began) == 1) {
				t.Errorf("target %d: probes at %v right after Start; only those with a new check or address are due", target, began)
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

// TestInheritKeepsThePhase guards against a reload that makes all probes at once, or puts them off
// time after time.
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

// TestInheritRepeatsWhatIsUnderWay guards detection over a reload: Stop cuts off a probe, whose
// result would otherwise be missing for an interval.
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

// TestInheritKeepsTheVerdictOfAnotherDefinition guards clients against a dead address that is
// answered again because the operator changed how often it is probed, say. The targets have one
// address, and are written as the changes of a check from a common one; verdicts are + up, - down,
// ? up without a result, ! down without a result of the new check.
func TestInheritKeepsTheVerdictOfAnotherDefinition(t *testing.T) {
	type change func(*Check)
	none := func(*Check) {}
	interval := func(c *Check) { c.Interval, c.Timeout = 30*time.Second, 5*time.Second }
	thresholds := func(c *Check) { c.Rise, c.Fall = 5, 5 }
	pace := func(c *Check) { interval(c); thresholds(c) }
	header := func(value string) change {
		return func(c *Check) { c.Header = []HeaderField{{"X-Token", value}} }
	}
	status := func(code int) change {
		return func(c *Check) { c.Status = []StatusRange{{code, code}} }
	}
	both := func(changes ...change) change {
		return func(c *Check) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	for name, c := range map[string]struct {
		old     []change
		results string // of the old ones: x failed, . passed, ? none yet
		heirs   []change
		want    string
	}{
		"the same":                          {[]change{none}, "x", []change{none}, "-"},
		"interval":                          {[]change{none}, "x", []change{interval}, "-"},
		"interval, and it was up":           {[]change{none}, ".", []change{interval}, "+"},
		"interval, and there was no result": {[]change{none}, "?", []change{interval}, "?"},
		"rise and fall":                     {[]change{none}, "x", []change{thresholds}, "-"},
		"header":                            {[]change{none}, "x", []change{header("a")}, "-"},
		"CA":                                {[]change{none}, "x", []change{func(c *Check) { c.RootsPEM = "pem" }}, "-"},
		"header and pace":                   {[]change{header("a")}, "x", []change{both(header("b"), pace)}, "-"},
		"status":                            {[]change{none}, "x", []change{status(204)}, "!"},
		"status, and it was up":             {[]change{none}, ".", []change{status(204)}, "?"},
		"text":                              {[]change{none}, "x", []change{func(c *Check) { c.Body = "ok" }}, "!"},
		"insecure":                          {[]change{none}, "x", []change{func(c *Check) { c.Insecure = true }}, "!"},
		"invert":                            {[]change{none}, "x", []change{func(c *Check) { c.Invert = true }}, "?"},
		"path":                              {[]change{none}, "x", []change{func(c *Check) { c.Path = "/other" }}, "?"},
		"port":                              {[]change{none}, "x", []change{func(c *Check) { c.Port = 81 }}, "?"},
		"host":                              {[]change{none}, "x", []change{func(c *Check) { c.Name = "example.org" }}, "?"},
		"scheme":                            {[]change{none}, "x", []change{func(c *Check) { c.Scheme = "https" }}, "?"},

		"one pace becomes two":           {[]change{none}, "x", []change{none, interval}, "--"},
		"two paces become one":           {[]change{none, interval}, "xx", []change{thresholds}, "-"},
		"two checks change their pace":   {[]change{status(200), status(204)}, "x.", []change{both(status(200), pace), both(status(204), pace)}, "-+"},
		"and their order":                {[]change{status(200), status(204)}, "x.", []change{both(status(204), pace), both(status(200), pace)}, "+-"},
		"a second status is new":         {[]change{status(200)}, "x", []change{status(200), status(204)}, "-?"},
		"a second header is new":         {[]change{header("a")}, "x", []change{header("a"), header("b")}, "-?"},
		"two headers change":             {[]change{header("a"), header("b")}, "x.", []change{header("c"), header("d")}, "-+"},
		"two headers change, one is new": {[]change{header("a"), header("b")}, "x.", []change{header("c"), header("d"), header("e")}, "???"},
		"one of two statuses changes":    {[]change{status(200), status(204)}, "x.", []change{status(200), status(301)}, "-?"},
		"the other one changes":          {[]change{status(200), status(204)}, ".x", []change{status(200), status(301)}, "+!"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				watching := func(changes []change) []Target {
					var targets []Target
					for _, change := range changes {
						check := *testCheck()
						change(&check)
						targets = append(targets, Target{testTargets(1, nil)[0].Address, &check})
					}
					return targets
				}
				var probes []probeFunc
				for _, result := range c.results {
					probes = append(probes, map[rune]probeFunc{'x': refuse, '.': pass, '?': hang}[result])
				}
				old := fakeMonitor(watching(c.old), Observer{}, probes...)
				old.Start()
				defer old.Stop()
				time.Sleep(time.Millisecond)
				m := fakeMonitor(watching(c.heirs), Observer{}, pass)
				m.Inherit(old)
				got := verdicts(m)
				for i := range c.heirs {
					if !m.Known(i) && !m.Up(i) {
						got = got[:i] + "!" + got[i+1:]
					}
				}
				if got != c.want {
					t.Errorf("verdicts %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestInheritBeginsRunsAnew guards thresholds over a change of pace: a verdict ends with a whole
// run of the new check, and what was only assumed with its first result.
func TestInheritBeginsRunsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := testTargets(2, testCheck())
		old := fakeMonitor(list, Observer{}, script("xx."), script("xx."))
		old.Start()
		time.Sleep(21 * time.Second) // one pass of two
		old.Stop()

		faster, other := *testCheck(), *testCheck()
		faster.Interval = 5 * time.Second
		other.Status = []StatusRange{{204, 204}}
		m := fakeMonitor([]Target{{list[0].Address, &faster}, {list[1].Address, &other}}, Observer{}, pass)
		m.Inherit(old)
		if changed := m.Inherit(old); len(changed) != 0 {
			t.Errorf("targets %v changed, want none the second time", changed)
		}
		m.Start()
		defer m.Stop()
		synctest.Wait()
		wantVerdicts(t, m, "after one pass", "-+")
		time.Sleep(6 * time.Second)
		wantVerdicts(t, m, "after two passes", "++")
	})
}
