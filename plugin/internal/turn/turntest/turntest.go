// Package turntest checks what every rotation promises.
package turntest

import "testing"

// slipRounds is turn.SlipRounds. The tests of package turn import this one, so it can't import that.
const slipRounds = 8

// CheckStep fails the test unless each of a number of clients that ask in turn gets all n endpoints first within as many
// slips of the round, wherever the counter stands.
func CheckStep(t *testing.T, name string, first func(seq uint64) uint16, n int, round, clients uint64) {
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
