package store

import (
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// A Name is a value that is a name.
type Name struct {
	lookup.Question
	Source string // FILE:LINE of its line
}

// Names returns the values of a set of the store that are names, in the order of its lines.
func (s *Store) Names(home *policy.Set) []Name {
	l := s.live.byHome[home]
	if l == nil {
		return nil
	}
	var names []Name
	for i := range l.rrset.Lines {
		for _, name := range l.rrset.Lines[i].Names {
			names = append(names, Name{l.question(name), s.sources.text(l.sources[i])})
		}
	}
	return names
}

// question returns the question that is looked up for a name among the values.
func (l *liveRRset) question(name string) lookup.Question {
	return lookup.Question{Name: name, Type: l.rrset.Type, Resolver: l.resolver}
}
