package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// A Line holds the endpoints of one line of the Corefile, and what the line says of all of them.
type Line struct {
	First, Count int  // the endpoints: Count of them, from First on
	Unknown      bool // not all endpoints of the line are known yet

	Weight   int // share of the answers that begin with one of the endpoints
	Priority int // of their tier; 1 is first
	Drain    bool
	Place    Point // set where the order is Nearest

	site   int    // of the group, where the order is Nearest
	fates  []fate // what a steering did to each endpoint; nil if it did nothing
	origin int    // while a group is steered: the line that the endpoints stood on before
}

// Rules say how a group chooses among its endpoints.
type Rules struct {
	Order    Order
	Answers  int           // how many endpoints an answer has; 0 means all
	ByLine   bool          // an answer has all endpoints of the line that is first, whatever Answers is
	Weighted bool          // weights count; without, all endpoints are equal
	MinUp    int           // how many endpoints have to be up for a tier to be fit, or all of a smaller tier
	Failback time.Duration // how long a better tier has to be fit before it is used again
	NoneDown bool          // answer nothing if no endpoint is up, instead of failing open
}

// A Group holds the endpoints that one route selects, with a rotation of their own. It never
// changes, except for its counters.
type Group struct {
	rules    Rules
	tiers    []tier // by priority, best first
	counters *turn.Counters
	sites    []site   // of the order Nearest
	ids      []uint64 // of the order Sticky: a hash of each endpoint of the pool
	lineOf   []int32  // where an answer is a line: the line of each endpoint of the pool
}

// A tier holds the lines of one priority.
type tier struct {
	priority int
	size     int // endpoints, drained ones too: they count against a quorum, and so does a line without any
	lines    []Line
}

// A site is a place with endpoints, which take turns of their own.
type site struct {
	place    Point
	counters *turn.Counters
}

// NewGroup makes a group of lines. Identities, one for each endpoint of the pool, are needed for
// the order Sticky: a hash that is the same for the same endpoint in all replicas and after every
// restart.
func NewGroup(rules Rules, lines []Line, identities []uint64) *Group {
	g := &Group{rules: rules, ids: identities}
	if rules.Order == Nearest {
		g.addSites(lines)
	}
	if rules.ByLine {
		g.numberLines(lines)
	}
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.Priority, b.Priority) })
	for len(lines) > 0 {
		isOther := func(l Line) bool { return l.Priority != lines[0].Priority }
		end := slices.IndexFunc(lines, isOther)
		if end < 0 {
			end = len(lines)
		}
		t := tier{priority: lines[0].Priority, lines: lines[:end:end]}
		for i := range t.lines {
			t.size += t.lines[i].size()
		}
		g.tiers = append(g.tiers, t)
		lines = lines[end:]
	}
	g.start()
	return g
}

// numberLines notes the line of each endpoint.
func (g *Group) numberLines(lines []Line) {
	for i, line := range lines {
		if more := line.First + line.Count - len(g.lineOf); more > 0 {
			g.lineOf = append(g.lineOf, make([]int32, more)...)
		}
		for endpoint := line.First; endpoint < line.First+line.Count; endpoint++ {
			g.lineOf[endpoint] = int32(i)
		}
	}
}

// start gives g its counters. They begin with a round of the answers that g gives while all
// endpoints are up.
func (g *Group) start() {
	_, all := gather(g.tiers[max(0, g.firstAnswerable())].lines, &g.rules, func(int) bool { return true })
	g.counters = turn.NewCounters(all.round(g.rules.Weighted))
	if g.rules.Order == Nearest {
		for i, at := range all.bySite(len(g.sites)) {
			g.sites[i].counters = turn.NewCounters(at.round(g.rules.Weighted))
		}
	}
}

// addSites makes the sites of lines.
func (g *Group) addSites(lines []Line) {
	known := make(map[Point]int)
	for i := range lines {
		place := lines[i].Place
		n, ok := known[place]
		if !ok {
			n = len(g.sites)
			known[place] = n
			g.sites = append(g.sites, site{place: place})
		}
		lines[i].site = n
	}
}

// Rules returns the rules by which g chooses.
func (g *Group) Rules() Rules { return g.rules }

