package roundrobin53

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// chooser is an RRset whose values are chosen among: by what is up, by who asks, by weight. It stands beside the RRset,
// which has the values; one that only rotates has none.
type chooser struct {
	name   string        // owner name
	zone   int           // index of the zone
	routes *route.Routes // nil: one group, for everyone
	first  int           // its groups are those of the handler from here on
	order  pool.Order
	set    int // the RRset: number of the addresses, or less than 0 that of the alternatives
}

// noChooser stands for none.
const noChooser = -1

// alternatives is the CNAMEs of a name that are chosen among. The types that it is asked for take turns of their own, as
// addresses do: a client that asks for A and AAAA in turn is not to get one CNAME for every A.
type alternatives struct {
	choosers [lanes]int
	rrs      []dns.RR
	ttl      uint32
}

// The lanes of the types asked.
const (
	laneA = iota
	laneAAAA
	laneOther
	lanes
)

func laneOf(qtype uint16) int {
	switch qtype {
	case dns.TypeA:
		return laneA
	case dns.TypeAAAA:
		return laneAAAA
	}
	return laneOther
}

// choose takes the next turn of a chooser and appends the endpoints of that answer to dst; none if none is answered now.
func (q *query) choose(number int, dst []uint16) []uint16 {
	c := &q.h.choosers[number]
	choice := q.choice(c)
	if choice == nil {
		return dst
	}
	client := q.poolClient(c.order)
	dst = choice.Pick(q.class, &client, dst)
	if choice.Status() == pool.FailOpen {
		q.srv.failOpen[c.zone].Inc()
	}
	if q.h.debug {
		q.explain(c, choice, slices.Clone(dst))
	}
	return dst
}

// peek is choose without taking the turn.
func (q *query) peek(number int) []uint16 {
	c := &q.h.choosers[number]
	choice := q.choice(c)
	if choice == nil {
		return nil
	}
	client := q.poolClient(c.order)
	return choice.Peek(q.class, &client, nil)
}

// choice is the first of the groups that the client matches that has a value up; if none has, the first that has values
// to answer at all; nil if there is none.
func (q *query) choice(c *chooser) *pool.Choice {
	b := q.h.keeper.board.Load() // once: all groups are of one moment
	if c.routes == nil {
		return b.choice(c.first)
	}
	var found *pool.Choice
	client := q.routeClient(c.routes)
	c.routes.Match(&client, func(group int) bool {
		choice := b.choice(c.first + group)
		isUp := choice.Status() == pool.Up
		if isUp || found == nil && choice.Status() != pool.Drained {
			found = choice
		}
		return !isUp
	})
	return found
}

// explain logs why an answer has its values.
func (q *query) explain(c *chooser, choice *pool.Choice, order []uint16) {
	isChosen := func(g group) bool { return g.Group == choice.Group() }
	g := &q.h.groups[slices.IndexFunc(q.h.groups, isChosen)]
	picked := make([]string, len(order))
	for i, endpoint := range order {
		picked[i] = q.h.value(c.set, int(endpoint))
	}
	log.Debugf("%s %s: the values for %s, priority %d, %s, %d of %d: %s", c.name, dns.TypeToString[q.r.Question[0].Qtype],
		g.key, choice.Priority(), choice.Status(), len(choice.Candidates()), len(g.Endpoints()), strings.Join(picked, " "))
}

// value is a value of an RRset as text. Number is that of the addresses, or less than 0 that of the alternatives.
func (h *Handler) value(number, endpoint int) string {
	if number < 0 {
		return h.alternatives[-number].rrs[endpoint].(*dns.CNAME).Target
	}
	addr, _ := netip.AddrFromSlice(h.rrsets[number].pool.Address(endpoint)) // it was made of one
	return addr.String()
}

// group is a group of a chooser's values.
type group struct {
	*pool.Group
	key        string // what selects it
	conditions []int  // of the endpoints of its RRset: their numbers, alwaysUp for none
}

