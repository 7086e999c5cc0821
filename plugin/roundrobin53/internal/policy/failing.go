package policy

import "github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"

// failing knows which sets fail open, and reports the beginning and the end of that once for each
// set. The lock of Verdicts guards it.
type failing struct {
	now      map[*Set]bool
	previous map[*Set]previousSet
	tell     func(begun, ended []*Set) // nil before Serve: nothing is told
}

// A previousSet is the set of the previous configuration that a set goes on from.
type previousSet struct {
	verdicts *Verdicts
	set      *Set
}

func newFailing() failing {
	return failing{now: make(map[*Set]bool), previous: make(map[*Set]previousSet)}
}

// Serve begins to report which sets fail open. What the previous configuration has reported is not
// reported again.
func (v *Verdicts) Serve(tell func(begun, ended []*Set)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := &v.failing
	if f.tell != nil {
		return
	}
	f.tell = tell
	for s, p := range f.previous {
		if p.verdicts.hasTold(p.set) {
			f.now[s] = true
		}
	}
	f.previous = nil
	v.reviewLocked(upTo(len(v.groups)))
}

// hasTold reports whether tell was called for a set that fails open still.
func (v *Verdicts) hasTold(s *Set) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failing.now[s]
}

// reviewLocked reports what changed for the sets of groups, whose numbers rise.
func (v *Verdicts) reviewLocked(groups []int) {
	f := &v.failing
	if f.tell == nil {
		return
	}
	var begun, ended []*Set
	var last *Set
	for _, number := range groups {
		s := v.groups[number].set
		if s == last || s.more.isTwin {
			continue
		}
		last = s
		switch is := s.failsOpen(v.board.Load()); {
		case is == f.now[s]:
		case is:
			f.now[s] = true
			begun = append(begun, s)
		default:
			delete(f.now, s)
			ended = append(ended, s)
		}
	}
	f.tell(begun, ended)
}

// failsOpen reports whether clients get values of the set that are down. No client does while
// values without network and place are up: they answer clients that find no other value.
func (s *Set) failsOpen(b *Board) bool {
	fails := false
	for _, g := range s.Groups() { // a live set has the same groups from first to last, by number
		switch b.choice(g.number).Status() {
		case pool.FailOpen:
			fails = true
		case pool.Up:
			if g.Key == ForAll {
				return false
			}
		}
	}
	return fails
}
