package turn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn/turntest"
)

// TestRotateExample checks the table in the comment of Rotate.
func TestRotateExample(t *testing.T) {
	want := []string{"[0 1 2]", "[1 2 0]", "[2 0 1]", "[0 2 1]", "[1 0 2]", "[2 1 0]", "[0 1 2]"}
	for seq, want := range want {
		if got := fmt.Sprint(Rotate(uint64(seq), 3, 3, nil)); got != want {
			t.Errorf("turn %d: %s, want %s", seq, got, want)
		}
	}
}

// TestRotateIsExact checks the promises of Rotate for all small pools: an answer is a set, every
// endpoint is first once in a round of n turns, and in any n-1 rounds is included as often as the
// others and meets each of them once as second. A cursor that steps by the number of values
// returned, or runs over values instead of turns, breaks one of them.
func TestRotateIsExact(t *testing.T) {
	for n := 1; n <= 16; n++ {
		for k := 1; k <= n; k++ {
			for round := uint64(0); round < 3*SlipRounds; round += 3 { // so that slips lie everywhere
				checkTurns(t, ((1<<62-7)/uint64(n)+round)*uint64(n), n, k) // as far as counters begin
			}
		}
	}
}

func checkTurns(t *testing.T, begin uint64, n, k int) {
	t.Helper()
	first, included := make([]int, n), make([]int, n)
	pairs := make(map[[2]uint16]int)
	period := max(1, n*(n-1))
	for turn := range period {
		order := Rotate(begin+uint64(turn), n, k, nil)
		sorted := slices.Sorted(slices.Values(order))
		if len(order) != k || len(slices.Compact(sorted)) != k || int(sorted[len(sorted)-1]) >= n {
			t.Fatalf("n %d, k %d, turn %d: %v is no set of %d", n, k, turn, order, k)
		}
		first[order[0]]++
		for _, endpoint := range order {
			included[endpoint]++
		}
		if k > 1 {
			pairs[[2]uint16(order[:2])]++
		}
		if (turn+1)%n == 0 && slices.Min(first) != slices.Max(first) {
			t.Fatalf("n %d, k %d: after %d turns, first: %v", n, k, turn+1, first)
		}
	}
	if slices.Min(included) != slices.Max(included) {
		t.Errorf("n %d, k %d: in %d turns, included: %v", n, k, period, included)
	}
	if k > 1 && len(pairs) != n*(n-1) {
		t.Errorf("n %d, k %d: %d pairs (first, second) in %d turns, want all", n, k, len(pairs), period)
	}
}

// TestNobodyIsInStep guards those who take every so manieth turn: a client that looks a name up
// twice for each connection would always get the same one of two values.
func TestNobodyIsInStep(t *testing.T) {
	for n := uint64(2); n <= 16; n++ {
		first := func(seq uint64) uint16 { return Rotate(seq, int(n), 1, nil)[0] }
		for clients := uint64(2); clients <= 8; clients++ {
			turntest.CheckStep(t, fmt.Sprintf("%d endpoints", n), first, int(n), n, clients)
		}
	}
}

// TestRotateAppends guards the buffer of the caller: what is in it stays.
func TestRotateAppends(t *testing.T) {
	if got := Rotate(1, 2, 2, []uint16{9}); !slices.Equal(got, []uint16{9, 1, 0}) {
		t.Errorf("Rotate behind a 9: %v", got)
	}
	if got := Shuffle(1, 1, []uint16{9}); !slices.Equal(got, []uint16{9, 0}) {
		t.Errorf("Shuffle behind a 9: %v", got)
	}
}

// TestShuffleIsUniform counts all ordered choices of k from n. Each count may be off by six
// standard deviations, which chance does once in a billion tries.
func TestShuffleIsUniform(t *testing.T) {
	const draws = 120_000
	for _, row := range []struct{ n, k, choices int }{{2, 2, 2}, {3, 3, 6}, {4, 2, 12}, {5, 1, 5}} {
		counts := make(map[string]int)
		for range draws {
			counts[fmt.Sprint(Shuffle(row.n, row.k, nil))]++
		}
		mean := float64(draws) / float64(row.choices)
		if len(counts) != row.choices {
			t.Errorf("%d of %d: %d different answers, want %d", row.k, row.n, len(counts), row.choices)
		}
		for choice, count := range counts {
			if math.Abs(float64(count)-mean) > 6*math.Sqrt(mean) {
				t.Errorf("%d of %d: %s came %d times, want about %.0f", row.k, row.n, choice, count, mean)
			}
		}
	}
}
