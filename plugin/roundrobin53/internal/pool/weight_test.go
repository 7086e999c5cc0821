package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/internal/turn/turntest"
)

// group makes a group of single-endpoint lines, one for each weight.
func group(rules Rules, weights ...int) *Group {
	lines := make([]Line, len(weights))
	for i, weight := range weights {
		lines[i] = Line{First: i, Count: 1, Weight: weight, Priority: 1}
	}
	return NewGroup(rules, lines, nil)
}

var weighted = Rules{Weighted: true}

// choiceOf returns what a group chooses while all endpoints are up but those listed.
func choiceOf(g *Group, down ...int) *Choice {
	choice, _ := g.Choose(func(endpoint int) bool { return !slices.Contains(down, endpoint) }, new(Failover), time.Time{})
	return choice
}

// firsts returns the first endpoints of answers from turn seq on, as letters.
func firsts(c *Choice, seq uint64, answers int) string {
	var b strings.Builder
	for i := range uint64(answers) {
		b.WriteByte(byte('a' + arrange(seq+i, c.endpoints, c.weights, 1, nil)[0]))
	}
	return b.String()
}

func TestWeightedTurns(t *testing.T) {
	for _, row := range []struct {
		weights []int
		want    string
	}{
		{[]int{5, 3, 1}, "abaabcaba"},
		{[]int{70, 30}, "abaaabaaba"}, // 7:3, over their divisor
		{[]int{1, 1, 2}, "acbc"},
		{[]int{2, 2, 2}, "abc"},
		{[]int{0, 0}, "ab"},
		{[]int{0, 10}, "b"},
		{[]int{65535, 65535}, "ab"},
	} {
		c := choiceOf(group(weighted, row.weights...))
		if got := firsts(c, 0, 2*len(row.want)); got != row.want+row.want {
			t.Errorf("weights %v: %s, want %s twice", row.weights, got, row.want)
		}
	}
}

// TestWeightedTurnsAreExact guards the share of every line in every round, wherever the counter
// started, and that no line is first in bursts.
func TestWeightedTurnsAreExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		weights := make([]int, 2+random.IntN(8))
		sum, divisor := 0, uint64(0)
		for i := range weights {
			weights[i] = 1 + random.IntN(12)
			sum += weights[i]
			divisor = gcd(divisor, uint64(weights[i]))
		}
		period := sum / int(divisor)
		c := choiceOf(group(weighted, weights...))
		cycle := uint64(period * turn.SlipRounds)
		turns := firsts(c, random.Uint64()>>2/cycle*cycle, 2*int(cycle))
		for start := 0; start < len(turns); start += period {
			round := turns[start : start+period]
			for i, weight := range weights {
				letter := string(rune('a' + i))
				if got, want := strings.Count(round, letter), weight/int(divisor); got != want {
					t.Fatalf("weights %v, from answer %d on: %s is first %d times in %s, want %d", weights, start, letter, got, round, want)
				}
				longest := strings.Repeat(letter, int(math.Ceil(float64(weight)/float64(sum-weight)))+2)
				if strings.Contains(turns[:cycle], longest) {
					t.Errorf("weights %v: %s is first in a burst: %s", weights, letter, turns[:cycle])
				}
			}
		}
	}
}

// TestNobodyIsInStepByWeight guards those who take every so manieth turn, at each level: weights,
// lines of one weight, endpoints of a line.
func TestNobodyIsInStepByWeight(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		var lines []Line
		n, sum := 0, 0
		for range 1 + random.IntN(4) {
			line := Line{First: n, Count: 1 + random.IntN(4), Weight: 1 + random.IntN(4), Priority: 1}
			n += line.Count
			sum += line.Weight
			lines = append(lines, line)
		}
		c := choiceOf(NewGroup(weighted, lines, nil))
		first := func(seq uint64) uint16 { return arrange(seq, c.endpoints, c.weights, 1, nil)[0] }
		for clients := uint64(2); clients <= 8; clients++ {
			const rounds = 16 // of the lines, until each endpoint of the longest one has been first some times
			turntest.CheckStep(t, fmt.Sprintf("lines %v", lines), first, n, uint64(sum*rounds), clients)
		}
	}
}

// TestExtremeWeights guards the arithmetic: sums near the largest there can be, and single ones
// beside them.
func TestExtremeWeights(t *testing.T) {
	weights := make([]int, MaxEndpoints)
	for i := range weights {
		weights[i] = 65535 - i%2
	}
	weights[7] = 1
	c := choiceOf(group(Rules{Weighted: true, Answers: 3}, weights...))
	seen := make(map[uint16]bool)
	for i := range uint64(1000) {
		order := arrange(1<<62-1-i*1_000_003, c.endpoints, c.weights, 3, nil)
		if order[0] == order[1] || order[1] == order[2] || order[0] == order[2] {
			t.Fatalf("an answer is a set: %v", order)
		}
		seen[order[0]] = true
	}
	if len(seen) < 900 {
		t.Errorf("%d endpoints were first in 1000 answers", len(seen))
	}
}

