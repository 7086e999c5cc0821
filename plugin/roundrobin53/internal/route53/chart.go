package route53

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// chart holds Route 53's answers to queries for one name and type, as stages: routes, and tiers in
// each route.
type chart struct {
	routes []route // more than one only with places or networks
	ttls   []uint32
	fills  bool // an answer has up to eight values
	nested bool // networks of a route lie in those of another one
}

// charter makes charts of the groups of a zone.
type charter struct {
	zone   *zone
	checks *checkbook
	made   map[groupKey]*chart
	errs   map[groupKey]error
}

var errCircle = errors.New("the aliases lead back to it")

// chart returns the chart of a group. The charts of those that its aliases lead to are made first.
func (c *charter) chart(g *group) (*chart, error) {
	if made, ok := c.made[g.groupKey]; ok {
		return made, nil
	}
	if err, ok := c.errs[g.groupKey]; ok {
		return nil, err
	}
	c.errs[g.groupKey] = errCircle
	made, err := c.make(g)
	if c.errs[g.groupKey] = err; err != nil {
		return nil, err
	}
	delete(c.errs, g.groupKey)
	c.made[g.groupKey] = made
	return made, nil
}

// branch joins a record set of a group with the chart that it leads to.
type branch struct {
	*chart
	set *recordSet
}

func (c *charter) make(g *group) (*chart, error) {
	var branches []branch
	for _, rs := range g.kept() {
		below, err := c.branch(rs)
		switch {
		case errors.Is(err, errNeverAnswered):
			rs.leave(err.Error())
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: %w", nameOf(rs), err)
		}
		branches = append(branches, branch{below, rs})
	}
	if len(branches) == 0 {
		return nil, errNeverAnswered
	}
	made := new(chart)
	for _, b := range branches {
		made.ttls = append(made.ttls, b.ttls...)
		made.fills = made.fills || b.fills
		made.nested = made.nested || b.nested
	}
	slices.Sort(made.ttls)
	made.ttls = slices.Compact(made.ttls)
	var err error
	switch {
	case g.policy == failover || g.policy == simple:
		made.routes, err = failOver(branches)
	case g.policy.routes():
		made.routes, err = c.divide(branches)
		made.nested = c.areNested(made.routes)
	default:
		made.routes, err = c.choose(g, branches, made)
	}
	return made, err
}

func nameOf(rs *recordSet) string {
	if rs.SetIdentifier == "" {
		return rs.name
	}
	return quoted(rs.SetIdentifier)
}

var errNeverAnswered = errors.New("its health check is disabled and inverted, or can't reach its threshold: it is always unhealthy")

// branch returns the chart of what a record set answers by itself, with its health.
func (c *charter) branch(rs *recordSet) (*chart, error) {
	checks, err := c.checksOf(rs)
	if err != nil {
		return nil, err
	}
	below := new(chart)
	if target := c.target(rs); target != nil {
		made, err := c.chart(target)
		if err != nil {
			return nil, fmt.Errorf("its alias target %s: %w", target.name, err)
		}
		if len(made.routes) > 1 && made.isChecked() && (len(checks) > 0 || !rs.AliasTarget.EvaluateTargetHealth) {
			return nil, errors.New("an alias to a policy that goes by the client's place or network, whose health it does not evaluate or adds to")
		}
		below.ttls, below.fills, below.nested = made.ttls, made.fills, made.nested
		for i := range made.routes {
			r := &made.routes[i]
			tiers := r.tiers
			if !rs.AliasTarget.EvaluateTargetHealth {
				tiers = r.all()
			}
			below.routes = append(below.routes, route{r.place, r.network, with(tiers, checks), r.all()})
		}
		return below.through(rs), nil
	}
	v, err := c.leaf(rs)
	if err != nil {
		return nil, err
	}
	open := []tier{{values: []value{v}}}
	below.routes = []route{{tiers: with(open, checks), rest: open}}
	if rs.TTL != nil {
		below.ttls = []uint32{*rs.TTL}
	}
	return below.through(rs), nil
}

