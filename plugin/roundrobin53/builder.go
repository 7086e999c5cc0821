package roundrobin53

import (
	"net/netip"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
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
	routings   map[*config.Routing]*route.Routes
	watches    map[watch]bool
	keys       map[*config.Check]string
}

// conditionKey tells which values have one condition: those at one address with the same checks.
type conditionKey struct {
	address   netip.Addr
	directive *config.Directive
	checks    string
}

func newChooserBuilder(h *Handler) *chooserBuilder {
	return &chooserBuilder{
		h:          h,
		targets:    make(map[targetKey]int),
		conditions: make(map[conditionKey]int),
		networks:   make(map[string]*route.Networks),
		routings:   make(map[*config.Routing]*route.Routes),
		watches:    make(map[watch]bool),
		keys:       make(map[*config.Check]string),
	}
}

// add makes the chooser of an RRset that has lines, and returns its number. Number is that of the RRset.
func (b *chooserBuilder) add(owner *config.Owner, set *config.RRset, number int) int {
	h := b.h
	c := chooser{name: owner.Name, zone: owner.Zone.Index, first: len(h.groups), order: set.Order, set: number}
	var identities []uint64
	if set.Order == pool.Sticky {
		for i := range set.Endpoints() {
			identities = append(identities, xxhash.Sum64String(set.Value(i)))
		}
	}
	conditions := b.conditionsOf(owner, set)
	for _, g := range set.Routing.Groups {
		lines := make([]pool.Line, len(g.Lines))
		for i, line := range g.Lines {
			lines[i] = poolLine(&set.Lines[line])
		}
		made := pool.NewGroup(poolRules(set), lines, identities)
		h.groups = append(h.groups, group{made, g.Name, g.Key, conditions})
	}
	c.routes = b.routes(set.Routing)
	h.choosers = append(h.choosers, c)
	return len(h.choosers) - 1
}

// poolRules is what an RRset says of how its values are chosen.
func poolRules(set *config.RRset) pool.Rules {
	return pool.Rules{
		Order: set.Order, Answers: set.Answers, ByLine: set.ByLine, Weighted: set.Weighted,
		MinUp: max(1, set.MinUp), Failback: set.Failback, NoneDown: set.NoneDown,
	}
}

func poolLine(line *config.RRsetLine) pool.Line {
	l := pool.Line{First: line.First, Count: line.Count, Weight: line.Weight, Priority: line.Priority, Drain: line.Drain}
	if line.Seen.At {
		l.Place = pool.PointAt(line.At.Latitude, line.At.Longitude)
	}
	return l
}

// routes makes the routes of an RRset, nil if everyone is for its one group. RRsets for the same networks share them.
func (b *chooserBuilder) routes(r *config.Routing) *route.Routes {
	if len(r.Networks) == 0 && len(r.Places) == 0 {
		return nil
	}
	if known := b.routings[r]; known != nil {
		return known
	}
	routes := &route.Routes{Groups: r.ByNetwork, Places: r.Places, Rest: r.Rest}
	b.routings[r] = routes
	if len(r.Networks) == 0 {
		return routes
	}
	texts := make([]string, len(r.Networks))
	for i, network := range r.Networks {
		texts[i] = network.String()
	}
	key := strings.Join(texts, " ")
	if b.networks[key] == nil {
		b.networks[key] = route.NewNetworks(r.Networks)
	}
	routes.Networks = b.networks[key]
	return routes
}

// conditionsOf is the condition of each endpoint of an RRset.
func (b *chooserBuilder) conditionsOf(owner *config.Owner, set *config.RRset) []int {
	conditions := make([]int, set.Endpoints())
	for _, line := range set.Lines {
		for i := line.First; i < line.First+line.Count; i++ {
			conditions[i] = alwaysUp
			if len(line.Checks) == 0 {
				continue
			}
			address := line.Target
			if !address.IsValid() && set.Addresses != nil {
				address = set.Addresses[i]
			}
			value := set.Value(i)
			key := conditionKey{address, set.Directive, strings.Join(line.Checks, " ")}
			number, ok := b.conditions[key]
			if !ok {
				number = len(b.h.conditions)
				b.conditions[key] = number
				b.h.conditions = append(b.h.conditions, b.condition(set.Directive, len(line.Checks), line.Checks, address))
			}
			b.watch(owner.Zone.Name, set.Directive, line.Checks, address, value)
			conditions[i] = number
		}
	}
	return conditions
}

// condition is that so many of the checks of these names pass at an address.
func (b *chooserBuilder) condition(d *config.Directive, need int, checks []string, address netip.Addr) condition {
	c := condition{need: need}
	for _, name := range checks {
		c.of = append(c.of, b.conditionOf(d, d.Check(name), address))
	}
	if len(c.of) == 1 {
		return c.of[0]
	}
	return c
}

// conditionOf is that a check passes at an address.
func (b *chooserBuilder) conditionOf(d *config.Directive, check *config.Check, address netip.Addr) condition {
	var c condition
	if meant := check.Meant; meant.Probe != nil {
		c.target = b.target(meant, address)
	} else {
		c = b.condition(d, meant.Need, meant.Members, address)
		c.inverted = c.inverted != meant.Invert
	}
	c.inverted = c.inverted != check.Turns
	return c
}

// target is the number of the target that a check of an address has.
func (b *chooserBuilder) target(check *config.Check, address netip.Addr) int {
	if check.Connect.IsValid() {
		address = check.Connect
	}
	if b.keys[check] == "" {
		b.keys[check] = check.Probe.Key()
	}
	key := targetKey{address, b.keys[check]}
	number, ok := b.targets[key]
	if !ok {
		number = len(b.h.targets)
		b.targets[key] = number
		b.h.targets = append(b.h.targets, probed{key, health.Target{Address: address, Check: check.Probe}})
	}
	return number
}

// watch notes which checks a value has, those that others are made of too.
func (b *chooserBuilder) watch(zone string, d *config.Directive, checks []string, address netip.Addr, value string) {
	for _, name := range checks {
		for _, check := range d.Check(name).Probes {
			w := watch{b.target(check, address), zone, check.Name, value}
			if !b.watches[w] {
				b.watches[w] = true
				b.h.watches = append(b.h.watches, w)
			}
		}
	}
}
