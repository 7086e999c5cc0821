package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// probeFunc is a prober for tests of the monitor, in fake time.
type probeFunc func(context.Context) error

func (f probeFunc) Probe(ctx context.Context) (*net.TCPConn, error) { return nil, f(ctx) }

var errRefused = errors.New("connect: connection refused")

func pass(context.Context) error   { return nil }
func refuse(context.Context) error { return errRefused }

// hang answers nothing, until the time of the probe is over.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// script goes through results, x a failure and . a pass, and stays at the last one.
func script(results string) probeFunc {
	next := 0
	return func(context.Context) error {
		result := results[min(next, len(results)-1)]
		next++
		if result == 'x' {
			return errRefused
		}
		return nil
	}
}

func testCheck() *Check {
	return &Check{Scheme: schemeTCP, Port: 80, Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3}
}

func testTargets(n int, check *Check) []Target {
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = Target{netip.AddrFrom4([4]byte{192, 0, byte(2 + i>>8), byte(i)}), check}
	}
	return targets
}

// fakeMonitor is a monitor whose target i is probed by probes[i], or by the last of them.
func fakeMonitor(targets []Target, observer Observer, probes ...probeFunc) *Monitor {
	if observer.Changed == nil {
		observer.Changed = func([]Transition) {}
	}
	m := NewMonitor(targets, observer)
	next := 0
	m.newProber = func(Target) prober {
		probe := probes[min(next, len(probes)-1)]
		next++
		return probe
	}
	return m
}

// closed says whether the first round is over.
func closed(m *Monitor) bool {
	select {
	case <-m.FirstRound():
		return true
	default:
		return false
	}
}

// verdicts are those of all targets: + up, - down, ? without a result and therefore up.
func verdicts(m *Monitor) string {
	var text strings.Builder
	for i := range m.Targets() {
		switch {
		case !m.Known(i) && m.Up(i):
			text.WriteByte('?')
		case m.Up(i):
			text.WriteByte('+')
		default:
			text.WriteByte('-')
		}
	}
	return text.String()
}

func wantVerdicts(t *testing.T, m *Monitor, when, want string) {
	t.Helper()
	synctest.Wait()
	if got := verdicts(m); got != want {
		t.Errorf("%s: %s, want %s", when, got, want)
	}
}

func TestFirstRoundStartsAtOnceAndDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Transition
		observer := Observer{Changed: func(transitions []Transition) { got = append(got, transitions...) }}
		m := fakeMonitor(testTargets(3, testCheck()), observer, pass, refuse, hang)
		defer m.Stop()
		wantVerdicts(t, m, "before Start", "???")
		m.Start()
		wantVerdicts(t, m, "at once", "+-?")
		if closed(m) {
			t.Error("first round is over while a probe is under way")
		}
		time.Sleep(4 * time.Second)
		wantVerdicts(t, m, "after one timeout", "+--")
		if !closed(m) {
			t.Error("first round is not over after one timeout")
		}
		want := []Transition{
			{Target: 1, First: true, Runs: 1, Reason: errRefused},
			{Target: 2, First: true, Runs: 1, Reason: errors.New("no answer within 4s")},
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("transitions %v, want %v", got, want)
		}
		if m.Latest(0).Reason != nil || !errors.Is(m.Latest(1).Reason, errRefused) {
			t.Errorf("reasons %v and %v, want none and %v", m.Latest(0).Reason, m.Latest(1).Reason, errRefused)
		}
	})
}

func TestVerdictFollowsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		observer := Observer{Changed: func(transitions []Transition) {
			for _, c := range transitions {
				log = append(log, fmt.Sprintf("target %d up %t first %t after %d: %v", c.Target, c.Up, c.First, c.Runs, c.Reason))
			}
		}}
		m := fakeMonitor(testTargets(1, testCheck()), observer, script(".xx.xxxx.x..x"))
		m.Start()
		defer m.Stop()
		var got string
		time.Sleep(5 * time.Second) // in the middle between two probes
		for range 13 {
			synctest.Wait()
			got += verdicts(m)
			time.Sleep(10 * time.Second)
		}
		if want := "++++++-----++"; got != want {
			t.Errorf("verdicts %s, want %s", got, want)
		}
		want := []string{
			"target 0 up false first false after 3: connect: connection refused",
			"target 0 up true first false after 2: <nil>",
		}
		if !slices.Equal(log, want) {
			t.Errorf("transitions %q, want %q", log, want)
		}
	})
}

