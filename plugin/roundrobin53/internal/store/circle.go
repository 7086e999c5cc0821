package store

import (
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A Circle is a way from a name back to itself, along names that are looked up for each other.
type Circle struct {
	Way    []string // the names; the first one is also the last
	Source string   // FILE:LINE of the value that begins the way
}

// Circles returns the circles of names that are looked up for each other, in whichever of the
// stores they stand. No name is in two of them.
func Circles(stores []*Store) []Circle {
	var circles []Circle
	told := make(map[string]bool)
	for _, s := range stores {
		for _, name := range s.allNames() {
			way := WayBack(stores, name.Name, name.Question)
			if way == nil || slices.ContainsFunc(way, func(step string) bool { return told[step] }) {
				continue
			}
			for _, step := range way {
				told[step] = true
			}
			circles = append(circles, Circle{way, name.Source})
		}
	}
	return circles
}

// WayBack returns the names that lead from a name to the question that it is looked up for; nil if
// none does.
func WayBack(stores []*Store, name string, q lookup.Question) []string {
	return wayBack(stores, name, q, nil)
}

// wayBack is WayBack behind the names of a way that leads to the name.
func wayBack(stores []*Store, name string, q lookup.Question, way []string) []string {
	if slices.Contains(way, name) {
		return nil
	}
	way = append(way, name)
	for _, s := range stores {
		for _, next := range s.leads(name, q.Type) {
			if next.Name == q.Name {
				return append(way, next.Name)
			}
			if found := wayBack(stores, next.Name, q, way); found != nil {
				return found
			}
		}
	}
	return nil
}

// leads returns the questions that the values of a name depend on, as an answer for a type has them.
func (s *Store) leads(name string, rrtype uint16) []lookup.Question {
	found := s.Table.Lookup(name, rrtype)
	if found.Kind != record.Addresses || !s.sets[found.Addresses].IsLive() {
		return nil
	}
	l := s.live.byHome[&s.sets[found.Addresses]]
	var questions []lookup.Question
	for i := range l.rrset.Lines {
		for _, name := range l.rrset.Lines[i].Names {
			questions = append(questions, l.question(name))
		}
	}
	return questions
}

// allNames returns the values of the store that are names, each question once, as it stands first.
func (s *Store) allNames() []Name {
	names := make([]Name, 0, len(s.live.questions))
	seen := make(map[lookup.Question]bool, len(s.live.questions))
	for _, l := range s.live.rrsets {
		for _, name := range s.Names(l.home) {
			if !seen[name.Question] {
				seen[name.Question], names = true, append(names, name)
			}
		}
	}
	return names
}
