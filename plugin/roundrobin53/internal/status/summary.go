package status

import (
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// A summary counts values by state, and RRsets that need an operator.
type summary struct {
	Values, Up, Down, Drained, Unknown int
	Troubled                           []int // entries with a value down, or a group that does not answer with values that are up
	FailOpen                           int   // RRsets with a group that fails open
	NoData                             int   // RRsets with a group that answers nothing
}

// summarize counts all values of an instance. Only what chooses is looked at: everything else is up.
func (v *view) summarize() *summary {
	s := &summary{Values: v.values, Up: v.values}
	for _, i := range v.choosing {
		s.add(v, i)
	}
	for z := range v.zones {
		if v.zones[z].block.Store.Verdicts.Board().HasPlain() {
			s.addSteered(v, &v.zones[z])
		}
	}
	return s
}

// troubled returns the entries that need an operator; none without a summary.
func (s *summary) troubled() []int {
	if s == nil {
		return nil
	}
	return s.Troubled
}

// add counts the values of an entry that chooses.
func (s *summary) add(v *view, number int) {
	e := &v.entries[number]
	set, block := v.present(e), v.zones[e.zone].block
	if set.IsLive() { // only its written values are counted
		lookedUp := set.Len() - v.set(e).Len()
		s.Values, s.Up = s.Values+lookedUp, s.Up+lookedUp
	}
	down := s.Down
	s.addValues(block, set, block.Store.Verdicts.SteersOf(v.set(e)))
	failOpen, noData := troubles(block, set)
	if failOpen {
		s.FailOpen++
	}
	if noData {
		s.NoData++
	}
	if s.Down > down || failOpen || noData {
		s.Troubled = append(s.Troubled, number)
	}
}

// addSteered counts the values of a zone in which turns alone decide, but for what an operator
// decided.
func (s *summary) addSteered(v *view, z *zone) {
	board := z.block.Store.Verdicts.Board()
	for i := z.first; i < z.end; i++ {
		home := v.set(&v.entries[i])
		if home == nil {
			continue
		}
		choice := board.PlainChoice(home)
		if choice == nil {
			continue
		}
		steers := z.block.Store.Verdicts.SteersOf(home)
		for value := range home.Len() {
			if steer := home.SteerOf(steers, value); steer != nil && steer.Drain != "" {
				s.count(Drained)
			}
		}
		if choice.Status() != pool.Up {
			s.NoData++
			s.Troubled = append(s.Troubled, i)
		}
	}
}

// addValues counts the values of a set, each once.
func (s *summary) addValues(block *Block, set *policy.Set, steers policy.Steers) {
	seen := make(map[int]bool)
	for _, g := range block.Store.Verdicts.GroupsNow(set) {
		for _, line := range g.Lines() {
			for i := line.First; i < line.First+line.Count; i++ {
				if seen[i] {
					continue
				}
				seen[i] = true
				state := block.stateOf(g, line, i)
				if steer := set.SteerOf(steers, i); steer != nil && steer.Drain != "" {
					state = Drained
				}
				s.count(state)
			}
		}
	}
}

// troubles reports whether a group of a set fails open, and whether one answers nothing.
func troubles(block *Block, set *policy.Set) (failOpen, noData bool) {
	board := block.Store.Verdicts.Board()
	for _, g := range set.Groups() {
		switch board.Choice(g).Status() {
		case pool.FailOpen:
			failOpen = true
		case pool.Down, pool.Drained, pool.Empty, pool.Unknown: // the last gets SERVFAIL
			noData = true
		case pool.Up:
		}
	}
	return failOpen, noData
}

// count counts a value that was taken for up.
func (s *summary) count(state State) {
	for _, c := range []struct {
		state State
		n     *int
	}{{Down, &s.Down}, {Drained, &s.Drained}, {Unknown, &s.Unknown}} {
		if c.state == state {
			*c.n++
			s.Up--
		}
	}
}

// stateOf returns what a value of a line is.
func (b *Block) stateOf(g *policy.Group, line *pool.Line, value int) State {
	if line.Drain {
		return Drained
	}
	if condition := g.Condition(value); condition != nil {
		return b.find(condition).state()
	}
	return Up
}
