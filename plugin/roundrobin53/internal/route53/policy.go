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
			if r := &b.routes[i]; !slices.ContainsFunc(routes, r.isForSame) {
				routes = append(routes, route{place: r.place, network: r.network})
			}
		}
	}
	for i := range routes {
		if err := routes[i].fillFrom(branches); err != nil {
			return nil, err
		}
	}
	return routes, nil
}

// isForSame reports whether two routes are for the same clients.
func (r *route) isForSame(other route) bool {
	return other.place == r.place && other.network == r.network
}

// isForRest reports whether a route is for the clients that no other one is for.
func (r *route) isForRest() bool { return r.place == "" && r.network == "" }

// fillFrom makes the tiers of a route from those of branches that stand in for one another.
func (r *route) fillFrom(branches []branch) error {
	for n, b := range branches {
		seen, err := b.seenFrom(r)
		if err != nil {
			return err
		}
		r.tiers = append(r.tiers, seen.tiers...)
		if n == 0 {
			r.rest = seen.rest
		}
	}
	return nil
}

// seenFrom returns what a branch answers to the clients of a route: its own route for them, and then those for
// wider ones.
func (b branch) seenFrom(r *route) (route, error) {
	if err := b.canBeFollowed(r); err != nil {
		return route{}, err
	}
	country, _, isDivided := strings.Cut(r.place, "-")
	var seen route
	for _, isNext := range []func(route) bool{
		r.isForSame,
		func(other route) bool { return isDivided && other.place == country },
		func(other route) bool { return other.isForRest() && !r.isForRest() },
	} {
		if i := slices.IndexFunc(b.routes, isNext); i >= 0 {
			seen.tiers = append(seen.tiers, b.routes[i].tiers...)
			if seen.rest == nil {
				seen.rest = b.routes[i].rest
			}
		}
	}
	if seen.tiers == nil {
		return seen, errors.New("routes below a failover have no default, so that some clients have no answer on one side")
	}
	return seen, nil
}

// canBeFollowed returns an error unless it is known which routes of a branch are the next wider ones for the clients
// of a route.
func (b branch) canBeFollowed(r *route) error {
	has := func(is func(route) bool) bool { return slices.ContainsFunc(b.routes, is) }
	isPlaced := func(other route) bool { return other.place != "" }
	isContinent := func(other route) bool { return slices.Contains(continentNames, other.place) }
	isSmaller := func(other route) bool { return isPlaced(other) && !isContinent(other) }
	isNetwork := func(other route) bool { return other.network != "" }
	switch {
	case b.nested:
		return errors.New("networks within networks below a failover or a health check of their own; which is the next wider one differs from block to block")
	case has(isContinent) && (has(isSmaller) || isSmaller(*r)):
		return errors.New("both continents and countries below a failover; only the client's own place can be followed")
	case has(isNetwork) && isPlaced(*r), has(isPlaced) && isNetwork(*r):
		return errors.New("both networks and places; a record goes by one or the other")
	}
	return nil
}

// divide makes the routes of a policy that goes by where a client is.
func (c *charter) divide(branches []branch) ([]route, error) {
	var routes []route
	for _, b := range branches {
		r, err := b.unrouted()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
		}
		if r.place, r.network, err = c.selector(b.set); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(routes, r.isForSame) {
			return nil, fmt.Errorf("%s is for clients that another record set is for", nameOf(b.set))
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// unrouted returns the one route of a branch that does not go by where a client is.
func (b branch) unrouted() (route, error) {
	if len(b.routes) != 1 || b.routes[0].place != "" || b.routes[0].network != "" {
		return route{}, errors.New("a policy that goes by the client's place or network lies below another one")
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
	var checked tier
	scale, err := newScale(g, branches)
	if err != nil {
		return nil, err
	}
	for i, b := range branches {
		t, err := b.single(g)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
		}
		switch {
		case g.policy == weighted:
			t = scale.apply(i, t)
		case g.policy.nears():
			if t, err = c.place(b, t); err != nil {
				return nil, fmt.Errorf("%s: %w", nameOf(b.set), err)
			}
		}
		checked.values = append(checked.values, t.values...)
	}
	checked.many = g.policy == multivalue && len(checked.values) > 1
	made.fills = checked.many // below a distance, a multivalue answer has become one line
	checked.values = merged(checked.values)
	open := edit([]tier{checked}, func(v *value) { v.checks = nil })
	return []route{{tiers: []tier{checked}, rest: open}}, nil
}

// single returns the one tier of a branch that a group chooses among others.
func (b branch) single(g *group) (tier, error) {
	if b.fills && !g.policy.nears() {
		return tier{}, fmt.Errorf("a multivalue answer below a %s policy", g.policy)
	}
	r, err := b.unrouted()
	if err != nil {
		return tier{}, err
	}
	t, err := r.single()
	if err == nil && g.policy == multivalue && len(t.values) > 1 {
		err = errors.New("several record sets below a multivalue answer")
	}
	return t, err
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
