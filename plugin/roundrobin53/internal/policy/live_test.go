package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// liveSet returns a live set of addresses, each of which is up while its target is.
func liveSet(addresses string, targets ...int) *Set {
	var all []netip.Addr
	var conditions []*Condition
	for i, target := range targets {
		all = append(all, netip.AddrFrom4([4]byte{192, 0, 2, addresses[i]}))
		conditions = append(conditions, &Condition{Target: target})
	}
	p := pool.None(pool.RoundRobin, 4)
	if len(all) > 0 {
		p = pool.New(all, pool.RoundRobin, 0)
	}
	s := NewSet(p, 60)
	group := pool.NewGroup(pool.Rules{MinUp: 1}, []pool.Line{{Count: len(all), Weight: 1, Priority: 1, Unknown: len(all) == 0}}, nil)
	s.SetChoosing(Choosing{Name: "app.example.org.", Groups: []*Group{NewGroup(group, ForAll, ForAll, conditions)}})
	s.CountPicks()
	s.MakeLive()
	return &s
}

// values returns the values that a set answers with, by the last octet of their addresses.
func values(home *Set, b *Board) string {
	s := home.On(b)
	a := s.Take(b, turn.Datagram, new(Who), nil)
	var octets []byte
	for _, value := range a.Order {
		octets = append(octets, s.Address(int(value))[3])
	}
	slices.Sort(octets)
	return string(octets)
}

// TestReplace guards a query under way while values change: a board it loaded has the values and the
// verdicts of one moment, to the end.
func TestReplace(t *testing.T) {
	first, second, written := liveSet(""), liveSet("ab", 0, 1), twoValues(1)
	v := NewVerdicts([]*Set{first, written, second}, 2, time.Now())
	if !first.IsLive() || written.IsLive() || written.On(v.Board()) != written {
		t.Fatal("a written set is live, or a live one is not")
	}
	begun := 0
	v.Serve(func(b, _ []*Set) { begun += len(b) })
	if a := first.On(v.Board()).Take(v.Board(), turn.Datagram, new(Who), nil); !a.IsUnknown() {
		t.Errorf("a name that was never resolved: %v", a.Choice.Status())
	}
	before := v.Board()
	v.Replace([]Replacement{{second, liveSet("bc", 1, 2)}, {first, liveSet("cd", 2, 4)}}, []Verdict{{Target: 2, Up: true}, {Target: 4}}, time.Now())
	after := v.Board()
	if got := values(first, after) + " " + values(second, after); got != "c bc" {
		t.Errorf("values %q, want c, since d is down, and bc", got)
	}
	if got := values(first, before) + " " + values(second, before); got != " ab" {
		t.Errorf("the board before has the values %q, want none and ab", got)
	}
	v.Update([]Verdict{{Target: 0}, {Target: 2}}, time.Now())
	if got := values(first, v.Board()) + " " + values(second, v.Board()); got != "cd b" || begun != 1 {
		t.Errorf("c is down: values %q and %d sets fail open, want cd, b and one", got, begun)
	}
	if got := v.affected; !slices.Equal(got[0], []int{1}) || !slices.Equal(got[1], []int{1, 2}) || !slices.Equal(got[2], []int{0, 2}) || got[3] != nil || !slices.Equal(got[4], []int{0}) {
		t.Errorf("groups by target: %v", got)
	}
}

// TestReplaceKeepsTurns guards the rotation and the counts of values over a change of others.
func TestReplaceKeepsTurns(t *testing.T) {
	home := liveSet("ab", 0, 1)
	v := NewVerdicts([]*Set{home}, 2, time.Now())
	b := v.Board()
	for range 10 {
		a := home.On(b).Take(b, turn.Datagram, new(Who), nil)
		home.On(b).Count(&a)
	}
	counters := home.Groups()[0].Counters()
	v.Replace([]Replacement{{home, liveSet("bc", 1, 2)}}, []Verdict{{Target: 2, Up: true}}, time.Now())
	now := home.On(v.Board())
	if now.Groups()[0].Counters() != counters || now.Picks()[0].Load() != 5 || now.Picks()[1].Load() != 0 {
		t.Errorf("picks %d and %d, want 5 and 0, and the same rotation", now.Picks()[0].Load(), now.Picks()[1].Load())
	}
}

// TestSetTTL guards the TTL of answers that passes: it changes nothing else.
func TestSetTTL(t *testing.T) {
	a, b := liveSet("a", 0), liveSet("b", 1)
	v := NewVerdicts([]*Set{a, b}, 2, time.Now())
	before := v.Board()
	v.SetTTL([]*Set{a, b}, []uint32{60, 60})
	if v.Board() != before {
		t.Error("the same TTLs make another board")
	}
	v.SetTTL([]*Set{a, b}, []uint32{60, 7})
	if a.On(v.Board()).TTL != 60 || b.On(v.Board()).TTL != 7 || b.On(before).TTL != 60 || values(b, v.Board()) != "b" {
		t.Errorf("TTLs %d and %d", a.On(v.Board()).TTL, b.On(v.Board()).TTL)
	}
}

// TestAdoptLive guards a reload: the present sets go on, not those of the start.
func TestAdoptLive(t *testing.T) {
	old, home := liveSet(""), liveSet("")
	before, v := NewVerdicts([]*Set{old}, 0, time.Now()), NewVerdicts([]*Set{home}, 0, time.Now())
	before.Replace([]Replacement{{old, liveSet("ab", 0, 1)}}, []Verdict{{0, true}, {1, true}}, time.Now())
	v.Replace([]Replacement{{home, liveSet("bc", 0, 1)}}, []Verdict{{0, true}, {1, true}}, time.Now())
	v.Adopt(home, before, old)
	if home.On(v.Board()).Groups()[0].Counters() != old.On(before.Board()).Groups()[0].Counters() {
		t.Error("a reload begins another rotation")
	}
}
