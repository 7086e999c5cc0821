package roundrobin53

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// setUp gives the targets of a handler the verdicts of a text: + is up, - is down, by target.
func setUp(h *Handler, text string) {
	var verdicts []policy.Verdict
	for i := range len(text) {
		verdicts = append(verdicts, policy.Verdict{Target: i, Up: text[i] == '+'})
	}
	h.Store().Verdicts.Update(verdicts, time.Now())
}

// values returns the addresses of an answer, sorted.
func values(t *testing.T, h *Handler, name string) string {
	t.Helper()
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1(name+".example.org.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, rr := range w.m.Answer {
		if a, ok := rr.(*dns.A); ok {
			found = append(found, a.A.String())
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

const twoTiers = `roundrobin53 {
	check web http://:80/
	record app A {
		value 192.0.2.1
		value 192.0.2.2 priority 2
		check web
		failback 5m
	}
	record other A 192.0.2.1 192.0.2.3 check web
	record free A 192.0.2.9
}`

// TestFailbackEndsByItself guards the timer of waits: when a wait ends, no verdict changes.
func TestFailbackEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handler(t, twoTiers)
		h.Store().Verdicts.Start()
		defer h.Store().Verdicts.Stop()
		setUp(h, "-++")
		setUp(h, "+++")
		time.Sleep(5*time.Minute - time.Second)
		if got := values(t, h, "app"); got != "192.0.2.2" {
			t.Errorf("before the wait is over: %s, want the second tier", got)
		}
		time.Sleep(2 * time.Second)
		if got := values(t, h, "app"); got != "192.0.2.1" {
			t.Errorf("after it: %s, want the first tier", got)
		}
	})
}

// TestFailbackSurvivesSuccession guards a wait over a reload: it ends when it would have.
func TestFailbackSurvivesSuccession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := handler(t, twoTiers)
		setUp(old, "-++")
		setUp(old, "+++")
		time.Sleep(4 * time.Minute)
		h := handler(t, twoTiers)
		h.Store().Adopt(old.Store(), time.Now())
		h.Store().Verdicts.UpdateAll(func(int) bool { return true }, time.Now())
		h.Store().Verdicts.Start()
		defer h.Store().Verdicts.Stop()
		if got := values(t, h, "app"); got != "192.0.2.2" {
			t.Errorf("after the reload: %s, want the second tier", got)
		}
		time.Sleep(61 * time.Second)
		if got := values(t, h, "app"); got != "192.0.2.1" {
			t.Errorf("5 minutes after it came back: %s, want the first tier", got)
		}
	})
}

// TestVerdictReachesAllRecordsOfAnAddress guards the way from a target to the groups that have it.
func TestVerdictReachesAllRecordsOfAnAddress(t *testing.T) {
	h := handler(t, twoTiers)
	setUp(h, "-++")
	for name, want := range map[string]string{"app": "192.0.2.2", "other": "192.0.2.3", "free": "192.0.2.9"} {
		if got := values(t, h, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
