package roundrobin53

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// setUp gives the targets of a handler the verdicts of a text: + is up, - is down, by target.
func setUp(h *Handler, text string) {
	var verdicts []verdict
	for i := range len(text) {
		verdicts = append(verdicts, verdict{i, text[i] == '+'})
	}
	h.keeper.set(verdicts, time.Now())
}

// values is the addresses of an answer, sorted.
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

// TestFailbackEndsByItself guards the timer of a keeper: when a wait ends, no verdict changes.
func TestFailbackEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handler(t, twoTiers)
		h.keeper.start()
		defer h.keeper.stop()
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
		succeed([]*Handler{h}, []*Handler{old}, time.Now())
		h.keeper.setAll(func(int) bool { return true }, time.Now())
		h.keeper.start()
		defer h.keeper.stop()
		if got := values(t, h, "app"); got != "192.0.2.2" {
			t.Errorf("after the reload: %s, want the second tier", got)
		}
		time.Sleep(61 * time.Second)
		if got := values(t, h, "app"); got != "192.0.2.1" {
			t.Errorf("5 minutes after it came back: %s, want the first tier", got)
		}
	})
}

// TestBoardNeverChanges guards queries that are under way: a board they loaded says the same to the end.
func TestBoardNeverChanges(t *testing.T) {
	var directive strings.Builder
	directive.WriteString("roundrobin53 {\ncheck web http://:80/\n")
	const names = 3 * chunkSize
	for i := range names {
		fmt.Fprintf(&directive, "record name%d A 192.0.2.1 198.51.%d.%d check web\n", i, i>>8, i&255)
	}
	directive.WriteString("}\n")
	h := handler(t, directive.String())
	before := h.keeper.board.Load()
	candidates := func(b *board) (n int) {
		for group := range names {
			n += len(b.choice(group).Candidates())
		}
		return n
	}
	h.keeper.set([]verdict{{target: 1 + names/2, up: false}}, time.Now()) // of one name alone
	one := h.keeper.board.Load()
	h.keeper.set([]verdict{{target: 0, up: false}}, time.Now()) // of all
	all := h.keeper.board.Load()
	if got := []int{candidates(before), candidates(one), candidates(all)}; !slices.Equal(got, []int{2 * names, 2*names - 1, names + 1}) {
		t.Errorf("values to answer: %d, want all %d, one less, and half of them with one name that has nothing up", got, 2*names)
	}
	shared := 0
	for i := range one.chunks {
		if &one.chunks[i][0] == &before.chunks[i][0] {
			shared++
		}
	}
	if shared != len(one.chunks)-1 {
		t.Errorf("%d of %d chunks are shared with the board before, want all but one", shared, len(one.chunks))
	}
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
