package roundrobin53

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A toldList records the zones that a notifier told of, and the times.
type toldList struct {
	mu    sync.Mutex
	times []time.Time
	zones []string
}

func (l *toldList) tell(zones []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times, l.zones = append(l.times, time.Now()), append(l.zones, strings.Join(zones, " "))
}

// all returns what has been told so far.
func (l *toldList) all() ([]time.Time, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times, l.zones
}

// TestNotifierKeepsItsInterval guards secondaries: however often zones change, they are told every notifyInterval at most,
// and of the last change in any case.
func TestNotifierKeepsItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told toldList
		n := &notifier{tell: told.tell}
		n.note([]string{"before.example."})
		n.start()
		began := time.Now()
		for range 1000 {
			n.note([]string{"a.example."})
			n.note([]string{"a.example.", "b.example."})
			time.Sleep(60 * time.Millisecond)
		}
		changing := time.Since(began)
		n.note([]string{"last.example."})
		time.Sleep(time.Hour)
		times, zones := told.all()
		for i, at := range times[1:] {
			if gap := at.Sub(times[i]); gap < notifyInterval {
				t.Errorf("told again after %s", gap)
			}
		}
		if most := int(changing/notifyInterval) + 2; len(times) > most || len(times) < most-1 {
			t.Errorf("told %d times in %s", len(times), changing)
		}
		if first := zones[0]; first != "before.example. a.example. b.example." || !times[0].Equal(began) {
			t.Errorf("first, %s after the start: %s", times[0].Sub(began), first)
		}
		if last := zones[len(zones)-1]; !strings.HasSuffix(last, "last.example.") || strings.Count(last, "a.example.") > 1 {
			t.Errorf("last: %s", last)
		}
	})
}

// TestNotifierHandsOn guards a change shortly before a reload: whoever follows tells it, once.
func TestNotifierHandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told toldList
		old, next := &notifier{tell: told.tell}, &notifier{tell: told.tell}
		old.start()
		old.note([]string{"a.example."})
		synctest.Wait()
		old.note([]string{"a.example.", "gone.example."})
		old.stop()
		next.adopt(old, func(zone string) bool { return zone == "a.example." })
		time.Sleep(time.Minute)
		_, zones := told.all()
		if got := fmt.Sprint(zones); got != "[a.example.]" {
			t.Errorf("before the reload: %s", got)
		}
		next.start()
		time.Sleep(time.Minute)
		if _, zones := told.all(); !slices.Equal(zones, []string{"a.example.", "a.example."}) {
			t.Errorf("after the reload: %s", zones)
		}
	})
}
