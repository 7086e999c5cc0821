package pool

import "time"

// TierState tells of one tier of a group, for reports.
type TierState struct {
	Priority int
	Size     int  // endpoints, drained ones too: they count against a quorum
	Up       int  // endpoints that are up and not drained
	Fit      bool // it can be used

	// Since is when the tier became fit, and the group chose anew. It is the zero time if the tier
	// is not fit.
	Since time.Time
}

// Lines returns the lines of g, tier by tier. They must not be changed.
func (g *Group) Lines() []*Line {
	var lines []*Line
	for i := range g.tiers {
		for j := range g.tiers[i].lines {
			lines = append(lines, &g.tiers[i].lines[j])
		}
	}
	return lines
}

// TierStates tells of the tiers of g, given the verdicts of its endpoints and the state of its
// tiers.
func (g *Group) TierStates(up func(endpoint int) bool, failover *Failover) []TierState {
	states := make([]TierState, len(g.tiers))
	for i := range g.tiers {
		t := &g.tiers[i]
		states[i] = TierState{Priority: t.priority, Size: t.size, Up: t.alive(up)}
		states[i].Fit = g.isFit(i, states[i].Up)
		if i < len(failover.since) {
			states[i].Since = failover.since[i]
		}
	}
	return states
}
