package pool

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestRotateExample is the table in the comment of rotate.
func TestRotateExample(t *testing.T) {
	want := []string{"[0 1 2]", "[1 2 0]", "[2 0 1]", "[0 2 1]", "[1 0 2]", "[2 1 0]", "[0 1 2]"}
	for seq, want := range want {
		if got := fmt.Sprint(rotate(uint64(seq), 3, 3, nil)); got != want {
			t.Errorf("turn %d: %s, want %s", seq, got, want)
		}
	}
}

// TestRotateIsExact checks the promises of rotate for all small pools: an answer is a set, every endpoint is first once
// in a round of n turns, and in any n-1 rounds is included as often as the others and meets each of them once as second. A
// cursor that steps by the number of values returned, or runs over values instead of turns, breaks one of them.
func TestRotateIsExact(t *testing.T) {
	for n := 1; n <= 16; n++ {
		for k := 1; k <= n; k++ {
			for round := range uint64(3 * slipRounds) { // so that slips lie everywhere
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
		order := rotate(begin+uint64(turn), n, k, nil)
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

// TestNobodyIsInStep guards those who take every so manieth turn: a client that looks a name up twice for each connection
// would always get the same one of two values.
func TestNobodyIsInStep(t *testing.T) {
	for n := uint64(2); n <= 16; n++ {
		first := func(seq uint64) uint16 { return rotate(seq, int(n), 1, nil)[0] }
		for clients := uint64(2); clients <= 8; clients++ {
			checkStep(t, fmt.Sprintf("%d endpoints", n), first, int(n), n, clients)
		}
	}
}

// checkStep fails the test unless each of a number of clients that ask in turn gets all n endpoints first within as many
// slips of the round, wherever the counter stands.
func checkStep(t *testing.T, name string, first func(seq uint64) uint16, n int, round, clients uint64) {
	t.Helper()
	for _, begin := range []uint64{0, 1, round * slipRounds * 7, 1<<62 - 1} {
		for client := range clients {
			seen := make(map[uint16]bool)
			for turn := client; turn < clients*round*slipRounds; turn += clients {
				seen[first(begin+turn)] = true
			}
			if len(seen) != n {
				t.Errorf("%s: client %d of %d got %d of %d first, from turn %d on", name, client, clients, len(seen), n, begin)
			}
		}
	}
}

// TestRotateAppends guards the buffer of the caller: what is in it stays.
func TestRotateAppends(t *testing.T) {
	if got := rotate(1, 2, 2, []uint16{9}); !slices.Equal(got, []uint16{9, 1, 0}) {
		t.Errorf("rotate behind a 9: %v", got)
	}
	if got := shuffle(1, 1, []uint16{9}); !slices.Equal(got, []uint16{9, 0}) {
		t.Errorf("shuffle behind a 9: %v", got)
	}
}

// TestShuffleIsUniform counts all ordered choices of k from n. Each count may be off by six standard deviations, which
// chance does once in a billion tries.
func TestShuffleIsUniform(t *testing.T) {
	const draws = 120_000
	for _, row := range []struct{ n, k, choices int }{{2, 2, 2}, {3, 3, 6}, {4, 2, 12}, {5, 1, 5}} {
		counts := make(map[string]int)
		for range draws {
			counts[fmt.Sprint(shuffle(row.n, row.k, nil))]++
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
