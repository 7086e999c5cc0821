package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// What follows is Route 53 as its developer guide describes it, made from the JSON of the API alone: which values a name has for
// a client while some endpoints are down. It knows nothing of tiers and routes. "Choosing records when health checking is
// configured" and "health checks in complex configurations" are its sources.

// apiSet is a ResourceRecordSet.
type apiSet struct {
	Name, Type, SetIdentifier, Failover, Region, HealthCheckId string //nolint:revive // the names of the API

	Weight           *int64
	MultiValueAnswer bool
	TTL              int64
	ResourceRecords  []struct{ Value string }
	AliasTarget      *struct {
		DNSName              string
		EvaluateTargetHealth bool
	}
	GeoLocation          *struct{ ContinentCode, CountryCode, SubdivisionCode string }
	CidrRoutingConfig    *struct{ LocationName string }
	GeoProximityLocation *struct {
		AWSRegion, LocalZoneGroup string
		Coordinates               *struct{ Latitude, Longitude string }
	}
}

// apiCheck is a HealthCheck. Its CallerReference is the endpoint of the target that it watches.
type apiCheck struct {
	Id, CallerReference string //nolint:revive // the names of the API
	HealthCheckConfig   struct {
		Type               string
		Inverted, Disabled bool
		HealthThreshold    int
		ChildHealthChecks  []string
	}
}

// route53Zone is a hosted zone and what its record sets refer to.
type route53Zone struct {
	groups map[[2]string][]*apiSet // by name and type
	checks map[string]*apiCheck
	blocks map[string][]netip.Prefix
}

// readRoute53 reads the JSON files of a directory.
func readRoute53(t *testing.T, dir string) *route53Zone {
	t.Helper()
	z := &route53Zone{make(map[[2]string][]*apiSet), make(map[string]*apiCheck), make(map[string][]netip.Prefix)}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			ResourceRecordSets []*apiSet
			HealthChecks       []*apiCheck
			CidrBlocks         []struct{ CidrBlock, LocationName string }
		}
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(name, err)
		}
		for _, set := range all.ResourceRecordSets {
			key := [2]string{set.Name, set.Type}
			z.groups[key] = append(z.groups[key], set)
		}
		for _, check := range all.HealthChecks {
			z.checks[check.Id] = check
		}
		for _, block := range all.CidrBlocks {
			z.blocks[block.LocationName] = append(z.blocks[block.LocationName], netip.MustParsePrefix(block.CidrBlock))
		}
	}
	return z
}

// asking is who asks.
type asking struct {
	network netip.Prefix
	server.Location
}

// located reports whether it is known where the client is.
func (c *asking) located() bool { return c.At != [2]float64{} }

// moment is a client, and the endpoints that are down.
type moment struct {
	*route53Zone
	client *asking
	down   string
}

// isHealthy is the status of a health check.
func (m *moment) isHealthy(id string) bool {
	check := m.checks[id]
	if check == nil {
		return true // the record set has none
	}
	conf := &check.HealthCheckConfig
	var healthy bool
	switch {
	case conf.Disabled:
		healthy = true
	case conf.Type == "CALCULATED":
		n := 0
		for _, child := range conf.ChildHealthChecks {
			if m.isHealthy(child) {
				n++
			}
		}
		healthy = n >= conf.HealthThreshold
	default:
		healthy = !slices.Contains(strings.Fields(m.down), check.CallerReference)
	}
	return healthy != conf.Inverted
}

// outcomes are the answers that a query can get, each with its share. An answer is its values in order, or "8 of" and more
// values; "" is NODATA.
type outcomes map[string]*big.Rat

// answer is what a group of record sets answers.
func (m *moment) answer(key [2]string) outcomes {
	candidates := m.candidates(m.groups[key])
	up := slices.DeleteFunc(slices.Clone(candidates), func(set *apiSet) bool { return !m.isUp(set) })
	if len(up) == 0 {
		up = candidates // all are considered healthy
	}
	switch {
	case len(up) == 0:
		return outcomes{"": big.NewRat(1, 1)}
	case up[0].Weight != nil:
		return m.byWeight(up)
	case up[0].MultiValueAnswer:
		return severalOf(up)
	}
	return m.answerOf(up[0])
}

// candidates are the record sets of a group that may answer the client, the best first where that is told.
func (m *moment) candidates(group []*apiSet) []*apiSet {
	rank := make(map[*apiSet]float64) // the least is the best
	for _, set := range group {
		switch {
		case set.GeoLocation != nil:
			if n := m.client.matches(set); n >= 0 {
				rank[set] = -float64(n)
			}
		case set.CidrRoutingConfig != nil:
			if n := m.longest(set.CidrRoutingConfig.LocationName); n >= 0 {
				rank[set] = -float64(n)
			}
		case set.Region != "" || set.GeoProximityLocation != nil:
			rank[set] = m.client.distance(set)
		case set.Failover == "SECONDARY":
			rank[set] = 1
		default:
			rank[set] = 0
		}
	}
	return slices.SortedStableFunc(maps.Keys(rank), func(a, b *apiSet) int {
		switch {
		case rank[a] != rank[b] && rank[a] < rank[b]:
			return -1
		case rank[a] != rank[b]:
			return 1
		}
		return strings.Compare(a.SetIdentifier, b.SetIdentifier)
	})
}

// isUp reports whether a record set is healthy: its health check is and, if the target's health is evaluated, any of the record
// sets that it is an alias to.
func (m *moment) isUp(set *apiSet) bool {
	if !m.isHealthy(set.HealthCheckId) {
		return false
	}
	if set.AliasTarget == nil || !set.AliasTarget.EvaluateTargetHealth {
		return true
	}
	group := m.groups[[2]string{set.AliasTarget.DNSName, set.Type}]
	return group == nil || slices.ContainsFunc(m.candidates(group), m.isUp)
}