// isChecked reports whether any value has a check.
func (c *chart) isChecked() bool {
	has := func(v value) bool { return len(v.checks) > 0 }
	return slices.ContainsFunc(c.routes, func(r route) bool {
		return slices.ContainsFunc(r.tiers, func(t tier) bool { return slices.ContainsFunc(t.values, has) })
	})
}

// through notes that a record set leads to the values of a chart.
func (c *chart) through(rs *recordSet) *chart {
	comment := rs.SetIdentifier
	if comment != "" {
		comment = quoted(comment)
	}
	if rs.isAlias() && comment != "" {
		comment += " alias to " + strings.TrimSuffix(rs.AliasTarget.DNSName, ".")
	}
	for i := range c.routes {
		r := &c.routes[i]
		r.tiers, r.rest = through(r.tiers, rs, comment), through(r.rest, rs, comment)
	}
	return c
}

// aliasTTL is that of answers of AWS's load balancers and distributions, in seconds.
const aliasTTL = 60

// leaf returns the values of a record set that does not lead to another one of the zone.
func (c *charter) leaf(rs *recordSet) (value, error) {
	if !rs.isAlias() {
		return leafValues(rs, c.zone.base)
	}
	name, err := corefileName(rs.AliasTarget.DNSName)
	switch {
	case err != nil:
		return value{}, err
	case name == c.zone.name || strings.HasSuffix(name, "."+c.zone.name):
		return value{}, fmt.Errorf("its alias target %s has no %s record set in the zone", name, rs.Type)
	case rs.Type != "A" && rs.Type != "AAAA":
		return value{}, fmt.Errorf("an alias of type %s to %s: only A and AAAA can be looked up elsewhere", rs.Type, name)
	}
	if rs.AliasTarget.EvaluateTargetHealth {
		rs.change("AWS evaluates the health of " + name + "; here its values leave only when the name has no addresses, or by a check that you add")
	}
	ttl := uint32(aliasTTL)
	rs.TTL = &ttl
	return value{data: []string{name}, isName: true}, nil
}

func leafValues(rs *recordSet, base int) (value, error) {
	var v value
	for _, text := range rs.values() {
		words, err := dataWords(rs.Type, text, base)
		if err != nil {
			return value{}, err
		}
		if rs.Type == "A" || rs.Type == "AAAA" {
			if _, err := netip.ParseAddr(words[0]); err != nil || len(words) > 1 {
				return value{}, fmt.Errorf("%s is not an address", quoted(text))
			}
		}
		v.data = append(v.data, words[0])
	}
	if rs.Type == "CNAME" && len(v.data) > 1 {
		return value{}, errors.New("several CNAMEs in one record set")
	}
	return v, nil
}

// target returns the group of the zone that a record set is an alias to, nil if there is none.
func (c *charter) target(rs *recordSet) *group {
	if !rs.isAlias() {
		return nil
	}
	name, err := corefileName(rs.AliasTarget.DNSName)
	if err != nil {
		return nil
	}
	return c.zone.groups[groupKey{name, rs.Type}]
}

// checksOf returns the names of the checks of a record set itself. It returns errNeverAnswered if they can't pass.
func (c *charter) checksOf(rs *recordSet) ([]string, error) {
	if rs.HealthCheckID == "" {
		return nil, nil
	}
	line := c.checks.line(rs.HealthCheckID)
	switch {
	case line.verdict == alwaysUp:
		return nil, nil
	case line.verdict == alwaysDown:
		return nil, errNeverAnswered
	case line.verdict == ofValues && c.target(rs) == nil && c.checks.areLookedUp(rs, line.lookedUp):
		rs.change(fmt.Sprintf("its health check %s asks each address by itself, and not one that %s has just then", quoted(rs.HealthCheckID), line.lookedUp))
	case line.verdict == ofValues, line.verdict == lost:
		line.dropped = true
		rs.change(fmt.Sprintf("its health check %s is left out: %s", quoted(rs.HealthCheckID), line.why))
		return nil, nil
	}
	return []string{line.name}, nil
}
