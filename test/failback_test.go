package test

import (
	"fmt"
	"testing"
	"time"
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

// A better tier is used again when it has been fit for the time of failback, which begins anew when it is not.
func TestFailback(t *testing.T) {
	const zone = "failback.example.org"
	const wait = 3 * time.Second
	e := startEndpoints(t)
	var lines []string
	for name, option := range map[string]string{
		"none":  "",
		"short": "failback 3s",
		"again": "failback 3s",
		"long":  "failback 1d",
	} {
		lines = append(lines, fmt.Sprintf(failbackTiers, name, option), e.checks(quick, name+"-a", name+"-d"))
		e.set(name+"-a", false)
	}
	s := start(t, block(zone, lines...))

	// comeBack lets tier 1 become fit, and returns when its answers come: until then those of tier 2 do, without a break,
	// and not before the wait is over.
	comeBack := func(t *testing.T, name string, wait time.Duration) {
		t.Helper()
		ask := asker(t, s, name+"."+zone)
		fit := time.Now() // at the earliest
		e.set(name+"-a", true)
		awaitThat(t, "the answer is a b c", func() bool {
			m := ask()
			isBack := answersAre(m, "a b c")
			if !isBack && !answersAre(m, "d e f") {
				t.Fatalf("on the way back: %q, want a b c or d e f", letters(m))
			}
			return isBack
		})
		if took := time.Since(fit); took < wait {
			t.Errorf("tier 1 was used again %s after it became fit, want %s", took, wait)
		}
		checkTurns(t, ask, "a b c", 0)
	}
	failedOver := func(t *testing.T, name string) {
		t.Helper()
		awaitVerdict(t, s, zone, name+"-a", false)
		checkTurns(t, asker(t, s, name+"."+zone), "d e f", 0)
	}

	t.Run("rows", func(t *testing.T) { // all at once, and only then the server ends
		t.Run("25 no failback", func(t *testing.T) {
			t.Parallel()
			failedOver(t, "none")
			e.flip(t, s, zone, "none-a", true)
			checkTurns(t, asker(t, s, "none."+zone), "a b c", 0) // with the verdict, at once
		})
		t.Run("25 failback", func(t *testing.T) {
			t.Parallel()
			failedOver(t, "short")
			comeBack(t, "short", wait)
		})
		t.Run("26 a verdict in the wait", func(t *testing.T) {
			t.Parallel()
			failedOver(t, "again")
			e.flip(t, s, zone, "again-a", true)
			e.flip(t, s, zone, "again-a", false)
			failedOver(t, "again")
			comeBack(t, "again", wait)
		})
		t.Run("27 tier 2 falls to 0 in the wait", func(t *testing.T) {
			t.Parallel()
			ask := asker(t, s, "long."+zone)
			failedOver(t, "long")
			e.flip(t, s, zone, "long-a", true)
			checkTurns(t, ask, "d e f", 0)
			e.flip(t, s, zone, "long-d", false)
			checkTurns(t, ask, "a b c", 0)
			e.flip(t, s, zone, "long-d", true) // tier 1 is in use, and stays
			checkTurns(t, ask, "a b c", 0)
		})
	})
}