// TestNothingToProbe guards a start without checks: nobody may wait for the first round of nothing.
func TestNothingToProbe(t *testing.T) {
	m := NewMonitor(nil, Observer{})
	m.Start()
	if !closed(m) {
		t.Error("first round of nothing is not over")
	}
	m.Stop()
}

func TestStopWithoutStart(t *testing.T) {
	m := fakeMonitor(testTargets(1, testCheck()), Observer{}, pass)
	m.Stop()
	m.Stop()
	m.Start() // does nothing now
	if closed(m) || verdicts(m) != "?" {
		t.Errorf("after Stop and Start: %s, first round over: %t", verdicts(m), closed(m))
	}
}

// TestStopEndsProbes guards a reload: no probe of the old instance outlives it, and what Stop cut
// off is no result.
func TestStopEndsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under atomic.Int32
		observer := Observer{
			Changed: func(transitions []Transition) { t.Errorf("changed: %v", transitions) },
			Probed:  func(target int, _ time.Duration, err error) { t.Errorf("probed %d: %v", target, err) },
		}
		m := fakeMonitor(testTargets(100, testCheck()), observer, func(ctx context.Context) error {
			under.Add(1)
			defer under.Add(-1)
			return hang(ctx)
		})
		m.Start()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := under.Load(); got != 100 {
			t.Errorf("%d probes under way, want 100", got)
		}
		began := time.Now()
		m.Stop()
		if took := time.Since(began); took != 0 || under.Load() != 0 {
			t.Errorf("Stop took %s and left %d probes", took, under.Load())
		}
		m.Stop()
		time.Sleep(time.Minute)
		if got := under.Load(); got != 0 || closed(m) {
			t.Errorf("after Stop: %d probes, first round over: %t", got, closed(m))
		}
	})
}

func TestProbesUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const targets, bound = 20, 3
		var under, most int
		var began []time.Duration
		start := time.Now()
		m := fakeMonitor(testTargets(targets, testCheck()), Observer{}, nil)
		lock := make(chan struct{}, 1)
		m.bounds.inFlight = bound
		m.newProber = func(Target) prober {
			return probeFunc(func(ctx context.Context) error {
				lock <- struct{}{}
				under++
				most = max(most, under)
				began = append(began, time.Since(start))
				<-lock
				defer func() {
					lock <- struct{}{}
					under--
					<-lock
				}()
				return hang(ctx)
			})
		}
		m.Start()
		<-m.FirstRound()
		if took, want := time.Since(start), (targets+bound-1)/bound*testCheck().Timeout; took != want {
			t.Errorf("first round took %s, want %s", took, want)
		}
		m.Stop()
		if most != bound {
			t.Errorf("%d probes at a time, want %d", most, bound)
		}
		if got := slices.Max(began[:bound]); got != 0 {
			t.Errorf("the first %d probes began by %s, want at once", bound, got)
		}
	})
}

// TestLateProbesAreTrouble tells the operator of a bound that is too low for promises about
// detection.
func TestLateProbesAreTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		troubles := make(chan string, 100)
		m := fakeMonitor(testTargets(20, testCheck()), Observer{Trouble: func(err error) { troubles <- err.Error() }}, hang)
		m.bounds.inFlight = 3
		m.Start()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(troubles) != 0 || closed(m) {
			t.Errorf("%d troubles in the first round; over: %t", len(troubles), closed(m))
		}
		time.Sleep(time.Minute)
		m.Stop()
		if len(troubles) == 0 {
			t.Fatal("no trouble, want probes that start late")
		}
		if got := <-troubles; !strings.Contains(got, "s late, with ") {
			t.Errorf("trouble %q, want probes that start late", got)
		}
	})
}

