package pool

import (
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// Status says what a choice answers with.
type Status uint8

// The statuses of a choice.
const (
	Up       Status = iota // endpoints that are up
	FailOpen               // no endpoint is up: the endpoints that would be answered if all were up
	Down                   // no endpoint is up, and none is answered
	Drained                // there are only drained endpoints, and none is answered
	Empty                  // there are no endpoints: the names that had them have none
	Unknown                // no endpoint is known yet: names have not been resolved
)

// String says a status in a word or two.
func (s Status) String() string {
	return [...]string{"up", "all down, answered as if up", "all down", "all drained", "none", "none known yet"}[s]
}

// A Choice holds the endpoints that a group answers with while no verdict changes. It never changes
// itself.
type Choice struct {
	group     *Group
	endpoints []uint16     // the candidates, in the order of the Corefile
	weights   *weights     // nil if all candidates are equal
	sites     []siteChoice // of the order Nearest
	answers   int          // endpoints that an answer has at most
	tier      int
	status    Status
}

// A siteChoice holds the candidates at one place.
type siteChoice struct {
	*site
	endpoints []uint16
	weights   *weights
}

// Status returns what c answers with.
func (c *Choice) Status() Status { return c.status }

// HasEndpoints reports whether c has endpoints to answer with, be they up or not: some are known,
// and not all of them drained.
func (s Status) HasEndpoints() bool { return s < Drained }

// Group returns the group that c belongs to.
func (c *Choice) Group() *Group { return c.group }

// Priority returns the priority of the tier that c answers from.
func (c *Choice) Priority() int { return c.group.tiers[c.tier].priority }

// Candidates returns the endpoints that c chooses among; they may not be changed.
func (c *Choice) Candidates() []uint16 { return c.endpoints }

// Answers returns how many endpoints each answer has. Where an answer is a line, it returns the
// length of the longest line.
func (c *Choice) Answers() int { return c.answers }

// answersOf returns how many endpoints an answer among these shares has at most.
func (r *Rules) answersOf(all shares) int {
	total, longest := 0, 0
	for i := range all {
		total += len(all[i].endpoints)
		longest = max(longest, len(all[i].endpoints))
	}
	switch {
	case r.ByLine:
		return longest
	case r.Answers > 0:
		return min(total, r.Answers)
	}
	return total
}

// Allows reports whether an answer can have these endpoints: their number has to be right or, where
// an answer is a line, they have to be the candidates of one line.
func (c *Choice) Allows(endpoints []uint16) bool {
	if !c.group.rules.ByLine {
		return len(endpoints) == c.answers
	}
	if len(endpoints) == 0 {
		return false
	}
	lineOf := c.group.lineOf
	line, size := lineOf[endpoints[0]], 0
	for _, candidate := range c.endpoints {
		if lineOf[candidate] == line {
			size++
		}
	}
	isOther := func(endpoint uint16) bool { return int(endpoint) >= len(lineOf) || lineOf[endpoint] != line }
	return len(endpoints) == size && !slices.ContainsFunc(endpoints, isOther)
}

// fill makes the endpoints of lines that are up the candidates.
func (c *Choice) fill(lines []Line, up func(int) bool) {
	rules := &c.group.rules
	var all shares
	c.endpoints, all = gather(lines, rules, up)
	c.answers = rules.answersOf(all)
	if rules.hasWeights() {
		c.weights = all.weights(rules)
	}
	if rules.Order == Nearest {
		c.fillSites(all)
	}
}

// fillSites divides the candidates by place.
func (c *Choice) fillSites(all shares) {
	for i, at := range all.bySite(len(c.group.sites)) {
		if len(at) == 0 {
			continue
		}
		here := siteChoice{site: &c.group.sites[i]}
		for _, sh := range at {
			here.endpoints = append(here.endpoints, sh.endpoints...)
		}
		if c.group.rules.hasWeights() {
			here.weights = at.weights(&c.group.rules)
		}
		c.sites = append(c.sites, here)
	}
}

// A share holds the endpoints of a line that are candidates.
type share struct {
	line      *Line
	weight    uint64
	endpoints []uint16
}

type shares []share

// bySite divides s among a number of sites.
func (s shares) bySite(sites int) []shares {
	at := make([]shares, sites)
	for _, sh := range s {
		at[sh.line.site] = append(at[sh.line.site], sh)
	}
	return at
}

// round returns how many turns make the first places exact. In them each endpoint is first once or,
// where weights count, each line as often as its weight says.
func (s shares) round(weighted bool) uint64 {
	if weighted && len(s) > 1 {
		sum, divisor := s.sum()
		return sum / divisor
	}
	n := uint64(0)
	for i := range s {
		n += uint64(len(s[i].endpoints))
	}
	return max(1, n)
}

// hasWeights reports whether lines count for more than their endpoints do.
func (r *Rules) hasWeights() bool { return r.Weighted || r.ByLine }

// gather finds the candidates among the endpoints of lines. A line of weight 0 is a last resort: it
// has candidates only if no line of positive weight has any; then the lines of weight 0 count
// equally.
func gather(lines []Line, rules *Rules, up func(int) bool) ([]uint16, shares) {
	positive := rules.Weighted && slices.ContainsFunc(lines, func(l Line) bool { return l.Weight > 0 && l.alive(up) > 0 })
	total := 0
	for i := range lines {
		total += lines[i].Count
	}
	all := make([]uint16, 0, total)
	found := make(shares, 0, len(lines))
	for i := range lines {
		line := &lines[i]
		if positive && line.Weight == 0 {
			continue
		}
		start := len(all)
		if all = line.appendAlive(all, up); len(all) == start {
			continue
		}
		weight := uint64(1)
		switch {
		case positive:
			weight = uint64(line.Weight)
		case rules.ByLine && !rules.Weighted:
			weight = uint64(len(all) - start) // so that each endpoint is first equally often
		}
		found = append(found, share{line, weight, all[start:len(all):len(all)]})
	}
	return all, found
}

// Take takes the next turn of a class and appends the endpoints of that answer to dst, in order.
func (c *Choice) Take(class turn.Class, client *Client, dst []uint16) []uint16 {
	return c.answer(class, turn.Taken, client, dst)
}

// See appends what Take would, but leaves the turn to the next query.
func (c *Choice) See(class turn.Class, client *Client, dst []uint16) []uint16 {
	return c.answer(class, turn.Seen, client, dst)
}

func (c *Choice) answer(class turn.Class, step turn.Step, client *Client, dst []uint16) []uint16 {
	k := c.answers
	if k == 0 {
		return dst
	}
	switch order := c.group.rules.Order; {
	case order == Sticky:
		return c.rank(client.Network, k, dst)
	case order == Nearest && client.Located:
		return c.nearest(class, step, client.Place, k, dst)
	case order == Random && c.weights != nil:
		return c.weights.draw(k, dst)
	case order == Random:
		return toEndpoints(c.endpoints, dst, turn.Shuffle(len(c.endpoints), k, dst))
	}
	return arrange(c.group.counters.Advance(class, step), c.endpoints, c.weights, k, dst)
}

// arrange appends k of the endpoints to dst, in the order of turn seq.
func arrange(seq uint64, endpoints []uint16, weights *weights, k int, dst []uint16) []uint16 {
	if weights != nil {
		return weights.spread(seq, k, dst)
	}
	return toEndpoints(endpoints, dst, turn.Rotate(seq, len(endpoints), k, dst))
}

// toEndpoints turns the positions that were appended to dst into the endpoints at these positions.
func toEndpoints(endpoints, dst, appended []uint16) []uint16 {
	for i, position := range appended[len(dst):] {
		appended[len(dst)+i] = endpoints[position]
	}
	return appended
}
