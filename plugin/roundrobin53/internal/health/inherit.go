package health

import (
	"net/netip"
	"slices"
)

// Inherit takes over what another monitor knows of the targets that both have. It returns the
// targets whose verdict changed. It may be called repeatedly, and while the other monitor goes on.
// Once m has started, it does nothing.
//
// A target with the same check keeps its verdict, run of results, reason, and the time of its next
// probe. A probe that is under way in the other monitor is made again. Kinships say what a target
// with another check takes over.
func (m *Monitor) Inherit(old *Monitor) (changed []int) {
	old.mu.Lock()
	states, targets, blind, version := slices.Clone(old.states), slices.Clone(old.targets), old.blind, old.version
	old.mu.Unlock()

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		return nil
	}
	m.blind = blind
	if m.ancestor != old || m.traced != version {
		m.ancestor, m.traced, m.lineage = old, version, trace(targets, m.targets)
	}
	for i, from := range m.lineage {
		if from.target == noOrigin {
			continue
		}
		before := m.states[i].down
		m.states[i] = from.kinship.pass(&states[from.target])
		m.publishLocked(i)
		if m.states[i].down != before {
			changed = append(changed, i)
		}
	}
	return changed
}

// origin is the target of an earlier monitor that a target continues.
type origin struct {
	target  int
	kinship *kinship
}

const noOrigin = -1

// kinship is one way in which two targets of an address can belong together.
type kinship struct {
	key    func(Check) string // targets with equal keys belong together
	pass   func(*state) state // makes the state of the later target from that of the earlier one
	shared bool               // several targets may continue one
}

// kinships are tried one after the other. Each finds pairs among the targets that are left over
// from those before.
//
// Two checks of one URL may differ in what they send or accept, so that one passes while the other
// fails. From the third kinship on, targets therefore belong together only if there are as many old
// ones as new ones. They are paired in their order.
var kinships = [...]kinship{
	{key: func(c Check) string { return c.Key() }, pass: func(old *state) state { return *old }, shared: true},
	{key: withoutPace, pass: verdictOf, shared: true},
	{key: withoutCredentials, pass: verdictOf},
	{key: question, pass: assumptionFrom},
}

// withoutPace returns the key of a check without its interval, timeout, rise and fall.
func withoutPace(c Check) string {
	c.Interval, c.Timeout, c.Rise, c.Fall = 0, 0, 0, 0
	return c.Key()
}

// withoutCredentials also leaves out the header and the certificates that the check trusts.
func withoutCredentials(c Check) string {
	c.Header, c.Roots, c.RootsPEM = nil, nil, ""
	return withoutPace(c)
}

// question returns the key of what a check asks, whatever it accepts. It keeps Invert, because an
// inverted check says the opposite of the same answer.
func question(c Check) string {
	asked := Check{Scheme: c.Scheme, Name: c.Name, Port: c.Port, Path: c.Path, Send: c.Send, Invert: c.Invert}
	return asked.Key()
}

// verdictOf keeps the verdict and begins a new run of results. The verdict stays until a whole run
// says otherwise.
func verdictOf(old *state) state {
	return state{threshold: threshold{known: old.known, down: old.down}, Latest: old.Latest}
}

// assumptionFrom makes the state of a check that accepts other answers than before. The first
// result decides alone; until then a target that was down stays down, because it may not even
// answer.
func assumptionFrom(old *state) state {
	return state{threshold: threshold{down: old.down}, Latest: Latest{Since: old.Since}}
}

// trace finds the origin of each target.
func trace(old, targets []Target) []origin {
	lineage := make([]origin, len(targets))
	left := make([]int, 0, len(targets))
	for i := range targets {
		lineage[i].target = noOrigin
		if targets[i].Check != nil {
			left = append(left, i)
		}
	}
	claimed := make([]bool, len(old))
	for i := range kinships {
		left = kinships[i].trace(old, targets, left, claimed, lineage)
	}
	return lineage
}

// identity is equal for two targets that belong together.
type identity struct {
	address netip.Addr
	key     string
}

// trace finds the origins of the targets that are left, and returns those without one.
func (k *kinship) trace(old, targets []Target, left []int, claimed []bool, lineage []origin) (without []int) {
	if len(left) == 0 {
		return nil
	}
	ids := k.identities(targets)
	heirs, ranks := make(map[identity]int), make(map[identity]int)
	for _, i := range left {
		heirs[ids[i]]++
	}
	candidates := k.candidates(old, claimed)
	for _, i := range left {
		found := candidates[ids[i]]
		if len(found) == 0 || !k.shared && len(found) != heirs[ids[i]] {
			without = append(without, i)
			continue
		}
		from := found[min(ranks[ids[i]], len(found)-1)]
		ranks[ids[i]]++
		lineage[i], claimed[from] = origin{from, k}, true
	}
	return without
}

// candidates returns the old targets that later ones can continue. Those that no target continues
// yet come first.
func (k *kinship) candidates(old []Target, claimed []bool) map[identity][]int {
	candidates, taken := make(map[identity][]int), make(map[identity][]int)
	for i, id := range k.identities(old) {
		if old[i].Check == nil {
			continue
		}
		if claimed[i] {
			taken[id] = append(taken[id], i)
		} else {
			candidates[id] = append(candidates[id], i)
		}
	}
	if k.shared {
		for id, others := range taken {
			candidates[id] = append(candidates[id], others...)
		}
	}
	return candidates
}

// identities returns the identity of each target. Many targets share a check, whose key is made
// only once.
func (k *kinship) identities(targets []Target) []identity {
	keys := make(map[*Check]string)
	ids := make([]identity, len(targets))
	for i, target := range targets {
		if target.Check == nil {
			continue
		}
		key, ok := keys[target.Check]
		if !ok {
			key = k.key(*target.Check)
			keys[target.Check] = key
		}
		ids[i] = identity{target.Address, key}
	}
	return ids
}
