package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// twoValues returns a set of two values, each of which is up while its target is: the first target,
// and a second one.
func twoValues(second int) *Set {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	s := NewSet(pool.New(addresses, pool.RoundRobin, 0), 60)
	group := pool.NewGroup(pool.Rules{MinUp: 1}, []pool.Line{{Count: 2, Weight: 1, Priority: 1}}, nil)
	conditions := []*Condition{{Target: 0}, {Target: second}}
	s.SetChoosing(Choosing{Name: "app.example.org.", Groups: []*Group{NewGroup(group, ForAll, ForAll, conditions)}})
	return &s
}

// TestBoardNeverChanges guards queries that are under way: a board they loaded says the same to the
// end. A change shares with the board before all chunks but those of the groups that changed.
func TestBoardNeverChanges(t *testing.T) {
	const n = 3 * chunkSize
	sets := make([]*Set, n)
	for i := range sets {
		sets[i] = twoValues(1 + i)
	}
	v := NewVerdicts(sets, 1+n, time.Now())
	before := v.Board()
	candidates := func(b *Board) (n int) {
		for _, s := range sets {
			n += len(b.Candidates(s.Groups()[0]))
		}
		return n
	}
	v.Update([]Verdict{{Target: 1 + n/2}}, time.Now()) // of one set alone
	one := v.Board()
	v.Update([]Verdict{{Target: 0}}, time.Now()) // of all
	all := v.Board()
	if got := []int{candidates(before), candidates(one), candidates(all)}; !slices.Equal(got, []int{2 * n, 2*n - 1, n + 1}) {
		t.Errorf("values to answer: %d, want all %d, one less, and half of them with one set that has nothing up", got, 2*n)
	}
	shared := 0
	for i := range one.choices {
		if &one.choices[i][0] == &before.choices[i][0] {
			shared++
		}
	}
	if shared != len(one.choices)-1 {
		t.Errorf("%d of %d chunks are shared with the board before, want all but one", shared, len(one.choices))
	}
}

func TestCondition(t *testing.T) {
	two := Condition{Need: 2, Of: []Condition{{Target: 0}, {Target: 1}, {Target: 2, Inverted: true}}}
	none := two
	none.Inverted = true
	for _, row := range []struct {
		up   string
		want bool
	}{{"++-", true}, {"+-+", false}, {"-+-", true}, {"--+", false}, {"+++", true}} {
		up := make([]bool, len(row.up))
		for i := range up {
			up[i] = row.up[i] == '+'
		}
		if got := two.holds(up); got != row.want {
			t.Errorf("2 of a, b and not c, which are %s: %v, want %v", row.up, got, row.want)
		}
		if got := none.holds(up); got == row.want {
			t.Errorf("the opposite, %s: %v, want %v", row.up, got, !row.want)
		}
	}
	if got := two.targets([]int{1}); !slices.Equal(got, []int{1, 0, 2}) {
		t.Errorf("targets %d, want each once", got)
	}
}
