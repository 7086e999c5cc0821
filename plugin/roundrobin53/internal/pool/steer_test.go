package pool

import (
	"slices"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// TestSteered guards what an operator decides at run time: what is drained is never answered, and a weight counts as if its
// endpoint stood on a line of its own.
func TestSteered(t *testing.T) {
	two := []Line{{First: 0, Count: 2, Weight: 1, Priority: 1}, {First: 2, Count: 2, Weight: 1, Priority: 1}}
	tiers := []Line{{First: 0, Count: 2, Weight: 1, Priority: 1}, {First: 2, Count: 2, Weight: 1, Priority: 2}}
	weighted := []Line{{First: 0, Count: 2, Weight: 3, Priority: 1}, {First: 2, Count: 2, Weight: 1, Priority: 1}}
	drain := func(endpoints ...int) *Steering {
		s := &Steering{Drained: make(map[int]bool)}
		for _, endpoint := range endpoints {
			s.Drained[endpoint] = true
		}
		return s
	}
	three := []Line{{First: 0, Count: 3, Weight: 1, Priority: 1}, {First: 3, Count: 1, Weight: 1, Priority: 1}}
	shared := func(weights map[int]int) *Steering {
		s := &Steering{Weights: weights, Shared: make(map[int]int)}
		for endpoint := range weights {
			s.Shared[endpoint] = 1
		}
		return s
	}
	for _, row := range []struct {
		name   string
		rules  Rules
		lines  []Line
		s      *Steering
		down   []int
		status Status
		want   []int // how often each endpoint is first in 120 answers
	}{
		{"nothing", Rules{MinUp: 1}, two, &Steering{}, nil, Up, []int{30, 30, 30, 30}},
		{"one drained", Rules{MinUp: 1}, two, drain(1), nil, Up, []int{40, 0, 40, 40}},
		{"a line keeps its weight", Rules{MinUp: 1, Weighted: true}, weighted, drain(1), nil, Up, []int{90, 0, 15, 15}},
		{"all drained", Rules{MinUp: 1}, two, drain(0, 1, 2, 3), nil, Drained, []int{0, 0, 0, 0}},
		{"no fail-open for what is drained", Rules{MinUp: 1}, two, drain(0, 1), []int{2, 3}, FailOpen, []int{0, 0, 60, 60}},
		{"a drained tier", Rules{MinUp: 1}, tiers, drain(0, 1), nil, Up, []int{0, 0, 60, 60}},
		{"it counts against a quorum", Rules{MinUp: 2}, tiers, drain(0), nil, Up, []int{0, 0, 60, 60}},
		{"a weight among equals", Rules{MinUp: 1}, two, &Steering{Weights: map[int]int{0: 3}}, nil, Up, []int{60, 20, 20, 20}},
		{"weight 0", Rules{MinUp: 1}, two, &Steering{Weights: map[int]int{0: 0}}, nil, Up, []int{0, 40, 40, 40}},
		{"a weight beside its line", Rules{MinUp: 1, Weighted: true}, weighted, &Steering{Weights: map[int]int{0: 2}}, nil, Up, []int{40, 60, 10, 10}},
		{"a weight does not count for a quorum", Rules{MinUp: 2}, tiers, &Steering{Weights: map[int]int{0: 2}}, nil, Up, []int{80, 40, 0, 0}},
		{"drained and weighted", Rules{MinUp: 1}, two, &Steering{Drained: map[int]bool{0: true}, Weights: map[int]int{0: 2}}, nil, Up, []int{0, 40, 40, 40}},
		{"by line", Rules{MinUp: 1, ByLine: true}, two, &Steering{Weights: map[int]int{0: 1}}, nil, Up, []int{24, 48, 24, 24}},
		{"a line without endpoints", Rules{MinUp: 1}, append(slices.Clone(two), Line{First: 4, Weight: 1, Priority: 1}), &Steering{Weights: map[int]int{0: 3}}, nil, Up, []int{60, 20, 20, 20}},
		{"a shared weight among equals", Rules{MinUp: 1}, two, shared(map[int]int{0: 4, 1: 4}), nil, Up, []int{40, 40, 20, 20}},
		{"a shared weight over a gap", Rules{MinUp: 1}, three, &Steering{Weights: map[int]int{0: 4, 1: 2, 2: 4}, Shared: map[int]int{0: 7, 2: 7}}, nil, Up, []int{34, 34, 34, 17}},
		{"a shared weight, one of them down", Rules{MinUp: 1}, two, shared(map[int]int{0: 4, 1: 4}), []int{0}, Up, []int{0, 80, 20, 20}},
		{"a shared weight, one of them drained", Rules{MinUp: 1}, two, &Steering{Drained: map[int]bool{1: true}, Weights: map[int]int{0: 4, 1: 4}, Shared: map[int]int{0: 1, 1: 1}}, nil, Up, []int{80, 0, 20, 20}},
		{"weights are shared within a line", Rules{MinUp: 1, Weighted: true}, two, shared(map[int]int{0: 1, 1: 1, 2: 3, 3: 3}), nil, Up, []int{15, 15, 45, 45}},
		{"a shared weight within a tier", Rules{MinUp: 2}, tiers, shared(map[int]int{0: 1, 1: 1, 2: 1, 3: 1}), []int{0}, Up, []int{0, 0, 60, 60}},
		{"a shared weight by line", Rules{MinUp: 1, ByLine: true}, two, shared(map[int]int{0: 4, 1: 4}), nil, Up, []int{40, 40, 20, 20}},
		{"sticky, shared", Rules{MinUp: 1, Weighted: true, Order: Sticky, Answers: 1}, weighted, &Steering{Drained: map[int]bool{1: true, 2: true, 3: true}, Weights: map[int]int{0: 4, 1: 4}, Shared: map[int]int{0: 1, 1: 1}}, nil, Up, []int{120, 0, 0, 0}},
		{"sticky", Rules{MinUp: 1, Weighted: true, Order: Sticky, Answers: 1}, weighted, drain(0, 2, 3), nil, Up, []int{0, 120, 0, 0}},
	} {
		g := NewGroup(row.rules, row.lines, []uint64{1, 2, 3, 4})
		steered := g.Steered(row.s)
		if steered.Counters() != g.Counters() {
			t.Errorf("%s: the rotation begins anew", row.name)
		}
		c, _ := steered.Choose(func(endpoint int) bool { return !slices.Contains(row.down, endpoint) }, new(Failover), time.Now())
		first := make([]int, 4)
		for range 120 {
			if order := c.Take(turn.Datagram, &Client{}, nil); len(order) > 0 {
				first[order[0]]++
			}
		}
		isOff := func(got, want int) int { return max(0, max(got-want, want-got)-2) } // the cycle slips
		if c.Status() != row.status || slices.CompareFunc(first, row.want, isOff) != 0 {
			t.Errorf("%s: %q, first %d; want %q, %d", row.name, c.Status(), first, row.status, row.want)
		}
		if endpoints := steered.Endpoints(); len(endpoints) != 4 {
			t.Errorf("%s: endpoints %d", row.name, endpoints)
		}
	}
}
