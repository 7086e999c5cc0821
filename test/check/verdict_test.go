package check

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// What is up is answered, and what is down is not, unless nothing is up.
func TestVerdicts(t *testing.T) {
	server.CheckPolicies(t, "verdict.example.org", "", []server.PolicyCase{
		{Row: "1", Values: "a+ b+ c+", Want: "a b c"},
		{Row: "2", Values: "a- b+ c+", Want: "b c"},
		{Row: "2", Values: "a- b+ c+ d+ e+", Want: "b c d e"}, // the load of a goes to all others
		{Row: "3", Values: "a- b- c-", Options: "all_down all", Want: "a b c"},
		{Row: "4", Values: "a- b- c-", Options: "all_down none", Want: "nodata"},
		{Row: "7", Values: "a b-", Want: "a"},
		{Row: "8", Values: "a+ b+", Qtype: dns.TypeAAAA, Want: "no values"},
		{Row: "9", Values: "a- b- A+ B+", Options: "all_down none", Want: "nodata"},
		{Row: "9", Values: "a- b- A+ B+", Options: "all_down none", Qtype: dns.TypeAAAA, Want: "A B"},
	})
}

// From the moment of a flip on the turns of those that are left are exact, and so they are when the value is back.
func TestTurnsAreExactFromTheFlipOn(t *testing.T) {
	t.Parallel()
	const zone, name = "flip.example.org", "app.flip.example.org"
	e := server.StartTarget(t)
	s := server.Start(t, server.Block(zone, e.Watched(server.QuickCheck, "a"), "record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3\n}"))
	ask := server.Asker(t, s, name)
	server.CheckTurns(t, ask, "a b c", 0)
	for _, flip := range []struct {
		row  string
		to   server.Signal
		want string
	}{
		{"2 a-", server.Fail, "b c"},
		{"2 a+ again", server.Pass, "a b c"},
	} {
		t.Run(flip.row, func(t *testing.T) {
			e.Set(flip.to, "a")
			var first *dns.Msg
			server.Eventually(t, "the answer is "+flip.want, func() bool {
				first = ask()
				return server.AnswersAre(first, flip.want)
			})
			server.CheckTurns(t, func() *dns.Msg {
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
	e := server.StartTarget(t)
	s := server.Start(t, server.Block(zone, e.Watched(server.QuickCheck, "a"), "record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3 192.0.2.4\n}"))
	ask := server.Asker(t, s, name)
	first, second := make(map[string]int), make(map[string]int)
	const flips = 4
	for flip := range flips {
		to := []server.Signal{server.Fail, server.Pass}[flip%2]
		e.Set(to, "a")
		server.Eventually(t, "the next flip", func() bool {
			m := ask()
			got := server.Letters(m)
			first[got[0]]++
			if got[0] == "a" {
				second[got[1]]++
			}
			return (len(got) == 4) == (to == server.Pass)
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
