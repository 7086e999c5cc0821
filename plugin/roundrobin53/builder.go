package roundrobin53

import (
	"net/netip"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// chooserBuilder makes the choosers of a handler.
type chooserBuilder struct {
	h          *Handler
	targets    map[targetKey]int
	conditions map[conditionKey]int
	networks   map[string]*route.Networks
	routings   map[*routing]*route.Routes
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
		routings:   make(map[*routing]*route.Routes),
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
			lines[i] = poolLine(&set.lines[line])
		}
		made := pool.NewGroup(poolRules(set), lines, identities)
		h.groups = append(h.groups, group{made, g.name, g.key, conditions})
	}
	c.routes = b.routes(set.routing)
	h.choosers = append(h.choosers, c)
	return len(h.choosers) - 1
}

// poolRules is what an RRset says of how its values are chosen.
func poolRules(set *rrset) pool.Rules {
	return pool.Rules{
		Order: set.order, Answers: set.answers, Weighted: set.weighted,
		MinUp: max(1, set.minUp), Failback: set.failback, NoneDown: set.noneDown,
	}
}

func poolLine(line *lineConfig) pool.Line {
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
	if known := b.routings[r]; known != nil {
		return known
	}
	routes := &route.Routes{Groups: r.byNetwork, Places: r.places, Rest: r.rest}
	b.routings[r] = routes
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
		c.of = append(c.of, b.conditionOf(d, d.check(name), address))
	}
	if len(c.of) == 1 {
		return c.of[0]
	}
	return c
}

// conditionOf is that a check passes at an address.
func (b *chooserBuilder) conditionOf(d *directive, check *checkLine, address netip.Addr) condition {
	var c condition
	if meant := check.meant; meant.probe != nil {
		c.target = b.target(meant, address)
	} else {
		c = b.condition(d, meant.need, meant.members, address)
		c.inverted = c.inverted != meant.invert
	}
	c.inverted = c.inverted != check.turns
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
		for _, check := range d.check(name).probes {
			w := watch{b.target(check, address), zone, check.name, value}
			if !b.watches[w] {
				b.watches[w] = true
				b.h.watches = append(b.h.watches, w)
			}
		}
	}
}
