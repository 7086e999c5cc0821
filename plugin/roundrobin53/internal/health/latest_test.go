package health

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLatest guards what operators see of a target: since when its verdict holds, and how its
// latest probe went; a result that changes no verdict moves only the latter.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return errRefused
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		began := time.Now()
		m := fakeMonitor(testTargets(2, testCheck()), Observer{}, script(".xxx"), slow)
		if got := m.Latest(0); got != (Latest{}) {
			t.Errorf("before Start: %+v, want nothing", got)
		}
		m.Start()
		defer m.Stop()
		want := func(when string, target int, since, at, took time.Duration, reason error) {
			t.Helper()
			synctest.Wait()
			got := m.Latest(target)
			const phase = 10 * time.Second // of the second probe: anywhere in the interval
			if !errors.Is(got.Reason, reason) || got.Took != took ||
				got.Since.Sub(began.Add(since)).Abs() >= phase || got.At.Sub(began.Add(at)).Abs() >= phase {
				t.Errorf("%s: target %d: since %v, at %v, took %v, reason %v; want %v, %v, %v, %v", when, target,
					got.Since.Sub(began), got.At.Sub(began), got.Took, got.Reason, since, at, took, reason)
			}
		}
		time.Sleep(5 * time.Second)
		want("first results", 0, 0, 0, 0, nil)
		want("first results", 1, time.Second, time.Second, time.Second, errRefused)
		time.Sleep(20 * time.Second)
		want("two failures of three", 0, 0, 20*time.Second, 0, errRefused)
		want("two failures more", 1, time.Second, 21*time.Second, time.Second, errRefused)
		time.Sleep(10 * time.Second)
		want("down", 0, 30*time.Second, 30*time.Second, 0, errRefused)

		check := *testCheck()
		check.Fall = 9
		heir := fakeMonitor(testTargets(2, &check), Observer{}, script("."))
		defer heir.Stop()
		heir.Inherit(m)
		if got := heir.Latest(0); got != m.Latest(0) {
			t.Errorf("a later configuration knows %+v, want %+v", got, m.Latest(0))
		}
	})
}
