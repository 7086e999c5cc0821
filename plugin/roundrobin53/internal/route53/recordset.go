package route53

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// recordSet is a ResourceRecordSet of the API. Fields that begin with a capital are those of the JSON.
type recordSet struct {
	Name, Type, SetIdentifier string
	TTL                       *uint32
	ResourceRecords           []struct{ Value string }
	AliasTarget               *aliasTarget
	HealthCheckID             string `json:"HealthCheckId"`
	TrafficPolicyInstanceID   string `json:"TrafficPolicyInstanceId"`

	Weight               *int
	Region               string
	Failover             string
	MultiValueAnswer     *bool
	GeoLocation          *geoLocation
	GeoProximityLocation *geoProximity
	CidrRoutingConfig    *cidrRouting

	at      place
	unknown []string // fields that are not known here
	name    string   // full, in the spelling of Corefiles
	fate    fate
	whys    []string
}

type aliasTarget struct {
	HostedZoneID         string `json:"HostedZoneId"`
	DNSName              string
	EvaluateTargetHealth bool
}

type geoLocation struct{ ContinentCode, CountryCode, SubdivisionCode string }

type geoProximity struct {
	AWSRegion, LocalZoneGroup string
	Coordinates               *struct{ Latitude, Longitude string }
	Bias                      int
}

type cidrRouting struct {
	CollectionID string `json:"CollectionId"`
	LocationName string
}

// policy is the routing policy of a group of record sets.
type policy int

const (
	simple policy = iota
	weighted
	failover
	multivalue
	geolocation
	geoproximity
	latency
	ipBased
)

var policyNames = []string{"simple", "weighted", "failover", "multivalue answer", "geolocation", "geoproximity", "latency", "IP-based"}

func (p policy) String() string { return policyNames[p] }

// routes reports whether the policy goes by where a client is, so that it becomes the route stage.
func (p policy) routes() bool { return p == geolocation || p == ipBased }

// nears reports whether the policy goes by distance.
func (p policy) nears() bool { return p == latency || p == geoproximity }

// policies returns the policies whose fields a record set has. Route 53 allows one.
func (rs *recordSet) policies() []policy {
	var all []policy
	for p, has := range map[policy]bool{
		weighted: rs.Weight != nil, failover: rs.Failover != "", multivalue: rs.MultiValueAnswer != nil && *rs.MultiValueAnswer,
		geolocation: rs.GeoLocation != nil, geoproximity: rs.GeoProximityLocation != nil,
		latency: rs.Region != "", ipBased: rs.CidrRoutingConfig != nil,
	} {
		if has {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// problem tells why a record set can't be carried over by itself; "" if it can.
func (rs *recordSet) problem() string {
	all := rs.policies()
	switch {
	case len(rs.unknown) > 0:
		return fmt.Sprintf("the field %s is not known", quoted(rs.unknown[0]))
	case len(all) > 1:
		return fmt.Sprintf("two policies, %s and %s", all[0], all[1])
	case rs.AliasTarget == nil && len(rs.ResourceRecords) == 0 && rs.TrafficPolicyInstanceID != "":
		return "a traffic policy made it, and the list does not say what it answers"
	case rs.AliasTarget == nil && len(rs.ResourceRecords) == 0:
		return "no values"
	case rs.AliasTarget != nil && len(rs.ResourceRecords) > 0:
		return "both values and an alias"
	case rs.Failover != "" && rs.Failover != primary && rs.Failover != secondary:
		return fmt.Sprintf("Failover %s is neither PRIMARY nor SECONDARY", quoted(rs.Failover))
	}
	return ""
}

// The sides of failover.
const primary, secondary = "PRIMARY", "SECONDARY"

// judge finds out the policy of a group, and leaves out what it can't be told for.
func (g *group) judge() {
	for _, rs := range g.sets {
		if why := rs.problem(); why != "" {
			rs.leave(why)
		}
	}
	kept := g.kept()
	if len(kept) == 0 {
		return
	}
	g.policy = kept[0].policy()
	isOther := func(rs *recordSet) bool { return rs.policy() != g.policy }
	switch {
	case slices.ContainsFunc(kept, isOther):
		g.leave("the record sets of this name and type have different policies")
	case g.policy == simple && len(kept) > 1:
		g.leave(fmt.Sprintf("%d record sets without a policy", len(kept)))
	case countOf(kept, primary) > 1 || countOf(kept, secondary) > 1:
		g.leave("two record sets are the same side of a failover")
	}
}

// policy returns the one policy of a record set that has no problem.
func (rs *recordSet) policy() policy {
	if all := rs.policies(); len(all) > 0 {
		return all[0]
	}
	return simple
}

func countOf(sets []*recordSet, side string) int {
	n := 0
	for _, rs := range sets {
		if rs.Failover == side {
			n++
		}
	}
	return n
}

// sort puts the record sets of a group into an order that does not depend on that of the input: a
// primary first, then by identifier.
func (g *group) sort() {
	slices.SortStableFunc(g.sets, func(a, b *recordSet) int {
		return cmp.Or(strings.Compare(a.Failover, b.Failover), strings.Compare(a.SetIdentifier, b.SetIdentifier))
	})
}

// isAlias reports whether a record set is an alias.
func (rs *recordSet) isAlias() bool { return rs.AliasTarget != nil }

// values returns the data of the records.
func (rs *recordSet) values() []string {
	all := make([]string, len(rs.ResourceRecords))
	for i, record := range rs.ResourceRecords {
		all[i] = record.Value
	}
	return all
}

// isSame reports whether two record sets say the same.
func (rs *recordSet) isSame(other *recordSet) bool { return rs.raw() == other.raw() }
