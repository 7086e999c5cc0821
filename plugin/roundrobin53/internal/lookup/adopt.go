package lookup

import "time"

// Adopt takes over old's sets, ages and due times of the same questions. If a name is asked of
// other servers from now on, it keeps its addresses and is looked up at once: when an operator
// replaces a dead resolver, the resolver's last addresses must not be lost. Adopt may be called
// before Start only. Old may still be at work, and go on afterwards.
func (l *Lookups) Adopt(old *Lookups) {
	known := old.known()
	moved := l.moved(known)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, q := range l.questions {
		if s, ok := known[q]; ok {
			l.states[i] = s
		} else if s, ok := moved[q.withoutResolver()]; ok {
			l.states[i] = s
		}
	}
}

// Unasked returns the questions that have had no result.
func (l *Lookups) Unasked() []Question {
	l.mu.Lock()
	defer l.mu.Unlock()
	var unasked []Question
	for i, q := range l.questions {
		if !l.states[i].asked {
			unasked = append(unasked, q)
		}
	}
	return unasked
}

// known returns the states of the questions that had a result.
func (l *Lookups) known() map[Question]state {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := make(map[Question]state, len(l.states))
	for i, s := range l.states {
		if s.asked {
			known[l.questions[i]] = s
		}
	}
	return known
}

// moved returns the states with addresses of known questions that are looked up no longer, by
// question without its resolver. Where several resolvers were asked for one name, which of them a
// new one replaces is not known, so nothing is taken.
func (l *Lookups) moved(known map[Question]state) map[Question]state {
	moved, gone := make(map[Question]state), make(map[Question]int)
	for q, s := range known {
		if _, ok := l.index[q]; ok {
			continue
		}
		if gone[q.withoutResolver()]++; gone[q.withoutResolver()] > 1 {
			delete(moved, q.withoutResolver())
		} else if len(s.set.Addresses) > 0 {
			s.due, s.negatives, s.failures = time.Time{}, 0, 0
			moved[q.withoutResolver()] = s
		}
	}
	return moved
}

func (q Question) withoutResolver() Question { return Question{Name: q.Name, Type: q.Type} }
