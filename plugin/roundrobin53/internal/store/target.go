package store

import (
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// A targetBook numbers the targets of live RRsets. Numbers below first belong to Store.Targets,
// whose RRsets never let go of them.
type targetBook struct {
	first   int
	numbers map[TargetKey]int
	keys    map[*config.Check]string
	targets []Target // by number, less first
	uses    []int    // how many live RRsets depend on the target
	free    []int    // numbers
}

func (t *targetBook) add(target Target) int {
	if last := len(t.free) - 1; last >= 0 {
		number := t.free[last]
		t.free = t.free[:last]
		t.targets[number-t.first] = target
		return number
	}
	t.targets, t.uses = append(t.targets, target), append(t.uses, 0)
	return t.first + len(t.targets) - 1
}

// hold notes that a live RRset depends on targets. It returns those that nothing depended on before.
func (t *targetBook) hold(numbers []int) (added []int) {
	for _, number := range numbers {
		if t.uses[number-t.first]++; t.uses[number-t.first] == 1 {
			added = append(added, number)
		}
	}
	return added
}

// drop takes back what hold noted. It returns the targets that nothing depends on any more.
func (t *targetBook) drop(numbers []int) (gone []int) {
	for _, number := range numbers {
		if t.uses[number-t.first]--; t.uses[number-t.first] == 0 {
			gone = append(gone, number)
			delete(t.numbers, t.targets[number-t.first].Key)
		}
	}
	return gone
}

// A NumberedTarget is a target with the number that Verdicts knows it by.
type NumberedTarget struct {
	Target
	Number int
	Watch  Watch // the first that the target is probed for
}

func (t *targetBook) numbered(number int) NumberedTarget {
	return NumberedTarget{Target: t.targets[number-t.first], Number: number}
}

// watchOf returns the first watch of a target.
func (l *liveRRset) watchOf(target int) Watch {
	for _, w := range l.watches {
		if w.Target == target {
			return w
		}
	}
	return Watch{}
}

// LiveTargets returns the targets that only looked-up values have at present.
func (s *Store) LiveTargets() []NumberedTarget {
	v := &s.live
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []NumberedTarget
	seen := make(map[int]bool)
	for _, l := range v.rrsets {
		for _, number := range l.targets {
			if !seen[number] {
				seen[number] = true
				t := v.targets.numbered(number)
				t.Watch = l.watchOf(number)
				all = append(all, t)
			}
		}
	}
	return all
}

// TargetKeys returns the keys of all targets by their numbers, the zero key for a number without a
// target.
func (s *Store) TargetKeys() []TargetKey {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	keys := make([]TargetKey, 0, len(s.Targets)+len(s.live.targets.targets))
	for i := range s.Targets {
		keys = append(keys, s.Targets[i].Key)
	}
	for i := range s.live.targets.targets {
		keys = append(keys, s.live.targets.targets[i].Key)
	}
	return keys
}

// TargetKey returns the key of a target by its number.
func (s *Store) TargetKey(number int) TargetKey {
	if number < len(s.Targets) {
		return s.Targets[number].Key
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	return s.live.targets.targets[number-len(s.Targets)].Key
}

// A KeyedWatch is a watch with the key of its target.
type KeyedWatch struct {
	Watch
	Key TargetKey
}

// AllWatches returns the watches of written and of looked-up values.
func (s *Store) AllWatches() []KeyedWatch {
	all := make([]KeyedWatch, 0, len(s.Watches))
	for _, w := range s.Watches {
		all = append(all, KeyedWatch{w, s.Targets[w.Target].Key})
	}
	return append(all, s.LiveWatches()...)
}

// LiveWatches returns the watches of RRsets with looked-up values, those of their written values
// included.
func (s *Store) LiveWatches() []KeyedWatch {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	var all []KeyedWatch
	for _, l := range s.live.rrsets {
		for _, w := range l.watches {
			var key TargetKey
			if first := s.live.targets.first; w.Target < first {
				key = s.Targets[w.Target].Key
			} else {
				key = s.live.targets.targets[w.Target-first].Key
			}
			all = append(all, KeyedWatch{w, key})
		}
	}
	return all
}
