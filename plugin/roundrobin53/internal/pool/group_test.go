package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// tiers makes a group from text: "a- b+ c~ | d+" is three endpoints of priority 1, and one of
// priority 2; + is up, - is down, ~ is drained. It returns which endpoints are up.
func tiers(rules Rules, text string) (g *Group, up func(int) bool) {
	var lines []Line
	var states []byte
	priority := 1
	for word := range strings.FieldsSeq(text) {
		if word == "|" {
			priority++
			continue
		}
		state := word[len(word)-1]
		lines = append(lines, Line{First: len(lines), Count: 1, Weight: 1, Priority: priority, Drain: state == '~'})
		states = append(states, state)
	}
	return NewGroup(rules, lines, nil), func(endpoint int) bool { return states[endpoint] != '-' }
}

// candidates returns what a choice answers, as letters.
func candidates(c *Choice) string {
	var letters []string
	for _, endpoint := range c.Candidates() {
		letters = append(letters, string(rune('a'+endpoint)))
	}
	return strings.Join(letters, " ")
}

func TestChoose(t *testing.T) {
	for _, row := range []struct {
		state  string
		minUp  int
		want   string
		status Status
	}{
		{"a+ b+ c+", 1, "a b c", Up},
		{"a- b+ c+", 1, "b c", Up},
		{"a- b- c-", 1, "a b c", FailOpen},
		{"a~ b- c+", 1, "c", Up},
		{"a~ b- c-", 1, "b c", FailOpen},
		{"a~ b~", 1, "", Drained},
		{"a~ b~ | c+", 1, "c", Up},
		{"a~ b~ | c-", 1, "c", FailOpen},
		{"a~ b+ c+ | d+ e+", 3, "d e", Up},
		{"a+ b- c- | d+ e+ f+", 1, "a", Up},
		{"a+ b- c- | d+ e+ f+", 2, "d e f", Up},
		{"a+ b- c- | d+ e- f-", 2, "a", Up},
		{"a+ b- c- | d+ e+ f-", 3, "d e", Up},
		{"a- b- c- | d- e- f-", 1, "a b c", FailOpen},
		{"a- b- | c+", 2, "c", Up},
	} {
		for _, noneDown := range []bool{false, true} {
			g, up := tiers(Rules{MinUp: row.minUp, NoneDown: noneDown}, row.state)
			c, again := g.Choose(up, new(Failover), time.Unix(0, 0))
			want, status := row.want, row.status
			if noneDown && status == FailOpen {
				want, status = "", Down
			}
			if got := candidates(c); got != want || c.Status() != status || !again.IsZero() {
				t.Errorf("%s, min_up %d, none %t: %q status %d again %v, want %q status %d", row.state, row.minUp, noneDown, got, c.Status(), again, want, status)
			}
			if got := c.Take(turn.Datagram, nil, nil); len(got) != len(strings.Fields(want)) {
				t.Errorf("%s: an answer of %v, want %s", row.state, got, want)
			}
		}
	}
}

// TestFailback goes through the history of a group of two tiers: what is up from a minute on, and
// what is answered then.
func TestFailback(t *testing.T) {
	for _, row := range []struct{ name, history, want string }{
		{"waits", "0:a+|b+ 1:a-|b+ 2:a+|b+ 6:a+|b+ 7:a+|b+", "a b b b a"},
		{"starts again", "0:a-|b+ 1:a+|b+ 3:a-|b+ 4:a+|b+ 6:a+|b+ 8:a+|b+ 9:a+|b+", "b b b b b b a"},
		{"ends when the tier in use fails", "0:a-|b+ 1:a+|b+ 2:a+|b-", "b b a"},
		{"nothing fit", "0:a-|b+ 1:a-|b- 2:a-|b+", "b a b"},
		{"first comes back alone", "0:a-|b- 1:a-|b+ 2:a+|b+ 7:a+|b+", "a b b a"},
		{"three tiers", "0:a-|b-|c+ 1:a-|b+|c+ 2:a+|b+|c+ 6:a+|b+|c+ 7:a+|b+|c+", "c c c b a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var failover Failover
			var got []string
			for step := range strings.FieldsSeq(row.history) {
				var minute int
				minutes, state, _ := strings.Cut(step, ":")
				_, _ = fmt.Sscan(minutes, &minute)
				g, up := tiers(Rules{MinUp: 1, Failback: 5 * time.Minute}, strings.ReplaceAll(state, "|", " | "))
				c, _ := g.Choose(up, &failover, time.Unix(0, 0).Add(time.Duration(minute)*time.Minute))
				got = append(got, candidates(c))
			}
			if got := strings.Join(got, " "); got != row.want {
				t.Errorf("%s: %s, want %s", row.history, got, row.want)
			}
		})
	}
}

