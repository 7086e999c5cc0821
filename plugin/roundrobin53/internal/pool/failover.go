package pool

import (
	"cmp"
	"slices"
	"time"
)

// A Failover knows which of a group's tiers is in use, and for how long better tiers have been fit.
// The zero value has no past: it uses the best fit tier at once. It is not safe for concurrent use.
type Failover struct {
	started bool
	inUse   int
	since   []time.Time // by tier: when it became fit; the zero time if it is not fit
	open    []bool      // by tier: it lacked nothing but endpoints that were not known yet
}

// move chooses the tier to use now: the first fit one that has been fit long enough, or the one in
// use if that is still fit. If none is fit, it chooses the tier with most endpoints up, the first
// among equals. Again is when a wait ends, the zero time if there is none.
func (f *Failover) move(g *Group, alive []int, now time.Time) (inUse int, again time.Time) {
	if f.since == nil {
		f.since, f.open = make([]time.Time, len(alive)), make([]bool, len(alive))
	}
	most, firstFit := 0, -1
	for i, n := range alive {
		if n > alive[most] {
			most = i
		}
		switch {
		case !g.isFit(i, n):
			f.since[i], f.open[i] = time.Time{}, g.tiers[i].isOpen(n)
			continue
		case f.since[i].IsZero() && f.open[i]: // it was never unfit for another reason, and waits for nothing
			f.since[i] = now.Add(-g.rules.Failback)
		case f.since[i].IsZero():
			f.since[i] = now
		}
		f.open[i] = false
		if firstFit < 0 {
			firstFit = i
		}
	}
	switch {
	case firstFit < 0:
		f.use(most)
	case !f.started, f.inUse < firstFit, f.since[f.inUse].IsZero(): // nothing to wait for
		f.use(firstFit)
	default:
		again = f.wait(g.rules.Failback, now)
	}
	return f.inUse, again
}

// wait moves to the first tier that is better than the one in use and has been fit for failback.
// Otherwise it returns when the next such tier will have been.
func (f *Failover) wait(failback time.Duration, now time.Time) (again time.Time) {
	for i := range f.inUse {
		if f.since[i].IsZero() {
			continue
		}
		end := f.since[i].Add(failback)
		if !end.After(now) {
			f.use(i)
			return again
		}
		if again.IsZero() || end.Before(again) {
			again = end
		}
	}
	return again
}

func (f *Failover) use(tier int) { f.inUse, f.started = tier, true }

// isOpen reports whether the tier lacks nothing but endpoints that are not known yet. Alive is how
// many of its endpoints are up.
func (t *tier) isOpen(alive int) bool {
	known, unknown := 0, false
	for i := range t.lines {
		switch l := &t.lines[i]; {
		case l.Drain:
		case !l.Unknown && l.Count == 0:
			return false // its names have gone
		default:
			known += l.answerable()
			unknown = unknown || l.Unknown
		}
	}
	return unknown && alive == known
}

// Adopt makes f go on where old was. Tiers are matched by priority in the two groups; f begins anew
// if the tier in use is gone.
func (f *Failover) Adopt(g *Group, old *Failover, before *Group) {
	*f = Failover{}
	if !old.started {
		return
	}
	since, open := make([]time.Time, len(g.tiers)), make([]bool, len(g.tiers))
	for i := range g.tiers {
		j := before.tier(g.tiers[i].priority)
		if j < 0 {
			continue
		}
		since[i], open[i] = old.since[j], old.open[j]
		if j == old.inUse {
			f.use(i)
		}
	}
	if f.started {
		f.since, f.open = since, open
	}
}

// tier returns the position of the tier with a priority, -1 if there is none.
func (g *Group) tier(priority int) int {
	i, ok := slices.BinarySearchFunc(g.tiers, priority, func(t tier, priority int) int { return cmp.Compare(t.priority, priority) })
	if !ok {
		return -1
	}
	return i
}
