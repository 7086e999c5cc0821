package policy

// Adopt makes the set go on where the set of the previous configuration is: its rotations, waits
// and counts of first picks. The two sets share their counters, since both answer for a moment.
// Adopt may be called only before the set answers.
func (v *Verdicts) Adopt(s *Set, before *Verdicts, old *Set) {
	home, oldHome := s, old
	s, old = s.On(v.Board()), old.On(before.Board())
	if s.Chooses() && old.Chooses() {
		v.failing.previous[home] = previousSet{before, oldHome}
	}
	switch g, oldGroup := s.groupForAll(), old.groupForAll(); {
	case !s.Chooses() && !old.Chooses():
		s.Adopt(old.Counters())
	case s.Chooses() && old.Chooses():
		v.adoptGroups(s, before, old)
	case g != nil: // the set got its first check or weight
		g.AdoptCounters(old.Counters())
	case oldGroup != nil: // the set lost its last check or weight
		s.Adopt(oldGroup.Counters())
	}
	s.adoptPicks(old)
}

// groupForAll returns the group for clients that match no network or place, nil if there is none.
func (s *Set) groupForAll() *Group {
	for _, g := range s.Groups() {
		if g.Key == ForAll {
			return g
		}
	}
	return nil
}

// adoptGroups makes each group go on where the group of the same networks and places was.
func (v *Verdicts) adoptGroups(s *Set, before *Verdicts, old *Set) {
	byKey := make(map[string]*Group, len(old.Groups()))
	for _, g := range old.Groups() {
		byKey[g.Key] = g
	}
	for _, g := range s.Groups() {
		if oldGroup := byKey[g.Key]; oldGroup != nil {
			g.Adopt(oldGroup.Group)
			v.adoptWait(g, before, oldGroup)
		}
	}
}

// adoptWait makes the failback wait of a group go on.
func (v *Verdicts) adoptWait(g *Group, before *Verdicts, old *Group) {
	before.mu.Lock()
	defer before.mu.Unlock()
	v.failovers[g.number].Adopt(g.Group, &before.failovers[old.number], old.Group)
}

// AdoptCNAMEs does for CNAMEs what Adopt does for a set.
func (v *Verdicts) AdoptCNAMEs(c *CNAMEs, before *Verdicts, old *CNAMEs) {
	for i := range c.sets {
		v.failing.previous[&c.sets[i]] = previousSet{before, &old.sets[i]}
		v.adoptGroups(&c.sets[i], before, &old.sets[i])
	}
	c.Speaker().adoptPicks(old.Speaker())
}
