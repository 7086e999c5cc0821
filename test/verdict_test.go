package test

import (
	"testing"

	"github.com/miekg/dns"
)

// What is up is answered, and what is down is not, unless nothing is up.
func TestVerdicts(t *testing.T) {
	checkPolicies(t, "verdict.example.org", "", []policyCase{
		{row: "1", values: "a+ b+ c+", want: "a b c"},
		{row: "2", values: "a- b+ c+", want: "b c"},
		{row: "2", values: "a- b+ c+ d+ e+", want: "b c d e"}, // the load of a goes to all others
		{row: "3", values: "a- b- c-", options: "all_down all", want: "a b c"},
		{row: "4", values: "a- b- c-", options: "all_down none", want: "nodata"},
		{row: "7", values: "a b-", want: "a"},
		{row: "8", values: "a+ b+", qtype: dns.TypeAAAA, want: "no values"},
		{row: "9", values: "a- b- A+ B+", options: "all_down none", want: "nodata"},
		{row: "9", values: "a- b- A+ B+", options: "all_down none", qtype: dns.TypeAAAA, want: "A B"},
	})
}

// From the moment of a flip on the turns of those that are left are exact, and so they are when the value is back.
func TestTurnsAreExactFromTheFlipOn(t *testing.T) {
	t.Parallel()
	const zone, name = "flip.example.org", "app.flip.example.org"
	e := startSignals(t)
	s := start(t, block(zone, e.watched(quick, "a"), "record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3\n}"))
	ask := asker(t, s, name)
	checkTurns(t, ask, "a b c", 0)
	for _, flip := range []struct {
		row  string
		to   signal
		want string
	}{
		{"2 a-", fail, "b c"},
		{"2 a+ again", pass, "a b c"},
	} {
		t.Run(flip.row, func(t *testing.T) {
			e.set(flip.to, "a")
			var first *dns.Msg
			eventually(t, "the answer is "+flip.want, func() bool {
				first = ask()
				return answersAre(first, flip.want)
			})
			checkTurns(t, func() *dns.Msg {
				if m := first; m != nil {
					first = nil
					return m
				}
				return ask()
			}, flip.want, 0)
		})
	}
}

// A value that comes and goes under load takes no turn from the others: each flip costs a turn or two, not a share.
func TestFlapsLeaveTheOthersEven(t *testing.T) {
	t.Parallel()
	const zone, name = "flap.example.org", "app.flap.example.org"
	e := startSignals(t)
	s := start(t, block(zone, e.watched(quick, "a"), "record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3 192.0.2.4\n}"))
	ask := asker(t, s, name)
	first, second := make(map[string]int), make(map[string]int)
	const flips = 4
	for flip := range flips {
		to := []signal{fail, pass}[flip%2]
		e.set(to, "a")
		eventually(t, "the next flip", func() bool {
			m := ask()
			got := letters(m)
			first[got[0]]++
			if got[0] == "a" {
				second[got[1]]++
			}
			return (len(got) == 4) == (to == pass)
		})
	}
	for what, c := range map[string]struct {
		counts map[string]int
		slack  int
	}{
		"first":             {first, 2 * (flips + 1)},
		"second, behind a,": {second, 2 * (flips + 1)},
	} {
		least, most := min(c.counts["b"], c.counts["c"], c.counts["d"]), max(c.counts["b"], c.counts["c"], c.counts["d"])
		if least == 0 || most-least > c.slack {
			t.Errorf("b, c, d were %s %d, %d, %d times over %d flips, want within %d of each other",
				what, c.counts["b"], c.counts["c"], c.counts["d"], flips, c.slack)
		}
	}
}
