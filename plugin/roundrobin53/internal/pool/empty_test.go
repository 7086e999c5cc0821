package pool

import (
	"testing"
	"time"
)

// TestGroupWithoutEndpoints guards what is said of lines that have no endpoints, or none yet: a
// line that is drained says nothing, and one that is not known is the last thing to be sure of.
func TestGroupWithoutEndpoints(t *testing.T) {
	empty, unknown := Line{Weight: 1, Priority: 1}, Line{Weight: 1, Priority: 1, Unknown: true}
	drained := Line{Weight: 1, Priority: 1, Drain: true, Unknown: true}
	one := Line{Count: 1, Weight: 1, Priority: 2}
	for _, row := range []struct {
		name  string
		lines []Line
		up    bool
		want  Status
	}{
		{"empty", []Line{empty}, true, Empty},
		{"not known", []Line{empty, unknown}, true, Unknown},
		{"drained", []Line{drained}, true, Drained},
		{"drained and empty", []Line{drained, empty}, true, Empty},
		{"another tier", []Line{empty, unknown, one}, true, Up},
		{"another tier that is down", []Line{empty, unknown, one}, false, FailOpen},
	} {
		g := NewGroup(Rules{MinUp: 1}, row.lines, nil)
		c, _ := g.Choose(func(int) bool { return row.up }, new(Failover), time.Now())
		if c.Status() != row.want || c.Status().HasEndpoints() != (c.Answers() > 0) {
			t.Errorf("%s: %q with %d endpoints, want %q", row.name, c.Status(), c.Answers(), row.want)
		}
	}
}

// TestQuorumCountsEmptyLines guards a quorum: a line without endpoints counts as one that is down.
func TestQuorumCountsEmptyLines(t *testing.T) {
	lines := []Line{{Count: 1, Weight: 1, Priority: 1}, {Weight: 1, Priority: 1}, {First: 1, Count: 2, Weight: 1, Priority: 2}}
	g := NewGroup(Rules{MinUp: 2}, lines, nil)
	c, _ := g.Choose(func(int) bool { return true }, new(Failover), time.Now())
	if c.Priority() != 2 {
		t.Errorf("priority %d, want 2: of the first tier one of two is there", c.Priority())
	}
}

func TestPoolWithoutAddresses(t *testing.T) {
	if p := None(Random, 16); p.Len() != 0 || p.Width() != 16 || p.Order() != Random || len(p.Octets()) != 0 {
		t.Errorf("%+v", p)
	}
}