const alwaysUp = -1

// condition is what has to hold for a value to be up: that a target is, or so many of other conditions.
type condition struct {
	target int // of the handler; unused if there are others
	need   int
	of     []condition
}

// isMet tells whether a condition holds where targets are up or not.
func (c *condition) isMet(up []bool) bool {
	if len(c.of) == 0 {
		return up[c.target]
	}
	met := 0
	for i := range c.of {
		if c.of[i].isMet(up) {
			met++
		}
	}
	return met >= c.need
}

// targetKey names a target from one configuration to the next.
type targetKey struct {
	address netip.Addr
	check   string
}

// probed is a target, and what it is called over a reload.
type probed struct {
	key targetKey
	health.Target
}

// watch is a check of a value, as operators know it.
type watch struct {
	target int // of the handler
	zone   string
	check  string
	value  string
}

// chooserBuilder makes the choosers of a handler.
type chooserBuilder struct {
	h          *Handler
	targets    map[targetKey]int
	conditions map[conditionKey]int
	networks   map[string]*route.Networks
	watches    map[watch]bool
	keys       map[*checkLine]string
}

// conditionKey tells which values have one condition: those at one address with the same checks.
type conditionKey struct {
	address   netip.Addr
	directive *directive
	checks    string
}

func newChooserBuilder(h *Handler) *chooserBuilder {
	return &chooserBuilder{
		h:          h,
		targets:    make(map[targetKey]int),
		conditions: make(map[conditionKey]int),
		networks:   make(map[string]*route.Networks),
		watches:    make(map[watch]bool),
		keys:       make(map[*checkLine]string),
	}
}

// add makes the chooser of an RRset that has lines, and returns its number. Number is that of the RRset.
func (b *chooserBuilder) add(owner *ownerName, set *rrset, number int) int {
	h := b.h
	c := chooser{name: owner.name, zone: owner.zone.index, first: len(h.groups), order: set.order, set: number}
	var identities []uint64
	if set.order == pool.Sticky {
		for i := range set.endpoints() {
			identities = append(identities, xxhash.Sum64String(set.value(i)))
		}
	}
	conditions := b.conditionsOf(owner, set)
	for _, g := range set.routing.groups {
		lines := make([]pool.Line, len(g.lines))
		for i, line := range g.lines {
			lines[i] = set.lines[line].pool()
		}
		made := pool.NewGroup(set.poolRules(), lines, identities)
		h.groups = append(h.groups, group{made, g.key, conditions})
	}
	c.routes = b.routes(set.routing)
	h.choosers = append(h.choosers, c)
	return len(h.choosers) - 1
}

// endpoints is how many values the RRset has.
func (set *rrset) endpoints() int { return max(len(set.addresses), len(set.rrs)) }

// poolRules is what the RRset says of how its values are chosen.
func (set *rrset) poolRules() pool.Rules {
	return pool.Rules{
		Order: set.order, Answers: set.answers, Weighted: set.weighted,
		MinUp: max(1, set.minUp), Failback: set.failback, NoneDown: set.noneDown,
	}
}

func (line *lineConfig) pool() pool.Line {
	l := pool.Line{First: line.first, Count: line.count, Weight: line.weight, Priority: line.priority, Drain: line.drain}
	if line.seen.at {
		l.Place = pool.PointAt(line.at.latitude, line.at.longitude)
	}
	return l
}

// routes makes the routes of an RRset, nil if everyone is for its one group. RRsets for the same networks share them.
func (b *chooserBuilder) routes(r *routing) *route.Routes {
	if len(r.networks) == 0 && len(r.places) == 0 {
		return nil
	}
	routes := &route.Routes{Groups: r.byNetwork, Places: r.places, Rest: r.rest}
	if len(r.networks) == 0 {
		return routes
	}
	texts := make([]string, len(r.networks))
	for i, network := range r.networks {
		texts[i] = network.String()
	}
	key := strings.Join(texts, " ")
	if b.networks[key] == nil {
		b.networks[key] = route.NewNetworks(r.networks)
	}
	routes.Networks = b.networks[key]
	return routes
}

