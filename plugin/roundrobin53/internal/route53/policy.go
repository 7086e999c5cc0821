package route53

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// failOver makes the routes of branches that stand in for one another, the first one first. If all are down, the
// first one is answered.
func failOver(branches []branch) ([]route, error) {
	if len(branches) == 1 {
		return branches[0].routes, nil
	}
	var routes []route
	for _, b := range branches {
		for i := range b.routes {
			r := &b.routes[i]
			isSame := func(other route) bool { return other.place == r.place && other.network == r.network }
			if !slices.ContainsFunc(routes, isSame) {
				routes = append(routes, route{place: r.place, network: r.network})
			}
		}
	}
	for i := range routes {
		for n, b := range branches {
			seen, err := b.seenFrom(&routes[i])
			if err != nil {
				return nil, err
			}
			routes[i].tiers = append(routes[i].tiers, seen.tiers...)
			if n == 0 {
				routes[i].rest = seen.rest
			}
		}
	}
	return routes, nil
}

// seenFrom returns what a branch answers to the clients of a route: its own route for them, and then those for
// wider ones.
func (b branch) seenFrom(r *route) (route, error) {
	var seen route
	for _, isWider := range []func(*route) bool{
		func(other *route) bool { return other.place == r.place && other.network == r.network },
		func(other *route) bool {
			country, _, divided := strings.Cut(r.place, "-")
			return divided && other.place == country && r.place != country
		},
		func(other *route) bool {
			return other.place == "" && other.network == "" && (r.place != "" || r.network != "")
		},
	} {
		for i := range b.routes {
			if isWider(&b.routes[i]) {
				seen.tiers = append(seen.tiers, b.routes[i].tiers...)
				if seen.rest == nil {
					seen.rest = b.routes[i].rest
				}
			}
		}
	}
	isContinent := func(r route) bool {
		return r.place != "" && len(r.place) != 2 && !strings.Contains(r.place[:min(3, len(r.place))], "-")
	}
	isNetwork := func(r route) bool { return r.network != "" }
	switch {
	case seen.tiers == nil:
		return seen, errors.New("routes below a failover have no default, so that some clients have no answer on one side")
	case b.nested:
		return seen, errors.New("networks within networks below a failover or a health check of their own; which is the next wider one differs from block to block")
	case slices.ContainsFunc(b.routes, isContinent) && slices.ContainsFunc(b.routes, func(r route) bool { return r.place != "" && !isContinent(r) }):
		return seen, errors.New("both continents and countries below a failover; only the client's own place can be followed")
	case slices.ContainsFunc(b.routes, isNetwork) && r.place != "", slices.ContainsFunc(b.routes, func(r route) bool { return r.place != "" }) && r.network != "":
		return seen, errors.New("both networks and places; a record goes by one or the other")
	}
	return seen, nil
}