// TestLineWeight guards that a weight belongs to its line: shared equally by its endpoints that are
// up.
func TestLineWeight(t *testing.T) {
	lines := []Line{{First: 0, Count: 3, Weight: 70, Priority: 1}, {First: 3, Count: 1, Weight: 30, Priority: 1}}
	g := NewGroup(Rules{Weighted: true, Answers: 1}, lines, nil)
	for _, row := range []struct {
		down    []int
		answers int
		want    string
	}{
		{nil, 30, "7 7 7 9"},
		{[]int{0}, 20, "0 7 7 6"},
		{[]int{0, 1}, 10, "0 0 7 3"},
		{[]int{0, 1, 2}, 10, "0 0 0 10"},
		{[]int{3}, 9, "3 3 3 0"},
		{[]int{0, 1, 2, 3}, 30, "7 7 7 9"}, // fails open
	} {
		c := choiceOf(g, row.down...)
		g.counters[turn.Datagram].Store(0) // the first turn of a round, of all rounds there are
		var counts [4]int
		for range row.answers {
			counts[c.Take(turn.Datagram, nil, nil)[0]]++
		}
		if got := strings.Trim(fmt.Sprint(counts), "[]"); got != row.want {
			t.Errorf("down %v: first %s, want %s", row.down, got, row.want)
		}
	}
}

// TestSecondPlaceByWeight guards where the load of a dead first endpoint goes: to the others by
// their weights.
func TestSecondPlaceByWeight(t *testing.T) {
	for _, weights := range [][]int{{5, 3, 1}, {1, 2, 3, 4}, {10, 1, 1}, {7, 7, 2, 5}} {
		c := choiceOf(group(weighted, weights...))
		sum := 0
		for _, weight := range weights {
			sum += weight
		}
		seconds := make(map[[2]uint16]int)
		count := make(map[uint16]int)
		for seq := range uint64(100 * sum) {
			order := arrange(seq+12345, c.endpoints, c.weights, len(weights), nil)
			seconds[[2]uint16(order[:2])]++
			count[order[0]]++
		}
		for i, weight := range weights {
			for j, other := range weights {
				if i == j {
					continue
				}
				got := float64(seconds[[2]uint16{uint16(i), uint16(j)}]) / float64(count[uint16(i)])
				want := float64(other) / float64(sum-weight)
				if math.Abs(got-want) > 0.01 {
					t.Errorf("weights %v: behind %d comes %d in %.3f of the answers, want %.3f", weights, i, j, got, want)
				}
			}
		}
	}
}

// TestAnswerIsWhole guards that every endpoint is in an answer of all, once, whatever the order.
func TestAnswerIsWhole(t *testing.T) {
	lines := []Line{{First: 0, Count: 40, Weight: 3, Priority: 1}, {First: 40, Count: 50, Weight: 2, Priority: 1}, {First: 90, Count: 1, Weight: 9, Priority: 1}}
	identities := make([]uint64, 91)
	for i := range identities {
		identities[i] = rand.Uint64()
	}
	for _, order := range []Order{RoundRobin, Random, Sticky, Nearest} {
		c := choiceOf(NewGroup(Rules{Order: order, Weighted: true}, lines, identities))
		for range 100 {
			seen := make(map[uint16]bool)
			for _, endpoint := range c.Take(turn.Stream, &Client{Network: 7, Located: true}, nil) {
				seen[endpoint] = true
			}
			if len(seen) != 91 {
				t.Fatalf("order %d: %d endpoints in the answer, want 91", order, len(seen))
			}
		}
	}
}

// TestLinesOfOneWeight guards lines that are a class: they take turns, and so do the endpoints of
// each.
func TestLinesOfOneWeight(t *testing.T) {
	lines := []Line{{First: 0, Count: 2, Weight: 4, Priority: 1}, {First: 2, Count: 1, Weight: 4, Priority: 1}}
	c := choiceOf(NewGroup(weighted, lines, nil))
	if got, want := firsts(c, 0, 8), "acbcacbc"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRandomByWeight(t *testing.T) {
	c := choiceOf(group(Rules{Order: Random, Weighted: true, Answers: 2}, 6, 3, 1))
	const answers = 20_000
	var first [3]int
	for range answers {
		order := c.Take(turn.Datagram, nil, nil)
		if order[0] == order[1] {
			t.Fatalf("an answer is a set: %v", order)
		}
		first[order[0]]++
	}
	for i, want := range []float64{0.6, 0.3, 0.1} {
		if got := float64(first[i]) / answers; math.Abs(got-want) > 0.02 {
			t.Errorf("endpoint %d is first in %.3f of the answers, want %.1f", i, got, want)
		}
	}
}

func TestRandomAmongTheEndpointsThatAreUp(t *testing.T) {
	c := choiceOf(group(Rules{Order: Random}, 1, 1, 1), 1)
	for range 100 {
		if order := c.Take(turn.Datagram, nil, nil); len(order) != 2 || order[0]+order[1] != 2 {
			t.Fatalf("%v, want 0 and 2", order)
		}
	}
}

func BenchmarkWeighted(b *testing.B) {
	for _, answers := range []int{1, 8} {
		b.Run(fmt.Sprintf("answers=%d", answers), func(b *testing.B) {
			c := choiceOf(group(Rules{Weighted: true, Answers: answers}, 70, 30, 20, 10, 5, 5, 1, 1))
			var buf [8]uint16
			b.ReportAllocs()
			for b.Loop() {
				c.Take(turn.Datagram, nil, buf[:0])
			}
		})
	}
}
