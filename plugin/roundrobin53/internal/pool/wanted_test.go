package pool

import (
	"slices"
	"testing"
	"time"
)

// TestShares guards what an operator is told of the load that each value is to get.
func TestShares(t *testing.T) {
	lines := []Line{{First: 0, Count: 2, Weight: 3, Priority: 1}, {First: 2, Count: 1, Weight: 1, Priority: 1}}
	for name, c := range map[string]struct {
		rules Rules
		down  int
		want  []float64
	}{
		"equal values":                  {Rules{MinUp: 1}, -1, []float64{1. / 3, 1. / 3, 1. / 3}},
		"weights of lines":              {Rules{MinUp: 1, Weighted: true}, -1, []float64{3. / 8, 3. / 8, 1. / 4}},
		"a line keeps what is its":      {Rules{MinUp: 1, Weighted: true}, 0, []float64{3. / 4, 1. / 4}},
		"a sticky line loses what was":  {Rules{MinUp: 1, Weighted: true, Order: Sticky}, 0, []float64{3. / 5, 2. / 5}},
		"the nearest is another's each": {Rules{MinUp: 1, Order: Nearest}, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGroup(c.rules, slices.Clone(lines), []uint64{1, 2, 3})
			choice, _ := g.Choose(func(endpoint int) bool { return endpoint != c.down }, new(Failover), time.Now())
			if got := choice.Shares(); !slices.Equal(got, c.want) {
				t.Errorf("shares %v, want %v", got, c.want)
			}
		})
	}
}
