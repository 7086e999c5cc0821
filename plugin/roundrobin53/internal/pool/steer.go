package pool

// A Steering is what an operator decides of endpoints at run time, beside the Corefile.
type Steering struct {
	Drained map[int]bool // endpoints that are never answered
	Weights map[int]int  // endpoints that have a weight as if they stood on a line of their own
}

// fate says what a steering did to an endpoint of a line.
type fate uint8

const (
	stays   fate = iota
	drained      // it is never answered, and counts against a quorum
	moved        // it stands on a line of its own
)

// Steered returns a group that obeys a steering, and goes on where g is: the two count together.
func (g *Group) Steered(s *Steering) *Group {
	rules := g.rules
	lines := g.unordered()
	if len(s.Weights) > 0 && !rules.Weighted {
		lines = evenly(lines, rules.ByLine)
		rules.Weighted = true
	}
	for i := range lines { // to their end of before
		lines = append(lines, lines[i].steer(s)...)
	}
	steered := NewGroup(rules, lines, g.ids)
	steered.Adopt(g)
	return steered
}

// unordered returns copies of the lines of g.
func (g *Group) unordered() []Line {
	lines := make([]Line, 0, len(g.Lines()))
	for _, line := range g.Lines() {
		lines = append(lines, *line)
	}
	return lines
}

// evenly gives lines weights by which each endpoint is first equally often. Where an answer is a
// line they stay lines, and otherwise each endpoint gets a line.
func evenly(lines []Line, byLine bool) []Line {
	var even []Line
	for _, line := range lines {
		if byLine || line.Count == 0 {
			line.Weight = line.Count
			even = append(even, line)
			continue
		}
		for i := range line.Count {
			one := line
			one.First, one.Count, one.Weight = line.First+i, 1, 1
			even = append(even, one)
		}
	}
	return even
}

// steer makes the line obey a steering. It returns lines for the endpoints that get one of their
// own.
func (l *Line) steer(s *Steering) (apart []Line) {
	for i := range l.Count {
		weight, isApart := s.Weights[l.First+i]
		is := stays
		switch {
		case s.Drained[l.First+i]:
			is = drained
		case isApart && !l.Drain:
			is = moved
			one := *l
			one.First, one.Count, one.Weight, one.fates = l.First+i, 1, weight, nil
			apart = append(apart, one)
		}
		if is != stays && l.fates == nil {
			l.fates = make([]fate, l.Count)
		}
		if is != stays {
			l.fates[i] = is
		}
	}
	return apart
}

// answers reports whether endpoint i of the line may be answered with it, be it up or not.
func (l *Line) answers(i int) bool { return !l.Drain && (l.fates == nil || l.fates[i] == stays) }

// isMoved reports whether endpoint i of the line stands on a line of its own.
func (l *Line) isMoved(i int) bool { return l.fates != nil && l.fates[i] == moved }

// answerable returns how many endpoints of the line may be answered with it, be they up or not.
func (l *Line) answerable() int { return l.alive(func(int) bool { return true }) }

// size returns how many endpoints the line has for a quorum. A line whose names have no addresses
// counts as one.
func (l *Line) size() int {
	if l.Count == 0 {
		return 1
	}
	n := l.Count
	for i := range l.Count {
		if l.isMoved(i) {
			n--
		}
	}
	return n
}