// TestFailbackTellsWhenItEnds guards the timer of whoever owns the group: no verdict changes when a
// wait ends.
func TestFailbackTellsWhenItEnds(t *testing.T) {
	rules := Rules{MinUp: 1, Failback: 5 * time.Minute}
	at := func(minute int) time.Time { return time.Unix(0, 0).Add(time.Duration(minute) * time.Minute) }
	var failover Failover
	g, up := tiers(rules, "a- | b- | c+")
	g.Choose(up, &failover, at(0))
	g, up = tiers(rules, "a- | b+ | c+")
	if _, again := g.Choose(up, &failover, at(1)); !again.Equal(at(6)) {
		t.Errorf("the second tier is fit: again %v, want %v", again, at(6))
	}
	g, up = tiers(rules, "a+ | b+ | c+")
	if _, again := g.Choose(up, &failover, at(2)); !again.Equal(at(6)) {
		t.Errorf("the first one too: again %v, want %v", again, at(6))
	}
	c, again := g.Choose(up, &failover, at(6))
	if !again.Equal(at(7)) || c.Priority() != 2 {
		t.Errorf("the second tier is in use: priority %d, again %v, want %v", c.Priority(), again, at(7))
	}
	if _, again := g.Choose(up, &failover, at(7)); !again.IsZero() {
		t.Errorf("the first tier is in use: again %v, want never", again)
	}
}

// TestFailoverInherits guards a wait over a reload, where tiers may come and go.
func TestFailoverInherits(t *testing.T) {
	rules := Rules{MinUp: 1, Failback: 5 * time.Minute}
	now := time.Unix(1000, 0)
	var old Failover
	before, up := tiers(rules, "a- | b+")
	before.Choose(up, &old, now)
	g, up := tiers(rules, "a+ | b+ | c+")
	for _, row := range []struct {
		name string
		old  *Failover
		g    *Group
		want int
	}{
		{"the tier in use stays", &old, g, 2},
		{"it is gone", &old, NewGroup(rules, []Line{{First: 0, Count: 1, Priority: 1}, {First: 1, Count: 1, Priority: 5}}, nil), 1},
		{"nothing was in use", new(Failover), g, 1},
	} {
		var failover Failover
		failover.Adopt(row.g, row.old, before)
		if c, _ := row.g.Choose(up, &failover, now); c.Priority() != row.want {
			t.Errorf("%s: priority %d, want %d", row.name, c.Priority(), row.want)
		}
	}
}

// TestGroupAdopts guards the rotation over a reload: groups and sites go on together with the ones
// before.
func TestGroupAdopts(t *testing.T) {
	north, south := PointAt(60, 10), PointAt(-30, 10)
	lines := []Line{{First: 0, Count: 2, Priority: 1, Place: north}, {First: 2, Count: 1, Priority: 1, Place: south}}
	rules := Rules{Order: Nearest, Answers: 1}
	old, g := NewGroup(rules, lines, nil), NewGroup(rules, lines[:1], nil)
	g.Adopt(old)
	client := &Client{Place: north, Located: true}
	var picked []uint16
	for i := range 4 {
		c := choiceOf([]*Group{old, g}[i%2])
		picked = append(picked, c.Take(turn.Datagram, client, nil)[0])
	}
	if picked[0] == picked[1] || picked[0] != picked[2] || picked[1] != picked[3] {
		t.Errorf("%v, want exact turns", picked)
	}
	if c := choiceOf(g); c.Group() != g || g.Rules().Order != Nearest || c.Answers() != 1 {
		t.Error("a choice does not know its group")
	}
}

// TestFlapsDoNotBiasTurns flips an endpoint while answers are given: the others stay even in first
// and second place.
func TestFlapsDoNotBiasTurns(t *testing.T) {
	g := group(Rules{}, 1, 1, 1, 1)
	all, three := choiceOf(g), choiceOf(g, 0)
	random := rand.New(rand.NewPCG(1, 2))
	up := true
	var first, second [4]int
	for range 30_000 {
		c := all
		if random.IntN(7) == 0 {
			up = !up
		}
		if !up {
			c = three
		}
		order := c.Take(turn.Datagram, nil, nil)
		first[order[0]]++
		if order[0] == 0 {
			second[order[1]]++
		}
	}
	for _, counts := range [][]int{first[1:], second[1:]} {
		if most, least := slices.Max(counts), slices.Min(counts); float64(most) > 1.1*float64(least) {
			t.Errorf("in first or second place: %v, want even", counts)
		}
	}
}
