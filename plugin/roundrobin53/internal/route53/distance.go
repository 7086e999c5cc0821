package route53

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// place gives the values of a branch the location of its record set.
func (c *charter) place(b branch, t tier) (tier, error) {
	at, err := b.set.location()
	if err != nil {
		return tier{}, err
	}
	if own, err := c.checksOf(b.set); err == nil && len(own) > 0 && b.set.isAlias() {
		if slices.ContainsFunc(t.values, func(v value) bool { return len(v.checks) > len(own) }) {
			return tier{}, errors.New("a health check of the alias beside those below it, and a policy that goes by distance")
		}
	}
	if t.many {
		if err := t.uniform(); err != nil || len(t.values) > answersAtMost {
			return tier{}, errors.New("a multivalue answer below a policy that goes by distance")
		}
		t = tier{values: []value{joined(t.values)}}
	}
	isZero := func(v value) bool { return v.hasWeight && v.weight == 0 }
	if slices.ContainsFunc(t.values, isZero) {
		if slices.ContainsFunc(t.values, func(v value) bool { return !isZero(v) }) {
			return tier{}, errors.New("a value of weight 0 below a policy that goes by distance")
		}
		t = edit([]tier{t}, func(v *value) { v.weight = 1 })[0]
	}
	if slices.ContainsFunc(t.values, func(v value) bool { return v.at != "" }) {
		return tier{}, errors.New("one policy that goes by distance below another")
	}
	return placed([]tier{t}, at)[0], nil
}

// joined makes one line of values that are up and down together.
func joined(values []value) value {
	one := values[0]
	one.data, one.comments, one.sets = nil, nil, nil
	for _, v := range values {
		one.sets = append(one.sets, v.sets...)
		one.data = append(one.data, v.data...)
		one.comments = append(one.comments, v.comments...)
	}
	return one
}

// location returns where the resource of a record set is. It notes what distance loses of the policy.
func (rs *recordSet) location() (location, error) {
	if rs.Region != "" {
		at, ok := regions[rs.Region]
		if !ok {
			return "", fmt.Errorf("the region %s is not in the table of regions", quoted(rs.Region))
		}
		rs.change("latency becomes distance, to where the region is")
		return at, nil
	}
	geo := rs.GeoProximityLocation
	if geo.Bias != 0 {
		rs.change(fmt.Sprintf("its bias of %d is lost", geo.Bias))
	}
	switch {
	case geo.Coordinates != nil:
		return location(strings.TrimSpace(geo.Coordinates.Latitude) + "," + strings.TrimSpace(geo.Coordinates.Longitude)), nil
	case geo.LocalZoneGroup != "":
		at, ok := localZone(geo.LocalZoneGroup)
		if !ok {
			return "", fmt.Errorf("the Local Zone %s is not in the table of cities", quoted(geo.LocalZoneGroup))
		}
		return at, nil
	}
	at, ok := regions[strings.TrimPrefix(geo.AWSRegion, "aws:route53:")]
	if !ok {
		return "", fmt.Errorf("the region %s is not in the table of regions", quoted(geo.AWSRegion))
	}
	return at, nil
}
