package health

import (
	"net/netip"
	"slices"
)

// Inherit takes over what another monitor knows of the targets that both have, and returns those whose verdict it
// changed. It may be called repeatedly, and while the other monitor goes on; once m has started, it does nothing.
//
// A target whose check stayed goes on with its verdict, run, reason, and time of the next probe; a probe that is under
// way there is made again here. Where a check changed, the address and what is asked tell which target goes on: see
// kinships.
func (m *Monitor) Inherit(old *Monitor) (changed []int) {
	old.mu.Lock()
	states, blind := slices.Clone(old.states), old.blind
	old.mu.Unlock()

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started {
		return nil
	}
	m.blind = blind
	if m.ancestor != old {
		m.ancestor, m.lineage = old, trace(old.targets, m.targets)
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

// origin is the target that another one, of a later monitor, goes on from.
type origin struct {
	target  int
	kinship *kinship
}

const noOrigin = -1

// kinship is how two targets of one address can belong together.
type kinship struct {
	key    func(Check) string // equal keys: they belong together
	pass   func(*state) state // what the later one takes over
	shared bool               // one old target can have several heirs
}

// kinships are tried one after the other. Each finds pairs among the targets that those before left over.
//
// Two checks of one URL may differ in what they send or accept, so that one passes where the other fails. From the third
// kinship on, targets therefore belong together only if there are as many old as new ones; they are paired in their order.
var kinships = [...]kinship{
	{key: func(c Check) string { return c.Key() }, pass: func(old *state) state { return *old }, shared: true},
	{key: withoutPace, pass: verdictOf, shared: true},
	{key: withoutCredentials, pass: verdictOf},
	{key: question, pass: assumptionFrom},
}

// withoutPace is the definition of a check but for when it probes and how results count.
func withoutPace(c Check) string {
	c.Interval, c.Timeout, c.Rise, c.Fall = 0, 0, 0, 0
	return c.Key()
}

// withoutCredentials also leaves out the header and whom the check trusts.
func withoutCredentials(c Check) string {
	c.Header, c.Roots, c.RootsPEM = nil, nil, ""
	return withoutPace(c)
}

// question is what a check asks, whatever answer it accepts. An inverted check says the opposite of the same answer.
func question(c Check) string {
	asked := Check{Scheme: c.Scheme, Name: c.Name, Port: c.Port, Path: c.Path, Invert: c.Invert}
	return asked.Key()
}

// verdictOf is a memory that begins a new run of results. The verdict stays until a whole run says otherwise.
func verdictOf(old *state) state {
	return state{threshold: threshold{known: old.known, down: old.down}, reason: old.reason}
}

// assumptionFrom is a memory of a check that now accepts other answers. Until the first result, which decides alone, what
// was down is taken for down: it may not even answer.
func assumptionFrom(old *state) state {
	return state{threshold: threshold{down: old.down}}
}

// trace finds where each of the targets comes from.
func trace(old, targets []Target) []origin {
	lineage := make([]origin, len(targets))
	left := make([]int, len(targets))
	for i := range targets {
		lineage[i].target = noOrigin
		left[i] = i
	}
	claimed := make([]bool, len(old))
	for i := range kinships {
		left = kinships[i].trace(old, targets, left, claimed, lineage)
	}
	return lineage
}

// identity is what two targets that belong together have in common.
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

// candidates are the old targets that later ones can go on from, those first that no other one does.
func (k *kinship) candidates(old []Target, claimed []bool) map[identity][]int {
	candidates, taken := make(map[identity][]int), make(map[identity][]int)
	for i, id := range k.identities(old) {
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

// identities are those of targets, in their order. Many targets share a check, whose key is made once.
func (k *kinship) identities(targets []Target) []identity {
	keys := make(map[*Check]string)
	ids := make([]identity, len(targets))
	for i, target := range targets {
		key, ok := keys[target.Check]
		if !ok {
			key = k.key(*target.Check)
			keys[target.Check] = key
		}
		ids[i] = identity{target.Address, key}
	}
	return ids
}