// divide makes the routes of a policy that goes by where a client is.
func (c *charter) divide(branches []branch) ([]route, error) {
	var routes []route
	for _, b := range branches {
		r, err := b.unrouted()
		if err != nil {
			return nil, err
		}
		if r.place, r.network, err = c.selector(b.set); err != nil {
			return nil, err
		}
		isSame := func(other route) bool { return other.place == r.place && other.network == r.network }
		if slices.ContainsFunc(routes, isSame) {
			return nil, fmt.Errorf("%s is for clients that another record set is for", nameOf(b.set))
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// unrouted returns the one route of a branch that does not go by where a client is.
func (b branch) unrouted() (route, error) {
	if len(b.routes) != 1 || b.routes[0].place != "" || b.routes[0].network != "" {
		return route{}, fmt.Errorf("%s: a policy that goes by the client's place or network lies below another one", nameOf(b.set))
	}
	return b.routes[0], nil
}

// selector returns the place or the network that a record set is for; "" for all other clients.
func (c *charter) selector(rs *recordSet) (place, network string, err error) {
	if cidr := rs.CidrRoutingConfig; cidr != nil {
		switch {
		case cidr.LocationName == "*":
			return "", "", nil
		case len(c.checks.zones.network[cidr.LocationName]) == 0:
			return "", "", fmt.Errorf("no CIDR blocks of the location %s were read; print them with aws route53 list-cidr-blocks", quoted(cidr.LocationName))
		}
		return "", networkName(cidr.LocationName), nil
	}
	geo := rs.GeoLocation
	switch {
	case geo.ContinentCode != "":
		if place = continents[geo.ContinentCode]; place == "" {
			return "", "", fmt.Errorf("the continent %s is not known", quoted(geo.ContinentCode))
		}
	case geo.CountryCode == "*" || geo.CountryCode == "":
		return "", "", nil
	case geo.SubdivisionCode != "" && geo.SubdivisionCode != "*":
		place = geo.CountryCode + "-" + geo.SubdivisionCode
	default:
		place = geo.CountryCode
	}
	return place, "", nil
}

// areNested reports whether a block of one route lies in a block of another one.
func (c *charter) areNested(routes []route) bool {
	var all []netip.Prefix
	var of []int
	for i, r := range routes {
		for _, block := range c.checks.zones.network[strings.TrimPrefix(r.network, networkName(""))] {
			if prefix, err := netip.ParsePrefix(block); err == nil {
				all, of = append(all, prefix), append(of, i)
			}
		}
	}
	for i, prefix := range all {
		for j, other := range all[:i] {
			if of[i] != of[j] && prefix.Overlaps(other) {
				return true
			}
		}
	}
	return false
}

// networkName returns the name of the network that a location becomes.
func networkName(location string) string { return "cidr-" + location }

// answersAtMost is how many values Route 53's multivalue answers have.
const answersAtMost = 8

// choose makes the route of a policy that chooses among all record sets: by weight, by distance, or several at
// once. They are one tier.
func (c *charter) choose(g *group, branches []branch, made *chart) ([]route, error) {
	var checked, open tier
	scale, err := newScale(g, branches)
	if err != nil {
		return nil, err
	}
	for i, b := range branches {
		r, err := b.unrouted()
		if err != nil {
			return nil, err
		}
		if b.fills && !g.policy.nears() {
			return nil, fmt.Errorf("%s: a multivalue answer below a %s policy", nameOf(b.set), g.policy)
		}
		t, err := r.single()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
		}
		switch {
		case g.policy == weighted:
			t = scale.apply(i, t)
		case g.policy.nears():
			if t, err = c.place(b, t); err != nil {
				return nil, err
			}
		case len(t.values) > 1:
			return nil, fmt.Errorf("%s: several record sets below a multivalue answer", nameOf(b.set))
		}
		checked.values = append(checked.values, t.values...)
	}
	if g.policy == multivalue {
		if checked.many = len(checked.values) > 1; checked.many {
			made.fills = true
		}
	}
	if g.policy.nears() {
		made.fills = false // place has made one line of each multivalue answer
	}
	checked.values = merged(checked.values)
	open.many = checked.many
	for _, v := range checked.values {
		v.checks = nil
		open.values = append(open.values, v)
	}
	return []route{{tiers: []tier{checked}, rest: []tier{open}}}, nil
}

// merged adds up the weights of values that are the same: Route 53 lets several record sets have one address.
func merged(values []value) []value {
	var kept []value
	for _, v := range values {
		isSame := func(other value) bool {
			return v.hasWeight && other.hasWeight && slices.Equal(v.data, other.data) && checksKey(v) == checksKey(other) && v.at == other.at
		}
		if i := slices.IndexFunc(kept, isSame); i >= 0 {
			kept[i].weight += v.weight
			kept[i].comments = append(slices.Clone(kept[i].comments), v.comments...)
			kept[i].sets = append(slices.Clone(kept[i].sets), v.sets...)
			continue
		}
		kept = append(kept, v)
	}
	return kept
}
