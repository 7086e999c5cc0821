package policy

import (
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// A live set changes its values while it is served, because they are looked up. The set of the
// store, its home, stands for it from first to last. The set that holds the present values lies on
// the board, where a query finds it beside the choices of its groups. So a change of values makes a
// new set and a new board, and whoever has a board has values and choices of one moment.
//
// All sets that a home has had have the same groups, with the same numbers: a change of values
// changes neither lines nor routes.

// MakeLive makes the values of the set replaceable. It may be called only before the set is used,
// and only for sets that choose.
func (s *Set) MakeLive() { s.more.isLive = true }

// IsLive reports whether the values of the set can change.
func (s *Set) IsLive() bool { return s.more != nil && s.more.isLive }

// HasUnknown reports whether names among the values have not been resolved yet.
func (s *Set) HasUnknown() bool {
	return slices.ContainsFunc(s.Groups(), func(g *Group) bool {
		return slices.ContainsFunc(g.Lines(), func(l *pool.Line) bool { return l.Unknown })
	})
}

// On returns the set as it is on a board: of a live set the one with the values of that moment, and
// otherwise the set itself.
func (s *Set) On(b *Board) *Set {
	if s.more == nil || !s.more.isLive {
		return s
	}
	return b.live.at(s.more.number)
}

// A Replacement gives a live set other values.
type Replacement struct {
	Home, Set *Set
}

// Replace gives live sets other values, all at once. Rotations, waits and the counts of values that
// stay go on. Up holds the verdicts of the targets that come with the new values.
func (v *Verdicts) Replace(replacements []Replacement, up []Verdict, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, verdict := range up {
		v.setLocked(verdict)
	}
	board := v.board.Load()
	var groups []int
	slices.SortFunc(replacements, func(a, b Replacement) int { return a.Home.more.number - b.Home.more.number })
	sets, numbers := make([]*Set, len(replacements)), make([]int, len(replacements))
	for i, r := range replacements {
		old := r.Home.On(board)
		v.succeedLocked(r.Set, old)
		sets[i], numbers[i] = r.Set, r.Home.more.number
		for _, g := range r.Set.Groups() {
			groups = append(groups, g.number)
		}
	}
	slices.Sort(groups)
	v.chooseLocked(groups, board.live.with(numbers, sets), now)
}

// setLocked takes the verdict of a target, which may be a new one.
func (v *Verdicts) setLocked(verdict Verdict) {
	if more := verdict.Target + 1 - len(v.up); more > 0 {
		v.up = append(v.up, slices.Repeat([]bool{true}, more)...)
		v.affected = append(v.affected, make([][]int, more)...)
	}
	v.up[verdict.Target] = verdict.Up
}

// succeedLocked makes a set go on where the set with the values before it is.
func (v *Verdicts) succeedLocked(s, old *Set) {
	s.more.isLive, s.more.number = true, old.more.number
	s.adoptPicks(old)
	for i, g := range s.Groups() {
		before := old.Groups()[i]
		g.set, g.number = before.set, before.number
		if len(before.Endpoints()) > 0 { // else its turns begin with the first values
			g.Adopt(before.Group)
		}
		v.unlinkLocked(before)
		v.linkLocked(g)
		v.groups[g.number] = g
		v.steerLocked(s, g)
	}
}

// linkLocked notes which targets a group depends on.
func (v *Verdicts) linkLocked(g *Group) {
	for _, target := range g.targets() {
		list := v.affected[target]
		if at, found := slices.BinarySearch(list, g.number); !found {
			v.affected[target] = slices.Insert(list, at, g.number)
		}
	}
}

// unlinkLocked takes back what linkLocked noted.
func (v *Verdicts) unlinkLocked(g *Group) {
	for _, target := range g.targets() {
		list := v.affected[target]
		if at, found := slices.BinarySearch(list, g.number); found {
			v.affected[target] = slices.Delete(list, at, at+1)
		}
	}
}

// SetTTL makes live sets have another TTL from now on, and changes nothing else.
func (v *Verdicts) SetTTL(homes []*Set, ttls []uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	board := v.board.Load()
	numbers, sets := make([]int, 0, len(homes)), make([]*Set, 0, len(homes))
	for i, home := range homes { // as they were added, so that their numbers rise
		if now := home.On(board); now.TTL != ttls[i] {
			changed := *now
			changed.TTL = ttls[i]
			numbers, sets = append(numbers, home.more.number), append(sets, &changed)
		}
	}
	if len(numbers) > 0 {
		v.board.Store(&Board{choices: board.choices, live: board.live.with(numbers, sets), plain: board.plain})
	}
}