// answerOf is what one record set answers.
func (m *moment) answerOf(set *apiSet) outcomes {
	if set.AliasTarget != nil {
		return m.answer([2]string{set.AliasTarget.DNSName, set.Type})
	}
	return outcomes{valuesOf(set): big.NewRat(1, 1)}
}

func valuesOf(sets ...*apiSet) string {
	var all []string
	for _, set := range sets {
		for _, record := range set.ResourceRecords {
			all = append(all, record.Value)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// byWeight is weighted routing among record sets that are up. Those of weight 0 answer only if no other is up.
func (m *moment) byWeight(up []*apiSet) outcomes {
	sum := int64(0)
	for _, set := range up {
		sum += *set.Weight
	}
	all := make(outcomes)
	for _, set := range up {
		share := big.NewRat(1, int64(len(up)))
		if sum > 0 {
			share = big.NewRat(*set.Weight, sum)
		}
		for values, inner := range m.answerOf(set) {
			if all[values] == nil {
				all[values] = new(big.Rat)
			}
			all[values].Add(all[values], new(big.Rat).Mul(share, inner))
		}
	}
	maps.DeleteFunc(all, func(_ string, share *big.Rat) bool { return share.Sign() == 0 })
	return all
}

// severalOf is a multivalue answer: up to eight of the record sets that are up.
func severalOf(up []*apiSet) outcomes {
	values := valuesOf(up...)
	if len(up) > 8 {
		values = "8 of " + values
	}
	return outcomes{values: big.NewRat(1, 1)}
}

// matches tells how closely a record set fits the place of a client; -1 if it is for others.
func (c *asking) matches(set *apiSet) int {
	geo := set.GeoLocation
	switch {
	case geo.CountryCode == "*":
		return 0
	case geo.ContinentCode != "" && geo.ContinentCode == c.Continent:
		return 1
	case geo.CountryCode != "" && geo.SubdivisionCode == "" && geo.CountryCode == c.Country:
		return 2
	case geo.SubdivisionCode != "" && geo.CountryCode == c.Country && slices.Contains(c.Subdivisions, geo.SubdivisionCode):
		return 3
	}
	return -1
}

// longest is the length of the longest block of a CIDR location that has the client; -1 if none has.
func (m *moment) longest(location string) int {
	if location == "*" {
		return 0
	}
	best := -1
	for _, block := range m.blocks[location] {
		if block.Contains(m.client.network.Addr()) && block.Bits() <= m.client.network.Bits() {
			best = max(best, block.Bits())
		}
	}
	return best
}

// regionPlaces are where the regions and Local Zones of the tests are. Latency is taken to follow distance, as the import says.
var regionPlaces = map[string][2]float64{
	"eu-central-1": {50.1, 8.7}, "us-west-1": {37.3, -121.9}, "eu-west-2": {51.5, -0.1}, "us-west-2-lax-1": {34.1, -118.2},
	"us-east-1": {39, -77.5}, "ap-southeast-2": {-33.9, 151.2},
}

// distance is how far the resource of a record set is, as an angle.
func (c *asking) distance(set *apiSet) float64 {
	at := regionPlaces[set.Region]
	if proximity := set.GeoProximityLocation; proximity != nil {
		at = regionPlaces[proximity.AWSRegion+proximity.LocalZoneGroup]
		if proximity.Coordinates != nil {
			at[0], _ = strconv.ParseFloat(proximity.Coordinates.Latitude, 64)
			at[1], _ = strconv.ParseFloat(proximity.Coordinates.Longitude, 64)
		}
	}
	const degree = math.Pi / 180
	lat1, lat2, lon := c.At[0]*degree, at[0]*degree, (c.At[1]-at[1])*degree
	return math.Acos(math.Sin(lat1)*math.Sin(lat2) + math.Cos(lat1)*math.Cos(lat2)*math.Cos(lon))
}

// goesByDistance reports whether a group, or one that its aliases lead to, needs to know where a client is.
func (z *route53Zone) goesByDistance(key [2]string) bool {
	return slices.ContainsFunc(z.groups[key], func(set *apiSet) bool {
		if set.Region != "" || set.GeoProximityLocation != nil {
			return true
		}
		return set.AliasTarget != nil && z.goesByDistance([2]string{set.AliasTarget.DNSName, set.Type})
	})
}

var octalEscape = regexp.MustCompile(`\\[0-3][0-7][0-7]`)

// inDecimal writes the numbers of Route 53's escapes as zone files do.
func inDecimal(text string) string {
	return octalEscape.ReplaceAllStringFunc(text, func(escape string) string {
		octet, _ := strconv.ParseUint(escape[1:], 8, 8)
		return fmt.Sprintf(`\%03d`, octet)
	})
}

// wantedData are the records of a group without a policy as text. Strings of TXT are joined.
func (z *route53Zone) wantedData(t *testing.T, key [2]string) []string {
	t.Helper()
	var all []string
	for _, set := range z.groups[key] {
		if set.AliasTarget != nil {
			return z.wantedData(t, [2]string{set.AliasTarget.DNSName, set.Type})
		}
		for _, record := range set.ResourceRecords {
			rr, err := dns.NewRR(fmt.Sprintf("name. 0 IN %s %s", set.Type, inDecimal(record.Value)))
			if err != nil {
				t.Fatal(key, err)
			}
			all = append(all, dataText(rr))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// dataText is the data of a record, in lower case, and of a TXT the strings joined.
func dataText(rr dns.RR) string {
	if txt, ok := rr.(*dns.TXT); ok {
		return strings.Join(txt.Txt, "")
	}
	return strings.ToLower(strings.TrimPrefix(rr.String(), rr.Header().String()))
}