// TestLocalTroubleIsNoVerdict guards all endpoints at once against this process running out of
// descriptors.
func TestLocalTroubleIsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes, troubles, probed atomic.Int32
		var healed atomic.Bool
		observer := Observer{
			Probed: func(int, time.Duration, error) { probed.Add(1) },
			Trouble: func(err error) {
				if !errors.Is(err, syscall.EMFILE) {
					t.Errorf("trouble %v, want %v", err, syscall.EMFILE)
				}
				troubles.Add(1)
			},
		}
		check := testCheck()
		check.Invert = true // must not make a pass of it
		m := fakeMonitor(testTargets(1, check), observer, func(context.Context) error {
			probes.Add(1)
			if healed.Load() {
				return nil
			}
			return fmt.Errorf("dial: %w", syscall.EMFILE)
		})
		m.Start()
		defer m.Stop()
		time.Sleep(24500 * time.Millisecond)
		synctest.Wait()
		if got := probes.Load(); got < 20 || got > 28 { // one a second, at the next beat, and those at a phase
			t.Errorf("%d probes in 24.5s, want one a second", got)
		}
		if troubles.Load() != 3 || probed.Load() != 0 || verdicts(m) != "?" || closed(m) {
			t.Errorf("%d troubles, %d results, verdict %s, first round over: %t; want 3, 0, ?, false",
				troubles.Load(), probed.Load(), verdicts(m), closed(m))
		}
		healed.Store(true)
		time.Sleep(2 * time.Second)
		wantVerdicts(t, m, "after the trouble", "-")
		if !closed(m) || probed.Load() != 1 {
			t.Errorf("after the trouble: %d results, first round over: %t", probed.Load(), closed(m))
		}
	})
}

func TestTroubleMayBeIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := fakeMonitor(testTargets(1, testCheck()), Observer{}, func(context.Context) error { return syscall.ENOBUFS })
		m.Start()
		time.Sleep(time.Second)
		wantVerdicts(t, m, "with trouble", "?")
		m.Stop()
	})
}

func TestInvertTurnsResultsRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := testCheck()
		check.Invert = true
		probed := make(map[int]error)
		m := fakeMonitor(testTargets(2, check), Observer{Probed: func(target int, _ time.Duration, err error) { probed[target] = err }}, pass, refuse)
		m.Start()
		defer m.Stop()
		wantVerdicts(t, m, "at once", "-+")
		if !errors.Is(probed[0], errInverted) || probed[1] != nil || !errors.Is(m.Latest(0).Reason, errInverted) || m.Latest(1).Reason != nil {
			t.Errorf("results %v, reasons %v, %v; want turned round", probed, m.Latest(0).Reason, m.Latest(1).Reason)
		}
	})
}

// TestResultsComeInBatches guards whoever prepares much for each call of Changed: 1,000 first
// results are a few calls.
func TestResultsComeInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, transitions int
		m := fakeMonitor(testTargets(1000, testCheck()), Observer{Changed: func(batch []Transition) {
			calls++
			transitions += len(batch)
			time.Sleep(50 * time.Millisecond)
		}}, refuse)
		m.Start()
		<-m.FirstRound()
		m.Stop()
		if transitions != 1000 || calls > 20 {
			t.Errorf("%d transitions in %d calls, want 1000 in a few", transitions, calls)
		}
	})
}

// TestResultsAfterStopAreNone guards endpoints against the moment in which Stop has ended their
// probes, and the loop does not know yet.
func TestResultsAfterStopAreNone(t *testing.T) {
	m := fakeMonitor(testTargets(1, testCheck()), Observer{Changed: func([]Transition) { t.Error("verdict changed") }}, pass)
	l := newLoop(m)
	m.Stop()
	l.gather(result{err: errRefused})
	l.digest()
	if m.Known(0) {
		t.Error("a probe that was cut off gave a verdict")
	}
	l.leave()
}