// Endpoints returns all endpoints of g, whatever their state.
func (g *Group) Endpoints() []int {
	return g.endpointsOf(func(l *Line, i int) bool { return !l.isMoved(i) })
}

// Undrained returns the endpoints of g that can be answered, whatever their health.
func (g *Group) Undrained() []int {
	return g.endpointsOf((*Line).answers)
}

func (g *Group) endpointsOf(include func(l *Line, i int) bool) []int {
	var endpoints []int
	for i := range g.tiers {
		for j := range g.tiers[i].lines {
			line := &g.tiers[i].lines[j]
			for k := range line.Count {
				if include(line, k) {
					endpoints = append(endpoints, line.First+k)
				}
			}
		}
	}
	return endpoints
}

// Adopt makes g go on where a group of the previous configuration is: from then on the two count
// together. It may be called only before g is used.
func (g *Group) Adopt(old *Group) {
	g.counters = old.counters
	before := make(map[Point]*turn.Counters, len(old.sites))
	for _, s := range old.sites {
		before[s.place] = s.counters
	}
	for i := range g.sites {
		if counters := before[g.sites[i].place]; counters != nil {
			g.sites[i].counters = counters
		}
	}
}

// Counters returns the counters of g's rotation, without those of sites.
func (g *Group) Counters() *turn.Counters { return g.counters }

// AdoptCounters makes g go on where a Pool is, as Adopt does, unless c is nil because the Pool has
// no counters.
func (g *Group) AdoptCounters(c *turn.Counters) {
	if c != nil {
		g.counters = c
	}
}

// Choose makes what g answers, given the verdicts of its endpoints. Failover holds the state of g's
// tiers; it is moved on to now. Again is when to choose anew even if no verdict changes, the zero
// time for never.
func (g *Group) Choose(up func(endpoint int) bool, failover *Failover, now time.Time) (choice *Choice, again time.Time) {
	alive := make([]int, len(g.tiers)) // endpoints that are up, drained ones left out
	for i := range g.tiers {
		alive[i] = g.tiers[i].alive(up)
	}
	t, again := failover.move(g, alive, now)
	choice = &Choice{group: g, tier: t, status: Up}
	if alive[t] == 0 {
		// Fail open: answer as if all of the first tier were up. A tier that is drained as a whole,
		// or has no endpoints, has nothing to answer.
		if t = g.firstAnswerable(); t < 0 {
			choice.status = g.lack()
			return choice, again
		}
		choice.tier, choice.status = t, FailOpen
		if g.rules.NoneDown {
			choice.status = Down
			return choice, again
		}
		up = func(int) bool { return true }
	}
	choice.fill(g.tiers[t].lines, up)
	return choice, again
}

func (t *tier) alive(up func(int) bool) int {
	n := 0
	for i := range t.lines {
		n += t.lines[i].alive(up)
	}
	return n
}

// alive returns how many endpoints of l are up, 0 if the line is drained.
func (l *Line) alive(up func(int) bool) int {
	n := 0
	for i := range l.Count {
		if l.answers(i) && up(l.First+i) {
			n++
		}
	}
	return n
}

func (l *Line) appendAlive(endpoints []uint16, up func(int) bool) []uint16 {
	for i := range l.Count {
		if l.answers(i) && up(l.First+i) {
			endpoints = append(endpoints, uint16(l.First+i))
		}
	}
	return endpoints
}

// firstAnswerable returns the first tier with endpoints that are not drained, -1 if there is none.
func (g *Group) firstAnswerable() int {
	isAnswerable := func(l Line) bool { return l.answerable() > 0 }
	return slices.IndexFunc(g.tiers, func(t tier) bool { return slices.ContainsFunc(t.lines, isAnswerable) })
}

// lack says why g has no endpoints to answer with.
func (g *Group) lack() Status {
	why := Drained
	for i := range g.tiers {
		for j := range g.tiers[i].lines {
			switch line := &g.tiers[i].lines[j]; {
			case line.Drain, line.Count > 0:
			case line.Unknown:
				return Unknown
			default:
				why = Empty
			}
		}
	}
	return why
}

// isFit reports whether a tier can be used while the given number of its endpoints is up.
func (g *Group) isFit(tier, alive int) bool {
	return alive >= max(1, min(g.rules.MinUp, g.tiers[tier].size))
}
