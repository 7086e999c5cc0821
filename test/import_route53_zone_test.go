package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// mixedZone makes up record sets.
type mixedZone struct {
	random *rand.Rand
	sets   []any
	names  []string // of groups that aliases can lead to
	routed []string // of groups that go by where a client is; only some aliases can lead there
}

// writeMixedZone writes a zone of about n record sets in which policies lead to others, and its health checks.
func writeMixedZone(t *testing.T, dir string, n int, seed uint64) {
	t.Helper()
	z := &mixedZone{random: rand.New(rand.NewPCG(53, seed))}
	z.add("@", "SOA", map[string]any{"TTL": 900, "ResourceRecords": recordsOf("ns-2048.awsdns-64.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400")})
	for i := 0; len(z.sets) < n; i++ {
		z.group(fmt.Sprintf("n%03d", i))
	}
	write := func(name string, content any) {
		data, err := json.MarshalIndent(content, "", "    ")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("zone.json", map[string]any{"ResourceRecordSets": z.sets})
	write("checks.json", map[string]any{"HealthChecks": mixedChecks()})
	write("blocks.json", map[string]any{"CidrBlocks": []any{
		map[string]any{"CidrBlock": "10.2.0.0/16", "LocationName": "isp"},
		map[string]any{"CidrBlock": "192.0.2.0/24", "LocationName": "office"},
		map[string]any{"CidrBlock": "192.0.2.64/26", "LocationName": "floor"},
	}})
}

// checkID is the Id of the health check of an endpoint.
func checkID(endpoint string) string {
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", endpoint[0])
}

func mixedChecks() []any {
	check := func(endpoint string, conf map[string]any) any {
		return map[string]any{"Id": checkID(endpoint), "CallerReference": endpoint, "HealthCheckVersion": 1, "HealthCheckConfig": conf}
	}
	return []any{
		check("a", map[string]any{"Type": "HTTP", "ResourcePath": "/a", "RequestInterval": 30, "FailureThreshold": 3}),
		check("b", map[string]any{"Type": "HTTP_STR_MATCH", "ResourcePath": "/b", "SearchString": "well", "FullyQualifiedDomainName": "www.example.com", "RequestInterval": 10, "FailureThreshold": 1}),
		check("c", map[string]any{"Type": "HTTP", "ResourcePath": "/c", "Inverted": true, "RequestInterval": 30, "FailureThreshold": 3}),
		check("e", map[string]any{"Type": "TCP", "RequestInterval": 30, "FailureThreshold": 3}),
		check("f", map[string]any{"Type": "HTTP", "ResourcePath": "/f", "RequestInterval": 30, "FailureThreshold": 3}),
		check("g", map[string]any{"Type": "CALCULATED", "HealthThreshold": 2, "ChildHealthChecks": []string{checkID("a"), checkID("b"), checkID("f")}}),
		check("h", map[string]any{"Type": "CALCULATED", "HealthThreshold": 1, "Inverted": true, "ChildHealthChecks": []string{checkID("e"), checkID("f")}}),
		check("i", map[string]any{"Type": "TCP", "Disabled": true}),
	}
}

func recordsOf(all ...string) []map[string]string {
	var records []map[string]string
	for _, value := range all {
		records = append(records, map[string]string{"Value": value})
	}
	return records
}

// add adds a record set.
func (z *mixedZone) add(name, rrtype string, set map[string]any) {
	full := "example.com."
	if name != "@" {
		full = name + "." + full
	}
	set["Name"], set["Type"] = full, rrtype
	z.sets = append(z.sets, set)
}

// group adds the record sets of one name.
func (z *mixedZone) group(name string) {
	members := z.policy()
	for i, member := range members {
		if len(members) > 1 {
			member["SetIdentifier"] = fmt.Sprintf("set %d", i)
		}
		if z.random.IntN(2) == 0 {
			member["HealthCheckId"] = checkID(string("abcefghi"[z.random.IntN(8)]))
		}
		if len(z.names) > 0 && z.random.IntN(3) == 0 && member["MultiValueAnswer"] == nil {
			target := z.names[z.random.IntN(len(z.names))]
			if len(z.routed) > 0 && z.random.IntN(8) == 0 {
				target = z.routed[z.random.IntN(len(z.routed))]
			}
			member["AliasTarget"] = map[string]any{
				"HostedZoneId": "Z0123456789ABCDEFGHIJ", "DNSName": target + ".example.com.", "EvaluateTargetHealth": z.random.IntN(4) > 0,
			}
		} else {
			n := 1
			if member["MultiValueAnswer"] == nil {
				n += z.random.IntN(2)
			}
			var all []string
			for range n {
				all = append(all, fmt.Sprintf("192.0.2.%d", 1+len(z.sets)%80*3+len(all)))
			}
			member["TTL"], member["ResourceRecords"] = 60, recordsOf(all...)
		}
		z.add(name, "A", member)
	}
	if members[0]["GeoLocation"] != nil || members[0]["CidrRoutingConfig"] != nil {
		z.routed = append(z.routed, name)
	} else {
		z.names = append(z.names, name)
	}
}

// policy makes the record sets of a policy, without values.
func (z *mixedZone) policy() []map[string]any {
	some := func(fields ...map[string]any) []map[string]any { return fields }
	geo := func(field, code string) map[string]any {
		return map[string]any{"GeoLocation": map[string]any{field: code}}
	}
	cidr := func(location string) map[string]any {
		return map[string]any{"CidrRoutingConfig": map[string]any{"CollectionId": "c8c02a84-aaaa-bbbb-cccc-000000000001", "LocationName": location}}
	}
	switch z.random.IntN(8) {
	case 0:
		return some(map[string]any{})
	case 1:
		return some(map[string]any{"MultiValueAnswer": true}, map[string]any{"MultiValueAnswer": true}, map[string]any{"MultiValueAnswer": true})
	case 2:
		return some(map[string]any{"Failover": "PRIMARY"}, map[string]any{"Failover": "SECONDARY"})
	case 3:
		return some(geo("ContinentCode", "EU"), geo("CountryCode", "US"), geo("CountryCode", "*"),
			map[string]any{"GeoLocation": map[string]any{"CountryCode": "US", "SubdivisionCode": "CA"}})
	case 4:
		return some(cidr("isp"), cidr("office"), cidr("floor"), cidr("*"))
	case 5:
		return some(map[string]any{"Region": "eu-central-1"}, map[string]any{"Region": "us-west-1"}, map[string]any{"Region": "us-east-1"})
	case 6:
		return some(map[string]any{"GeoProximityLocation": map[string]any{"AWSRegion": "ap-southeast-2"}},
			map[string]any{"GeoProximityLocation": map[string]any{"Coordinates": map[string]any{"Latitude": "51.5", "Longitude": "-0.1"}}})
	}
	weights := []int{z.random.IntN(4), z.random.IntN(4), z.random.IntN(3)}
	return some(map[string]any{"Weight": weights[0]}, map[string]any{"Weight": weights[1]}, map[string]any{"Weight": weights[2]})
}
