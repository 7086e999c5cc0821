package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// Tier 1 is a b c, tier 2 is d e f; each record of its own has checks for its first value (tier 1 needs all three) and for
// its fourth, fifth and sixth.
const failbackTiers = `record %[1]s {
	value 192.0.2.1 check %[1]s-a
	value 192.0.2.2 192.0.2.3
	value 192.0.2.4 192.0.2.5 192.0.2.6 priority 2 check %[1]s-d
	min_up 3
	%[2]s
}
`

// A better tier is used again when it has been fit for the time of failback, which begins anew when it is not. All rows
// go on at once, since they wait.
func TestFailback(t *testing.T) {
	t.Parallel()
	const zone = "failback.example.org"
	e := server.StartTarget(t)
	names := []string{"none", "short", "again", "long"}
	options := map[string]string{"short": "failback 3s", "again": "failback 3s", "long": "failback 1d"}
	const wait = 3 * time.Second
	var lines []string
	for _, name := range names {
		lines = append(lines, fmt.Sprintf(failbackTiers, name, options[name]), e.Watched(server.QuickCheck, name+"-a "+name+"-d"))
		e.Set(server.Fail, name+"-a")
	}
	s := server.Start(t, server.Block(zone, lines...))
	ask := func(name string) func() *dns.Msg { return server.Asker(t, s, name+"."+zone) }
	for _, name := range names {
		server.AwaitVerdict(t, s, zone, name+"-a", false)
		server.CheckTurns(t, ask(name), "d e f", 0)
	}

	fit := map[string]time.Time{"short": time.Now()} // at the earliest
	e.Flip(t, s, zone, "none-a short-a again-a long-a", server.Pass)
	server.CheckTurns(t, ask("none"), "a b c", 0) // row 25: with the verdict, at once
	server.CheckTurns(t, ask("long"), "d e f", 0)

	e.Set(server.Fail, "again-a long-d")
	server.AwaitVerdict(t, s, zone, "long-d", false)
	server.CheckTurns(t, ask("long"), "a b c", 0) // row 27
	e.Set(server.Pass, "long-d")
	server.AwaitVerdict(t, s, zone, "again-a", false)
	server.CheckTurns(t, ask("again"), "d e f", 0)
	fit["again"] = time.Now()
	e.Set(server.Pass, "again-a")

	back := make(map[string]time.Duration)
	server.Eventually(t, "tier 1 is used again", func() bool {
		for name := range fit {
			m := ask(name)()
			isBack := server.AnswersAre(m, "a b c")
			if _, wasBack := back[name]; isBack && !wasBack {
				back[name] = time.Since(fit[name])
			} else if !isBack && (wasBack || !server.AnswersAre(m, "d e f")) {
				t.Fatalf("%s, back %t: got %q, want d e f without a break and then a b c", name, wasBack, server.Letters(m))
			}
		}
		return len(back) == len(fit)
	})
	for row, name := range map[string]string{"25 failback 3s": "short", "26 failback 3s, one verdict in the wait": "again"} {
		if back[name] < wait {
			t.Errorf("%s: tier 1 was used %s after it became fit, want %s", row, back[name], wait)
		}
		server.CheckTurns(t, ask(name), "a b c", 0)
	}
	server.AwaitVerdict(t, s, zone, "long-d", true)
	server.CheckTurns(t, ask("long"), "a b c", 0) // tier 1 is in use, and stays
}
