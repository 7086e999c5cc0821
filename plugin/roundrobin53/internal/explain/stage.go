package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// A stager makes the stages of a report.
type stager struct {
	*explainer
	set    *policy.Set
	report *policy.Report
	source func(value int) string // FILE:LINE
	left   []int                  // the values that no stage has removed so far
}

// stages returns the stages in the order in which values pass them. Where turns alone decide, the
// first four let all values pass.
func (st *stager) stages() []Stage {
	st.left = make([]int, st.set.Values())
	for i := range st.left {
		st.left[i] = i
	}
	if !st.set.Chooses() {
		return []Stage{
			st.plainDrain(), st.stage("route", nil), st.stage("health", nil), st.stage("tier", nil),
			st.plainOrder(), st.limit(st.set.Answers() < st.set.Len(), false),
		}
	}
	drain, route := st.drain(), st.route()
	if st.report.Group == nil { // no group answers
		return []Stage{drain, route}
	}
	rules := st.report.Group.Rules()
	return []Stage{drain, route, st.health(), st.tier(), st.order(&rules), st.limit(rules.Answers > 0, rules.ByLine)}
}

// stage makes a stage that removes the values for which why returns a reason. Without why it
// removes none.
func (st *stager) stage(name string, why func(value int) string) Stage {
	s := Stage{Stage: name, In: len(st.left), Removed: []Removed{}}
	if why != nil {
		st.left = slices.DeleteFunc(st.left, func(value int) bool {
			reason := why(value)
			if reason != "" {
				s.Removed = append(s.Removed, Removed{st.set.Value(value), reason, st.source(value)})
			}
			return reason != ""
		})
	}
	s.Out = len(st.left)
	return s
}

const allDrained = "all values are drained"

// drain removes drained values.
func (st *stager) drain() Stage {
	s := st.stage("drain", func(value int) string {
		state := &st.report.Values[value]
		switch {
		case state.Line.Drain:
			return "drained at " + st.source(value)
		case state.IsDrained():
			return "drained at " + state.Steer.Drain
		}
		return ""
	})
	if s.In > 0 && s.Out == 0 {
		s.Note, s.Detail = allDrained, "nothing is answered, whatever all_down says"
	}
	return s
}

// plainDrain removes drained values from a set in which turns alone decide.
func (st *stager) plainDrain() Stage {
	s := st.stage("drain", func(value int) string {
		if steer := st.set.SteerOf(st.report.Steers, value); steer != nil && steer.Drain != "" {
			return "drained at " + steer.Drain
		}
		return ""
	})
	if s.Out == 0 {
		s.Note = allDrained
	}
	return s
}

// route removes the values that are not in the group that answers.
func (st *stager) route() Stage {
	r := st.report
	groups := make(map[int][]string) // by value: the names of its groups
	for _, g := range st.set.Groups() {
		for _, value := range g.Endpoints() {
			groups[value] = append(groups[value], g.Name)
		}
	}
	isMember := make(map[int]bool)
	if r.Group != nil {
		for _, value := range r.Group.Endpoints() {
			isMember[value] = true
		}
	}
	s := st.stage("route", func(value int) string {
		if isMember[value] {
			return ""
		}
		return "for " + strings.Join(groups[value], ", ")
	})
	switch {
	case r.Group == nil && len(r.Tried) == 0:
		s.Note, s.Detail = "no from or geo is for the client", "and no value is for all others"
	case r.Group == nil:
		s.Note = "all values for the client are drained"
	case len(st.set.Groups()) > 1:
		s.Note, s.Detail = fmt.Sprintf("%s: %d of %d", r.Group.Name, s.Out, s.In), st.outward()
	}
	return s
}

// outward says which groups of the client do not answer, and why.
func (st *stager) outward() string {
	r := st.report
	var words []string
	isBehind := false
	for _, tried := range r.Tried {
		switch {
		case r.Group != nil && tried.Group.Key == r.Group.Key:
			isBehind = true
		case tried.Status == pool.Drained:
			words = append(words, tried.Group.Name+" is drained")
		case isBehind:
			words = append(words, tried.Group.Name+", which is wider, has none up either")
		default:
			words = append(words, tried.Group.Name+" comes before, but has none up")
		}
	}
	return strings.Join(words, "; ")
}

// health removes values that are down.
func (st *stager) health() Stage {
	r := st.report
	s := st.stage("health", func(value int) string {
		if r.Values[value].Up {
			return ""
		}
		return st.whyDown(r.Values[value].Blames)
	})
	switch r.Choice.Status() {
	case pool.FailOpen:
		s.Note, s.Detail = "no value is up", "all_down all: answered as if all were"
		for value := range r.Values { // they come back
			if !r.Values[value].IsDrained() && slices.Contains(r.Group.Endpoints(), value) {
				st.left = append(st.left, value)
			}
		}
	case pool.Down:
		s.Note, s.Detail = "no value is up", "all_down none: nothing is answered"
	}
	return s
}

// whyDown says what takes a value down, and since when.
func (st *stager) whyDown(blames []policy.Blame) string {
	var since time.Time
	texts := make([]string, len(blames))
	for i, blame := range blames {
		texts[i] = "check " + blame.Check
		var known Probe
		if blame.Target != policy.NoTarget && st.q.Probe != nil {
			known = st.q.Probe(blame.Target)
		}
		switch {
		case blame.Forced != "":
			texts[i] += ", decided at " + blame.Forced
		case blame.Inverted:
			texts[i] += " passes, and is inverted"
		case known.Reason != nil:
			texts[i] += ": " + known.Reason.Error()
		}
		if known.Since.After(since) { // the last to change took the value down
			since = known.Since
		}
	}
	state := "down"
	if !since.IsZero() {
		state = "down for " + age(st.q.Now.Sub(since))
	}
	return state + ", " + strings.Join(texts, "; ")
}

// age writes a duration as people say it.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
	return max(d, 0).Round(time.Second).String()
}

// tier removes the values of all tiers but the one in use.
func (st *stager) tier() Stage {
	r := st.report
	used := r.Choice.Priority()
	s := st.stage("tier", func(value int) string {
		if priority := r.Values[value].Line.Priority; priority != used {
			return fmt.Sprintf("priority %d", priority)
		}
		return ""
	})
	rules := r.Group.Rules()
	if len(r.Tiers) < 2 && rules.MinUp < 2 {
		return s
	}
	var details []string
	for _, t := range r.Tiers {
		switch {
		case t.Priority == used && r.Choice.Status() != pool.Up:
			s.Note = fmt.Sprintf("priority %d, which is first", used)
		case t.Priority == used && t.Fit:
			s.Note = fmt.Sprintf("priority %d: %d of %d up", used, t.Up, t.Size)
		case t.Priority == used:
			s.Note = fmt.Sprintf("priority %d: %d of %d up", used, t.Up, t.Size)
			details = append(details, "no tier has enough up: the one with most")
		case t.Priority < used && t.Fit:
			details = append(details, fmt.Sprintf("priority %d is used again %s", t.Priority, st.when(r.Wait)))
		case t.Priority < used:
			details = append(details, fmt.Sprintf("priority %d has %d of %d up", t.Priority, t.Up, t.Size))
		}
	}
	if rules.MinUp > 1 {
		details = append(details, fmt.Sprintf("min_up %d", rules.MinUp))
	}
	s.Detail = strings.Join(details, "; ")
	return s
}

// when says when a wait ends.
func (st *stager) when(end time.Time) string {
	if end.IsZero() || !end.After(st.q.Now) {
		return "at once"
	}
	return "in " + age(end.Sub(st.q.Now))
}
