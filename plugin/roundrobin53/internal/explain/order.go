package explain

import (
	"fmt"
	"strings"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// order removes the values whose weight keeps them back, and says how the rest is arranged.
func (st *stager) order(rules *pool.Rules) Stage {
	candidates := make(map[int]bool)
	for _, value := range st.report.Choice.Candidates() {
		candidates[int(value)] = true
	}
	s := st.stage("order", func(value int) string {
		switch {
		case candidates[value]:
			return ""
		case st.report.Choice.Status() == pool.Down:
			return "down"
		}
		return "weight 0, while others are up"
	})
	s.Note = "order " + rules.Order.String()
	if rules.Weighted {
		s.Note += ", weights " + st.weights()
	}
	s.Detail = strings.Join(append(st.decidedWeights(), st.next(rules.Order)), "; ")
	return s
}

// decidedWeights says which weights are not those of the Corefile.
func (st *stager) decidedWeights() []string {
	var texts []string
	for _, value := range st.left {
		if steer := st.set.SteerOf(st.report.Steers, value); steer != nil && steer.Weight != nil {
			texts = append(texts, fmt.Sprintf("%s has weight %d at %s", st.set.Value(value), steer.Weight.Weight, steer.Weight.Source))
		}
	}
	return texts
}

// mostWeights limits the weights that are written out.
const mostWeights = 8

// weights returns the weights of the lines that are left.
func (st *stager) weights() string {
	var texts []string
	var before *pool.Line
	for _, value := range st.left {
		line := st.report.Values[value].Line
		if line == before {
			continue
		}
		if before = line; len(texts) == mostWeights {
			return strings.Join(texts, ":") + " …"
		}
		texts = append(texts, fmt.Sprint(line.Weight))
	}
	return strings.Join(texts, ":")
}

// plainOrder says how values are arranged where turns alone decide.
func (st *stager) plainOrder() Stage {
	s := st.stage("order", nil)
	s.Note = "order " + st.set.Order().String()
	s.Detail = strings.Join(append(st.decidedWeights(), st.next(st.set.Order())), "; ")
	return s
}

// next says which value is first, and by which rule.
func (st *stager) next(order pool.Order) string {
	switch {
	case len(st.report.Order) == 0:
		return ""
	case order == pool.Random:
		return "a draw for each answer"
	case order == pool.Sticky:
		return "the client's: " + st.Answer[0]
	case order == pool.Nearest && st.q.Who(policy.NeedsPoint).Located:
		return "nearest: " + st.Answer[0]
	case order == pool.Nearest:
		return "the client's place is not known; next first: " + st.Answer[0]
	}
	return "next first: " + st.Answer[0]
}

// limit removes what the answer has no room for.
func (st *stager) limit(isLimited, byLine bool) Stage {
	s := Stage{Stage: "limit", In: len(st.left), Out: len(st.report.Order), Removed: []Removed{}, Note: "all"}
	switch {
	case byLine:
		s.Note = "the values of one line"
	case isLimited:
		s.Note = fmt.Sprint(s.Out)
	}
	return s
}
