package health

import "time"

// Targets may come and go while a monitor works. It has a fixed number of places for them, so that
// nothing that a verdict is read from ever moves: a place without a check is vacant.

// changes are the targets that came and went, which the loop has yet to take in.
type changes struct {
	added, removed []int
	wake           chan struct{} // has room for one word
}

// Place adds room for more targets than there are. It may be called only before Start.
func (m *Monitor) Place(room int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.targets)
	m.grow(n + room)
	m.vacant = nil
	for place := n + room - 1; place >= 0; place-- {
		if m.targets[place].Check == nil {
			m.vacant = append(m.vacant, place)
		}
	}
}

// Room returns how many targets can be added.
func (m *Monitor) Room() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.vacant)
}

// Add begins to probe a target, at once. It returns the target's number, and false if there is no
// room.
func (m *Monitor) Add(target Target) (number int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.vacant) - 1
	if last < 0 {
		return 0, false
	}
	number = m.vacant[last]
	m.vacant = m.vacant[:last]
	m.targets[number] = target
	m.ancestor = nil
	m.version++
	if m.started {
		m.pending.added = append(m.pending.added, number)
		m.wakeUp()
	}
	return number, true
}

// Remove ends the probes of a target. Its number may be given to another one as soon as no probe is
// under way.
func (m *Monitor) Remove(number int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ancestor = nil
	m.version++
	if !m.started {
		m.vacateLocked(number)
		return
	}
	m.pending.removed = append(m.pending.removed, number)
	m.wakeUp()
}

func (m *Monitor) wakeUp() {
	select {
	case m.pending.wake <- struct{}{}:
	default: // the loop has not looked since
	}
}

// vacateLocked gives the place of a target free.
func (m *Monitor) vacateLocked(number int) {
	m.targets[number], m.states[number] = Target{}, state{}
	m.latest[number].Store(nil)
	m.publishLocked(number)
	m.vacant = append(m.vacant, number)
}

// change takes in the targets that came and went.
func (l *loop) change() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, number := range l.pending.added {
		l.probers[number] = l.newProber(l.targets[number])
		l.settled[number], l.gone[number] = true, false // the first round does not wait for what came later
		state := &l.states[number]
		state.phase, state.due = now, now
		l.schedule.Enter(now, number)
	}
	for _, number := range l.pending.removed {
		l.gone[number] = true
	}
	l.pending.added, l.pending.removed = nil, nil
}

// leaves reports whether a target is gone, which is neither scheduled nor being probed now, and
// gives its place free.
func (l *loop) leaves(number int) bool {
	if !l.gone[number] {
		return false
	}
	if l.settle(number); l.waiting == 0 {
		l.endRound(time.Now())
	}
	l.gone[number], l.probers[number] = false, nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vacateLocked(number)
	return true
}