// conditionsOf is the condition of each endpoint of an RRset.
func (b *chooserBuilder) conditionsOf(owner *ownerName, set *rrset) []int {
	conditions := make([]int, set.endpoints())
	for _, line := range set.lines {
		for i := line.first; i < line.first+line.count; i++ {
			conditions[i] = alwaysUp
			if len(line.checks) == 0 {
				continue
			}
			address := line.target
			if !address.IsValid() && set.addresses != nil {
				address = set.addresses[i]
			}
			value := set.value(i)
			key := conditionKey{address, set.directive, strings.Join(line.checks, " ")}
			number, ok := b.conditions[key]
			if !ok {
				number = len(b.h.conditions)
				b.conditions[key] = number
				b.h.conditions = append(b.h.conditions, b.condition(set.directive, len(line.checks), line.checks, address))
			}
			b.watch(owner.zone.name, set.directive, line.checks, address, value)
			conditions[i] = number
		}
	}
	return conditions
}

// condition is that so many of the checks of these names pass at an address.
func (b *chooserBuilder) condition(d *directive, need int, checks []string, address netip.Addr) condition {
	c := condition{need: need}
	for _, name := range checks {
		if check := d.check(name); check.probe == nil {
			c.of = append(c.of, b.condition(d, check.need, check.members, address))
		} else {
			c.of = append(c.of, condition{target: b.target(check, address)})
		}
	}
	if len(c.of) == 1 {
		return c.of[0]
	}
	return c
}

// target is the number of the target that a check of an address has.
func (b *chooserBuilder) target(check *checkLine, address netip.Addr) int {
	if check.connect.IsValid() {
		address = check.connect
	}
	if b.keys[check] == "" {
		b.keys[check] = check.probe.Key()
	}
	key := targetKey{address, b.keys[check]}
	number, ok := b.targets[key]
	if !ok {
		number = len(b.h.targets)
		b.targets[key] = number
		b.h.targets = append(b.h.targets, probed{key, health.Target{Address: address, Check: check.probe}})
	}
	return number
}

// watch notes which checks a value has, those that others are made of too.
func (b *chooserBuilder) watch(zone string, d *directive, checks []string, address netip.Addr, value string) {
	for _, name := range checks {
		check := d.check(name)
		if check.probe == nil {
			b.watch(zone, d, check.members, address, value)
			continue
		}
		w := watch{b.target(check, address), zone, name, value}
		if !b.watches[w] {
			b.watches[w] = true
			b.h.watches = append(b.h.watches, w)
		}
	}
}

// affected is the groups that have a value whose verdict depends on a target, by target.
func (h *Handler) affectedGroups() [][]int {
	targetsOf := make([][]int, len(h.conditions))
	for i := range h.conditions {
		targetsOf[i] = h.conditions[i].targets(nil)
	}
	affected := make([][]int, len(h.targets))
	for number := range h.groups {
		for _, endpoint := range h.groups[number].Endpoints() {
			c := h.groups[number].conditions[endpoint]
			if c == alwaysUp {
				continue
			}
			for _, target := range targetsOf[c] {
				if list := affected[target]; len(list) == 0 || list[len(list)-1] != number {
					affected[target] = append(list, number)
				}
			}
		}
	}
	return affected
}

// targets appends the targets that a condition depends on to numbers.
func (c *condition) targets(numbers []int) []int {
	if len(c.of) == 0 {
		if !slices.Contains(numbers, c.target) {
			numbers = append(numbers, c.target)
		}
		return numbers
	}
	for i := range c.of {
		numbers = c.of[i].targets(numbers)
	}
	return numbers
}
