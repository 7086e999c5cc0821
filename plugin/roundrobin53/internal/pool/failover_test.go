package pool

import (
	"testing"
	"time"
)

// TestFailbackOfNames guards the start of a server: a tier whose names are resolved a moment later has not failed, so nothing
// waits before it is used. One that is known and fails waits, whatever else is not known.
func TestFailbackOfNames(t *testing.T) {
	now := time.Unix(1000, 0)
	second := Line{First: 2, Count: 1, Weight: 1, Priority: 2}
	unknown, known := Line{Weight: 1, Priority: 1, Unknown: true}, Line{Count: 1, Weight: 1, Priority: 1}
	empty := Line{Weight: 1, Priority: 1}
	type step struct {
		lines []Line
		up    bool // of the endpoints of the first tier
		want  int  // the priority in use
	}
	for name, steps := range map[string][]step{
		"resolved":                   {{[]Line{unknown, second}, true, 2}, {[]Line{known, second}, true, 1}},
		"resolved before the second": {{[]Line{unknown, {Weight: 1, Priority: 2, Unknown: true}}, true, 1}, {[]Line{unknown, second}, true, 2}, {[]Line{known, second}, true, 1}},
		"resolved and down":          {{[]Line{unknown, second}, true, 2}, {[]Line{known, second}, false, 2}, {[]Line{known, second}, true, 2}},
		"found empty":                {{[]Line{unknown, second}, true, 2}, {[]Line{empty, second}, true, 2}, {[]Line{known, second}, true, 2}},
		"in part":                    {{[]Line{known, unknown, second}, true, 1}, {[]Line{known, unknown, second}, false, 2}, {[]Line{known, unknown, second}, true, 2}},
		"a name that has gone": {
			{[]Line{known, {Weight: 1, Priority: 1, Unknown: true}, second}, true, 1}, {[]Line{empty, unknown, second}, true, 2}, {[]Line{known, unknown, second}, true, 2},
		},
		"a name in place of a value": {{[]Line{known, second}, true, 1}, {[]Line{unknown, second}, true, 2}, {[]Line{known, second}, true, 1}},
		"drained":                    {{[]Line{{Weight: 1, Priority: 1, Unknown: true, Drain: true}, second}, true, 2}, {[]Line{known, second}, true, 2}},
	} {
		var failover Failover
		for i, s := range steps {
			g := NewGroup(Rules{MinUp: 1, Failback: time.Hour}, s.lines, nil)
			c, _ := g.Choose(func(endpoint int) bool { return endpoint >= 2 || s.up }, &failover, now)
			if c.Priority() != s.want {
				t.Errorf("%s, step %d: priority %d, want %d", name, i, c.Priority(), s.want)
			}
		}
	}
}
