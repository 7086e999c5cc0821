package pool

// A Steering holds an operator's decisions about endpoints at run time, beside the Corefile.
type Steering struct {
	Drained map[int]bool // endpoints that are never answered
	Weights map[int]int  // endpoints that have a weight as if they stood on a line of their own

	// Shared numbers the endpoints that share a weight: endpoints of one line with the same number
	// share theirs. An endpoint without a number has its weight for itself.
	Shared map[int]int
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
	lines = append(lines, s.moveApart(lines)...)
	steered := NewGroup(rules, lines, g.ids)
	steered.Adopt(g)
	return steered
}

// unordered returns copies of the lines of g.
func (g *Group) unordered() []Line {
	lines := make([]Line, 0, len(g.Lines()))
	for i, line := range g.Lines() {
		lines = append(lines, *line)
		lines[i].origin = i
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

// moveApart makes lines obey the steering. It returns lines for the endpoints that get one of their
// own, or one with those that they share a weight with.
func (s *Steering) moveApart(lines []Line) []Line {
	m := mover{Steering: s, shared: make(map[sharers]int)}
	for i := range lines {
		line := &lines[i]
		for endpoint := line.First; endpoint < line.First+line.Count; endpoint++ {
			m.steer(line, endpoint)
		}
	}
	return m.apart
}

// A mover makes lines obey a steering.
type mover struct {
	*Steering
	apart  []Line
	shared map[sharers]int // lines of endpoints that share a weight, by their place in apart
}

// sharers are endpoints that share a weight.
type sharers struct{ origin, number int }

// steer makes an endpoint of a line obey the steering.
func (m *mover) steer(line *Line, endpoint int) {
	weight, isApart := m.Weights[endpoint]
	number, isShared := m.Shared[endpoint]
	isDrained := m.Drained[endpoint]
	switch {
	case isApart && isShared && !line.Drain:
		line.setFate(endpoint, moved)
		m.share(line, endpoint, sharers{line.origin, number}, weight)
	case isDrained:
		line.setFate(endpoint, drained)
	case isApart && !line.Drain:
		line.setFate(endpoint, moved)
		m.apart = append(m.apart, line.part(endpoint, weight))
	}
}

// share moves an endpoint of a line to the line of those that it shares a weight with. Endpoints
// between them that do not share it are left out there.
func (m *mover) share(line *Line, endpoint int, with sharers, weight int) {
	at, ok := m.shared[with]
	if !ok {
		at = len(m.apart)
		m.shared[with] = at
		m.apart = append(m.apart, line.part(endpoint, weight))
	}
	apart := &m.apart[at]
	for between := apart.First + apart.Count; between < endpoint; between++ {
		apart.Count++
		apart.setFate(between, moved)
	}
	apart.Count = endpoint - apart.First + 1
	if m.Drained[endpoint] {
		apart.setFate(endpoint, drained)
	}
}

// part returns a line of one endpoint of l with a weight of its own.
func (l *Line) part(endpoint, weight int) Line {
	one := *l
	one.First, one.Count, one.Weight, one.fates = endpoint, 1, weight, nil
	return one
}

// setFate says what a steering did to an endpoint of the line.
func (l *Line) setFate(endpoint int, is fate) {
	if more := l.Count - len(l.fates); more > 0 {
		l.fates = append(l.fates, make([]fate, more)...)
	}
	l.fates[endpoint-l.First] = is
}

// fateOf returns what a steering did to endpoint i of the line. A line may have grown since.
func (l *Line) fateOf(i int) fate {
	if i >= len(l.fates) {
		return stays
	}
	return l.fates[i]
}

// answers reports whether endpoint i of the line may be answered with it, be it up or not.
func (l *Line) answers(i int) bool { return !l.Drain && l.fateOf(i) == stays }

// isMoved reports whether endpoint i of the line stands on a line of its own.
func (l *Line) isMoved(i int) bool { return l.fateOf(i) == moved }

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
