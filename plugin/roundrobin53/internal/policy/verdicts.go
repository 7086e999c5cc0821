package policy

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// Verdicts holds the verdicts of all targets, and owns the Board that follows from them. When a
// verdict changes or a wait ends, it chooses anew for the groups concerned and publishes the next
// board. Queries only load the board.
type Verdicts struct {
	board atomic.Pointer[Board]

	mu        sync.Mutex // guards all below
	groups    []*Group
	affected  [][]int         // numbers of groups by target, rising
	up        []bool          // by target
	failovers []pool.Failover // by group
	waits     map[int]time.Time
	timer     *time.Timer // until the first wait ends; nil before Start and after Stop
	failing   failing

	steers   map[*Set]Steers // what operators decided, by home
	variants map[int]*Group  // of groups that obey that, by number
}

// A Verdict says whether a target is up.
type Verdict struct {
	Target int
	Up     bool
}

// NewVerdicts makes the board of sets, which are complete and not moved afterwards. All targets are
// up until there is a result.
func NewVerdicts(sets []*Set, targets int, now time.Time) *Verdicts {
	v := &Verdicts{
		up:      slices.Repeat([]bool{true}, targets),
		waits:   make(map[int]time.Time),
		failing: newFailing(), variants: make(map[int]*Group),
	}
	var live []*Set
	for _, s := range sets {
		for _, g := range s.Groups() {
			g.set, g.number = s, len(v.groups)
			v.groups = append(v.groups, g)
		}
		if s.IsLive() {
			s.more.number = len(live)
			live = append(live, s)
		}
	}
	v.failovers = make([]pool.Failover, len(v.groups))
	v.affected = affectedGroups(v.groups, targets)
	v.board.Store(&Board{live: chunks[Set](nil).with(upTo(len(live)), live)})
	v.UpdateAll(func(int) bool { return true }, now)
	return v
}

// affectedGroups returns, by target, the groups with a value whose condition depends on the target.
func affectedGroups(groups []*Group, targets int) [][]int {
	known := make(map[*Condition][]int)
	targetsOf := func(c *Condition) []int {
		if c == nil {
			return nil
		}
		if known[c] == nil {
			known[c] = c.targets(nil)
		}
		return known[c]
	}
	affected := make([][]int, targets)
	for number, g := range groups {
		for _, value := range g.Endpoints() {
			for _, target := range targetsOf(g.conditions[value]) {
				if list := affected[target]; len(list) == 0 || list[len(list)-1] != number {
					affected[target] = append(list, number)
				}
			}
		}
	}
	return affected
}

// Board returns the current board.
func (v *Verdicts) Board() *Board { return v.board.Load() }

// Update takes verdicts, and chooses anew for the groups that depend on them.
func (v *Verdicts) Update(verdicts []Verdict, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var groups []int
	for _, verdict := range verdicts {
		v.up[verdict.Target] = verdict.Up
		groups = append(groups, v.affected[verdict.Target]...)
	}
	slices.Sort(groups)
	v.chooseLocked(slices.Compact(groups), v.board.Load().live, now)
}

// UpdateAll takes the verdicts of all targets from isUp, and chooses anew for all groups.
func (v *Verdicts) UpdateAll(isUp func(target int) bool, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.up {
		v.up[i] = isUp(i)
	}
	v.chooseLocked(upTo(len(v.groups)), v.board.Load().live, now)
}

// upTo returns the numbers from 0 up to n, n left out.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// chooseLocked chooses anew for groups, whose numbers rise, and publishes a board of the choices
// and live sets.
func (v *Verdicts) chooseLocked(groups []int, live chunks[Set], now time.Time) {
	choices := make([]*pool.Choice, len(groups))
	for i, number := range groups {
		var again time.Time
		choices[i], again = v.variantLocked(number).choose(v.up, &v.failovers[number], now)
		if again.IsZero() {
			delete(v.waits, number)
		} else {
			v.waits[number] = again
		}
	}
	board := v.board.Load()
	v.board.Store(&Board{choices: board.choices.with(groups, choices), live: live, plain: board.plain})
	v.reviewLocked(groups)
	v.rearmLocked(now)
}

// rearmLocked sets the timer to the end of the first wait.
func (v *Verdicts) rearmLocked(now time.Time) {
	if v.timer == nil {
		return
	}
	v.timer.Stop()
	var first time.Time
	for _, end := range v.waits {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	if !first.IsZero() {
		v.timer.Reset(first.Sub(now))
	}
}

// Start begins to watch the waits. Later calls do nothing.
func (v *Verdicts) Start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.timer != nil {
		return
	}
	v.timer = time.AfterFunc(time.Hour, v.endWaits)
	v.rearmLocked(time.Now())
}

// Stop ends what Start began.
func (v *Verdicts) Stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.timer != nil {
		v.timer.Stop()
		v.timer = nil
	}
}

// endWaits chooses anew for the groups whose wait is over.
func (v *Verdicts) endWaits() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	var groups []int
	for number, end := range v.waits {
		if !end.After(now) {
			groups = append(groups, number)
		}
	}
	slices.Sort(groups)
	v.chooseLocked(groups, v.board.Load().live, now)
}
