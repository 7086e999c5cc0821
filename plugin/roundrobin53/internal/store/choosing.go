package store

import (
	"net/netip"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// A choosingBuilder makes what sets choose by, and the targets that have to be probed for it.
type choosingBuilder struct {
	sources    *sources
	targets    map[TargetKey]int
	conditions map[conditionKey]*policy.Condition
	networks   map[string]*route.Networks
	routings   map[*config.Routing]*route.Routes
	watches    map[Watch]bool
	keys       map[*config.Check]string

	addTarget func(Target) int // returns the number of a target that is new
	addWatch  func(Watch)
	uses      func(target int) // is told of each target that a condition depends on; nil: nobody
}

// A conditionKey identifies a condition: values at one address with the same checks share it.
type conditionKey struct {
	address   netip.Addr
	directive *config.Directive
	checks    string
}

func newChoosingBuilder(s *Store) *choosingBuilder {
	return &choosingBuilder{
		sources:    &s.sources,
		targets:    make(map[TargetKey]int),
		conditions: make(map[conditionKey]*policy.Condition),
		networks:   make(map[string]*route.Networks),
		routings:   make(map[*config.Routing]*route.Routes),
		watches:    make(map[Watch]bool),
		keys:       make(map[*config.Check]string),
		addTarget: func(t Target) int {
			s.Targets = append(s.Targets, t)
			return len(s.Targets) - 1
		},
		addWatch: func(w Watch) { s.Watches = append(s.Watches, w) },
	}
}

// of makes what an RRset with lines chooses by.
func (b *choosingBuilder) of(owner *config.Owner, rrset *config.RRset) policy.Choosing {
	return policy.Choosing{
		Name: owner.Name, Type: rrset.Type, Zone: owner.Zone.Index, Order: rrset.Order, Routes: b.routes(rrset.Routing),
		Groups: b.groups(owner.Zone.Name, rrset, nil), Sources: b.sourcesOf(rrset), Words: wordsOf(rrset),
	}
}

// sourcesOf returns where the lines of an RRset are written.
func (b *choosingBuilder) sourcesOf(rrset *config.RRset) []policy.Source {
	found := make([]policy.Source, len(rrset.Lines))
	for i := range rrset.Lines {
		found[i] = b.sources.source(rrset.Lines[i].Position, rrset.Lines[i].First)
	}
	return found
}

// groups makes the groups of an RRset in a zone. Unknown says by line whether values of it are not
// known yet; nil: none is.
func (b *choosingBuilder) groups(zone string, rrset *config.RRset, unknown []bool) []*policy.Group {
	var identities []uint64
	if rrset.Order == pool.Sticky {
		for i := range rrset.Endpoints() {
			identities = append(identities, xxhash.Sum64String(rrset.Value(i)))
		}
	}
	conditions := b.conditionsOf(zone, rrset)
	groups := make([]*policy.Group, len(rrset.Routing.Groups))
	for n, g := range rrset.Routing.Groups {
		lines := make([]pool.Line, len(g.Lines))
		for i, line := range g.Lines {
			lines[i] = poolLine(&rrset.Lines[line])
			lines[i].Unknown = unknown != nil && unknown[line]
		}
		made := pool.NewGroup(poolRules(rrset), lines, identities)
		groups[n] = policy.NewGroup(made, g.Name, g.Key, conditions)
	}
	return groups
}

// wordsOf returns, by line, for which clients the values of an RRset are, nil if no line says that.
func wordsOf(rrset *config.RRset) []policy.Words {
	all, some := make([]policy.Words, len(rrset.Lines)), false
	for i := range rrset.Lines {
		line := &rrset.Lines[i]
		from, geo, at := line.Clients()
		all[i] = policy.Words{First: line.First, From: from, Geo: geo, At: at}
		some = some || len(from)+len(geo)+len(at) > 0
	}
	if !some {
		return nil
	}
	return all
}

// poolRules returns the rules that an RRset gives for choosing among its values.
func poolRules(rrset *config.RRset) pool.Rules {
	return pool.Rules{
		Order: rrset.Order, Answers: rrset.Answers, ByLine: rrset.ByLine, Weighted: rrset.Weighted,
		MinUp: max(1, rrset.MinUp), Failback: rrset.Failback, NoneDown: rrset.NoneDown,
	}
}

func poolLine(line *config.RRsetLine) pool.Line {
	l := pool.Line{First: line.First, Count: line.Count, Weight: line.Weight, Priority: line.Priority, Drain: line.Drain}
	if line.Seen.At {
		l.Place = pool.PointAt(line.At.Latitude, line.At.Longitude)
	}
	return l
}

// routes makes the routes of an RRset, nil if all clients get its one group. RRsets for the same
// networks share them.
func (b *choosingBuilder) routes(r *config.Routing) *route.Routes {
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

// conditionsOf returns the conditions of the RRset's values by position, nil for values that are
// always up.
func (b *choosingBuilder) conditionsOf(zone string, rrset *config.RRset) []*policy.Condition {
	conditions := make([]*policy.Condition, rrset.Endpoints())
	for _, line := range rrset.Lines {
		if len(line.Checks) == 0 {
			continue
		}
		for i := line.First; i < line.First+line.Count; i++ {
			address := line.Target
			if !address.IsValid() && rrset.Addresses != nil {
				address = rrset.Addresses[i]
			}
			key := conditionKey{address, rrset.Directive, strings.Join(line.Checks, " ")}
			if b.conditions[key] == nil {
				all := b.atLeast(rrset.Directive, len(line.Checks), line.Checks, address)
				b.conditions[key] = &all
			}
			conditions[i] = b.conditions[key]
			b.watch(zone, rrset.Directive, line.Checks, address, rrset.Value(i))
		}
	}
	return conditions
}

// atLeast makes the condition that at least need of the named checks pass at an address.
func (b *choosingBuilder) atLeast(d *config.Directive, need int, checks []string, address netip.Addr) policy.Condition {
	c := policy.Condition{Need: need}
	for _, name := range checks {
		c.Of = append(c.Of, b.passes(d.Check(name), d, address))
	}
	if len(c.Of) == 1 {
		return c.Of[0]
	}
	return c
}

// passes makes the condition that a check passes at an address.
func (b *choosingBuilder) passes(check *config.Check, d *config.Directive, address netip.Addr) policy.Condition {
	var c policy.Condition
	if meant := check.Meant; meant.Probe != nil {
		c.Target = b.target(meant, address)
	} else {
		c = b.atLeast(d, meant.Need, meant.Members, address)
		c.Inverted = c.Inverted != meant.Invert
	}
	c.Inverted = c.Inverted != check.Turns
	c.Check = check.Name
	return c
}

// target returns the number of the target for a check at an address, and adds the target at the
// first call.
func (b *choosingBuilder) target(check *config.Check, address netip.Addr) int {
	if check.Connect.IsValid() {
		address = check.Connect
	}
	if b.keys[check] == "" {
		b.keys[check] = check.Probe.Key()
	}
	key := TargetKey{address, b.keys[check]}
	number, ok := b.targets[key]
	if !ok {
		number = b.addTarget(Target{health.Target{Address: address, Check: check.Probe}, key})
		b.targets[key] = number
	}
	if b.uses != nil {
		b.uses(number)
	}
	return number
}

// watch notes the checks of a value, members of other checks included.
func (b *choosingBuilder) watch(zone string, d *config.Directive, checks []string, address netip.Addr, value string) {
	for _, name := range checks {
		for _, check := range d.Check(name).Probes {
			w := Watch{b.target(check, address), zone, check.Name, value}
			if !b.watches[w] {
				b.watches[w] = true
				b.addWatch(w)
			}
		}
	}
}
