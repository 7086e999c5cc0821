package roundrobin53

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// keeper keeps the board of a handler: it alone knows verdicts and waits, and when one changes or ends, it chooses anew
// for the groups concerned and publishes the next board. Queries only load the board.
type keeper struct {
	board atomic.Pointer[board]

	groups     []group
	conditions []condition
	affected   [][]int // groups by target

	mu        sync.Mutex
	up        []bool          // verdicts by target
	failovers []pool.Failover // by group
	waits     map[int]time.Time
	timer     *time.Timer // until the first wait ends; nil before the start and after the end
	failing   failing
}

// newKeeper makes the keeper of a handler whose groups are complete. All targets are up before there is a result.
func newKeeper(h *Handler) *keeper {
	k := &keeper{
		groups: h.groups, conditions: h.conditions, affected: h.affectedGroups(),
		up: slices.Repeat([]bool{true}, len(h.targets)), failovers: make([]pool.Failover, len(h.groups)),
		waits: make(map[int]time.Time), failing: newFailing(h),
	}
	k.board.Store(new(board))
	return k
}

// verdict is that a target is up or down.
type verdict struct {
	target int
	up     bool
}

// set takes verdicts.
func (k *keeper) set(verdicts []verdict, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var groups []int
	for _, v := range verdicts {
		k.up[v.target] = v.up
		groups = append(groups, k.affected[v.target]...)
	}
	slices.Sort(groups)
	k.chooseLocked(slices.Compact(groups), now)
}

// setAll takes the verdicts of all targets, as isUp tells, and chooses for all groups.
func (k *keeper) setAll(isUp func(target int) bool, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.up {
		k.up[i] = isUp(i)
	}
	all := make([]int, len(k.groups))
	for i := range all {
		all[i] = i
	}
	k.chooseLocked(all, now)
}

// chooseLocked chooses anew for groups, in rising order, and publishes the board.
func (k *keeper) chooseLocked(groups []int, now time.Time) {
	choices := make([]*pool.Choice, len(groups))
	for i, number := range groups {
		g := &k.groups[number]
		isUp := func(endpoint int) bool {
			c := g.conditions[endpoint]
			return c == alwaysUp || k.conditions[c].isMet(k.up)
		}
		var again time.Time
		choices[i], again = g.Choose(isUp, &k.failovers[number], now)
		if again.IsZero() {
			delete(k.waits, number)
		} else {
			k.waits[number] = again
		}
	}
	k.board.Store(k.board.Load().with(groups, choices))
	k.failing.review(k.board.Load(), groups)
	k.rearmLocked(now)
}

// serve begins to tell which RRsets fail open. What the keepers before told is not told again.
func (k *keeper) serve() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failing.serve(k.board.Load())
}

// rearmLocked sets the timer to the end of the first wait.
func (k *keeper) rearmLocked(now time.Time) {
	if k.timer == nil {
		return
	}
	k.timer.Stop()
	var first time.Time
	for _, end := range k.waits {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	if !first.IsZero() {
		k.timer.Reset(first.Sub(now))
	}
}

// start begins to watch the waits, if that was not done yet.
func (k *keeper) start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.timer != nil {
		return
	}
	k.timer = time.AfterFunc(time.Hour, k.endWaits)
	k.rearmLocked(time.Now())
}

// stop ends that.
func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

// endWaits chooses anew where a wait is over.
func (k *keeper) endWaits() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	var groups []int
	for number, end := range k.waits {
		if !end.After(now) {
			groups = append(groups, number)
		}
	}
	slices.Sort(groups)
	k.chooseLocked(groups, now)
}

// inherit makes group number go on where a group of the configuration before is: its rotation, and its wait.
func (k *keeper) inherit(number int, old *keeper, before int) {
	k.groups[number].Adopt(old.groups[before].Group)
	old.mu.Lock()
	defer old.mu.Unlock()
	k.failovers[number].Inherit(k.groups[number].Group, &old.failovers[before], old.groups[before].Group)
}
