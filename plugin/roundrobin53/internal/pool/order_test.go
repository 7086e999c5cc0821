package pool

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// sticky makes a group of endpoints with identities of their own.
func sticky(answers int, weights ...int) *Group {
	g := group(Rules{Order: Sticky, Answers: answers, Weighted: slices.Max(weights) > 1}, weights...)
	for i := range weights {
		g.ids = append(g.ids, turn.HashNetwork(netip.PrefixFrom(netip.AddrFrom4([4]byte{99, 0, 0, byte(i)}), 32)))
	}
	return g
}

func stickyPicks(c *Choice, clients int) [][]uint16 {
	picks := make([][]uint16, clients)
	for i := range picks {
		picks[i] = c.Take(turn.Datagram, &Client{Network: turn.HashNetwork(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))}, nil)
	}
	return picks
}

// TestStickyMovesOnlyTheClientsOfALostEndpoint guards what the order is for.
func TestStickyMovesOnlyTheClientsOfALostEndpoint(t *testing.T) {
	const clients = 30_000
	for _, weights := range [][]int{{1, 1, 1, 1}, {4, 3, 2, 1}} {
		g := sticky(1, weights...)
		before, after := stickyPicks(choiceOf(g), clients), stickyPicks(choiceOf(g, 1), clients)
		sum, rest := 0, 0
		for i, weight := range weights {
			if sum += weight; i != 1 {
				rest += weight
			}
		}
		var share, moved [4]float64
		lost := 0.0
		for i := range before {
			share[before[i][0]]++
			if before[i][0] != 1 {
				if before[i][0] != after[i][0] {
					t.Fatalf("weights %v: a client moved from %d to %d, which are both up", weights, before[i][0], after[i][0])
				}
				continue
			}
			lost++
			moved[after[i][0]]++
		}
		for i, weight := range weights {
			if want := float64(weight) / float64(sum); math.Abs(share[i]/clients-want) > 0.02 {
				t.Errorf("weights %v: endpoint %d has %.3f of the clients, want %.3f", weights, i, share[i]/clients, want)
			}
			if want := float64(weight) / float64(rest); i != 1 && math.Abs(moved[i]/lost-want) > 0.03 {
				t.Errorf("weights %v: endpoint %d gets %.3f of the clients of 1, want %.3f", weights, i, moved[i]/lost, want)
			}
		}
	}
}

// TestStickyLineWeight guards a line with an endpoint down: its weight is not shared anew, or
// clients of other lines would move.
func TestStickyLineWeight(t *testing.T) {
	lines := []Line{{First: 0, Count: 2, Weight: 1, Priority: 1}, {First: 2, Count: 1, Weight: 1, Priority: 1}}
	g := NewGroup(Rules{Order: Sticky, Answers: 1, Weighted: true}, lines, []uint64{1, 2, 3})
	before, after := stickyPicks(choiceOf(g), 1000), stickyPicks(choiceOf(g, 1), 1000)
	for i := range before {
		if before[i][0] != 1 && before[i][0] != after[i][0] {
			t.Fatalf("a client moved from %d to %d, which are both up", before[i][0], after[i][0])
		}
	}
}

// TestStickyOrderIsFixed guards answers of several: a client's second choice is the one it moves
// to.
func TestStickyOrderIsFixed(t *testing.T) {
	g := sticky(2, 1, 1, 1, 1)
	both := stickyPicks(choiceOf(g), 1000)
	for i, order := range both {
		without := stickyPicks(choiceOf(g, int(order[0])), i+1)[i]
		if len(order) != 2 || order[1] != without[0] {
			t.Fatalf("%v, and without the first %v", order, without)
		}
	}
}

func TestNearest(t *testing.T) {
	frankfurt, paris, sydney := PointAt(50.1, 8.7), PointAt(48.9, 2.4), PointAt(-33.9, 151.2)
	lines := []Line{
		{First: 0, Count: 2, Weight: 1, Priority: 1, Place: frankfurt},
		{First: 2, Count: 1, Weight: 1, Priority: 1, Place: paris},
		{First: 3, Count: 1, Weight: 1, Priority: 1, Place: sydney},
	}
	berlin := &Client{Place: PointAt(52.5, 13.4), Located: true}
	c := choiceOf(NewGroup(Rules{Order: Nearest, Answers: 1}, lines, nil))
	turns := []uint16{c.Take(turn.Datagram, berlin, nil)[0], c.Take(turn.Datagram, berlin, nil)[0]}
	if slices.Sort(turns); !slices.Equal(turns, []uint16{0, 1}) {
		t.Errorf("first %v, want the two of Frankfurt in turn", turns)
	}
	g := NewGroup(Rules{Order: Nearest}, lines, nil)
	if got := choiceOf(g).Take(turn.Datagram, berlin, nil); got[2] != 2 || got[3] != 3 {
		t.Errorf("%v, want Frankfurt, Paris, Sydney", got)
	}
	if got := choiceOf(g, 0, 1).Take(turn.Datagram, berlin, nil); !slices.Equal(got, []uint16{2, 3}) {
		t.Errorf("%v, want Paris, Sydney", got)
	}
	var first [4]int
	for range 8 {
		first[choiceOf(g).Take(turn.Datagram, &Client{}, nil)[0]]++
	}
	if first != [4]int{2, 2, 2, 2} {
		t.Errorf("first places for a client without a place: %v, want exact turns", first)
	}
}

// TestNearestAtOneDistance guards two places that are equally far: they take turns.
func TestNearestAtOneDistance(t *testing.T) {
	lines := []Line{
		{First: 0, Count: 1, Weight: 3, Priority: 1, Place: PointAt(0, 10)},
		{First: 1, Count: 1, Weight: 1, Priority: 1, Place: PointAt(0, -10)},
		{First: 2, Count: 1, Weight: 1, Priority: 1, Place: PointAt(0, 90)},
	}
	c := choiceOf(NewGroup(Rules{Order: Nearest, Answers: 1, Weighted: true}, lines, nil))
	var first [3]int
	for range 10 {
		first[c.Take(turn.Datagram, &Client{Place: PointAt(0, 0), Located: true}, nil)[0]]++
	}
	if first != [3]int{5, 5, 0} {
		t.Errorf("first places %v, want the two nearest in exact turns", first)
	}
}

// TestOrderFacts guards what others ask of an order instead of its name.
func TestOrderFacts(t *testing.T) {
	for _, row := range []struct {
		order                              Order
		isPersonal, answersOne, needsPlace bool
	}{
		{RoundRobin, false, false, false},
		{Random, false, false, false},
		{Sticky, true, true, false},
		{Nearest, true, true, true},
	} {
		if row.order.IsPersonal() != row.isPersonal || row.order.AnswersOne() != row.answersOne || row.order.NeedsPlace() != row.needsPlace {
			t.Errorf("order %d: personal %t, one %t, place %t; want %t, %t, %t", row.order,
				row.order.IsPersonal(), row.order.AnswersOne(), row.order.NeedsPlace(), row.isPersonal, row.answersOne, row.needsPlace)
		}
	}
}
