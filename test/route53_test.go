package test

import (
	"testing"

	"github.com/miekg/dns"
)

// The routing policies of the Route 53 developer guide, each as the stages that it is made of. Route 53's geolocation is in
// a file of its own.

// Simple routing: all values of one record.
func TestRoute53Simple(t *testing.T) {
	checkPolicies(t, "simple.example.org", "", []policyCase{
		{row: "one value", values: "a", want: "a"},
		{row: "several values: all of them", values: "a b c", want: "a b c"},
		{row: "several IPv6 values: all of them", values: "A B C", qtype: dns.TypeAAAA, want: "A B C"},
		{row: "the other family", values: "a b", qtype: dns.TypeAAAA, want: "no values"},
	})
}

// Multivalue answer routing: up to eight healthy values.
func TestRoute53Multivalue(t *testing.T) {
	const ten = "a b c d e f g h i j"
	checkPolicies(t, "multivalue.example.org", "", []policyCase{
		{row: "more than 8 healthy: 8 of them", values: signed(ten, "+"), options: "answers 8", want: ten, each: 8},
		{row: "more than 8 healthy, some not: 8 of the healthy", values: signed(ten, "+") + " k- l-", options: "answers 8", want: ten, each: 8},
		{row: "8 healthy: all of them", values: "a+ b+ c+ d+ e+ f+ g+ h+ i- j-", options: "answers 8", want: "a b c d e f g h"},
		{row: "fewer than 8 healthy: all of them", values: "a+ b- c+ d- e+ f- g- h- i- j-", options: "answers 8", want: "a c e"},
		{row: "without a check: always healthy", values: "a b- c+", options: "answers 8", want: "a c"},
		{row: "all unhealthy: 8 of all", values: signed(ten, "-"), options: "answers 8", want: ten, each: 8},
		{row: "all unhealthy, fewer than 8: all", values: "a- b- c-", options: "answers 8", want: "a b c"},
	})
}

// Weighted routing: one value, in proportion.
func TestRoute53Weighted(t *testing.T) {
	checkPolicies(t, "weighted.example.org", "", []policyCase{
		{row: "in proportion", values: "a3 b1", want: "a3 b1", each: 1},
		{row: "1 % for a trial", values: "a99 b1", want: "a99 b1", each: 1},
		{row: "equal weights", values: "a10 b10 c10", want: "a b c", each: 1},
		{row: "weight 0: no traffic", values: "a0 b10 c20", want: "b1 c2", each: 1},
		{row: "all weights 0: equal", values: "a0 b0 c0", want: "a b c", each: 1},
		{row: "unhealthy: leaves the denominator", values: "a2- b2+ c1+", want: "b2 c1", each: 1},
		{row: "only weight 0 healthy: it stands in", values: "a0+ b10- c20-", want: "a"},
		{row: "several of weight 0 stand in: equal", values: "a0+ b10- c0+", want: "a c", each: 1},
		{row: "weight 0 unhealthy, others healthy", values: "a0- b10+", want: "b"},
		{row: "all unhealthy: as if all were healthy", values: "a3- b1-", want: "a3 b1", each: 1},
		{row: "all unhealthy, one of weight 0: the others", values: "a0- b3- c1-", want: "b3 c1", each: 1},
		{row: "all unhealthy, all of weight 0: equal", values: "a0- b0-", want: "a b", each: 1},
	})
}

// Failover routing: a primary, and a secondary where that is unhealthy.
func TestRoute53Failover(t *testing.T) {
	checkPolicies(t, "failover.example.org", "", []policyCase{
		{row: "both healthy: primary", values: "a+ | s+", want: "a"},
		{row: "primary unhealthy: secondary", values: "a- | s+", want: "s"},
		{row: "secondary unhealthy: primary", values: "a+ | s-", want: "a"},
		{row: "both unhealthy: primary", values: "a- | s-", want: "a"},
		{row: "secondary without a check: always counts", values: "a- | s", want: "s"},
		{row: "secondary without a check, primary healthy", values: "a+ | s", want: "a"},
		{row: "primary without a check: always counts", values: "a | s+", want: "a"},
		{row: "several primaries: one healthy is enough", values: "a- b+ c- | s+ t+", want: "b"},
		{row: "several primaries unhealthy: all secondaries that are healthy", values: "a- b- | s+ t+ u-", want: "s t"},
		{row: "a third level, which Route 53 builds of aliases", values: "a- | s- | u+ v+", want: "u v"},
		{row: "active-active: all that are healthy", values: "a+ b- c+", want: "a c"},
		{row: "active-active, all unhealthy: all", values: "a- b- c-", want: "a b c"},
	})
}

// IP-based routing: by the client's network.
func TestRoute53IPBased(t *testing.T) {
	const networks = "ecs\nnetwork isp 198.51.100.0/24 2001:db8:100::/40\nnetwork office 198.51.100.128/25 2001:db8:100:1::/64"
	const values = "isp: a office: b default: d"
	checkPolicies(t, "ip.example.org", networks, []policyCase{
		{row: "the network", values: values, client: "198.51.100.7", want: "a"},
		{row: "the longest prefix", values: values, client: "198.51.100.129", want: "b"},
		{row: "the longest prefix, whatever comes first", values: "default: d office: b isp: a", client: "198.51.100.129", want: "b"},
		{row: "no network: default", values: values, client: "203.0.113.9", want: "d"},
		{row: "no network, no default: NODATA", values: "isp: a office: b", client: "203.0.113.9", want: "nodata"},
		{row: "IPv6 network", values: values, client: "2001:db8:100:2::/64", want: "a"},
		{row: "IPv6, the longest prefix", values: values, client: "2001:db8:100:1::/64", want: "b"},
		{row: "IPv6, no network: default", values: values, client: "2001:db8:200::/56", want: "d"},
		{row: "a resolver's /24 is wider than the network", values: values, client: "198.51.100.0/24", want: "a"},
		{row: "unhealthy: the next wider network", values: "isp: a+ office: b- default: d+", client: "198.51.100.129", want: "a"},
		{row: "all networks unhealthy: default", values: "isp: a- office: b- default: d+", client: "198.51.100.129", want: "d"},
		{row: "all unhealthy: the longest prefix", values: "isp: a- office: b- default: d-", client: "198.51.100.129", want: "b"},
	})
}

// Combinations of two policies, which Route 53 makes of alias records.
func TestRoute53Combinations(t *testing.T) {
	const networks = "ecs\nnetwork isp 198.51.100.0/24\nnetwork office 198.51.100.128/25"
	const atISP, inOffice, elsewhere = "198.51.100.7", "198.51.100.129", "203.0.113.9"
	const (
		weightsInTiers    = "a3+ b1+ | s2+ t1+"
		tiersInNetworks   = "isp: a+ | b+ default: d+ | e+"
		weightsInNetworks = "isp: a3+ b1+ default: d2+ e1+"
	)
	checkPolicies(t, "combination.example.org", networks, []policyCase{
		{row: "weights within tiers: first tier", values: weightsInTiers, want: "a3 b1", each: 1},
		{row: "weights within tiers: one unhealthy", values: "a3- b1+ | s2+ t1+", want: "b"},
		{row: "weights within tiers: second tier", values: "a3- b1- | s2+ t1+", want: "s2 t1", each: 1},
		{row: "weights within tiers: weight 0 before the second tier", values: "a0+ b1- | s2+ t1+", want: "a"},
		{row: "weights within tiers: all unhealthy", values: "a3- b1- | s2- t1-", want: "a3 b1", each: 1},

		{row: "tiers within networks: first tier", values: tiersInNetworks, client: atISP, want: "a"},
		{row: "tiers within networks: default", values: tiersInNetworks, client: elsewhere, want: "d"},
		{row: "tiers within networks: second tier of the network", values: "isp: a- | b+ default: d+ | e+", client: atISP, want: "b"},
		{row: "tiers within networks: the network is lost", values: "isp: a- | b- default: d- | e+", client: atISP, want: "e"},
		{row: "tiers within networks: all unhealthy", values: "isp: a- | b- default: d- | e-", client: atISP, want: "a"},

		{row: "weights within networks: the network", values: weightsInNetworks, client: atISP, want: "a3 b1", each: 1},
		{row: "weights within networks: default", values: weightsInNetworks, client: elsewhere, want: "d2 e1", each: 1},
		{row: "weights within networks: the next wider", values: "isp: a3+ b1+ office: c1- default: d1+", client: inOffice, want: "a3 b1", each: 1},

		{row: "multivalue within tiers: first tier", values: "a+ b+ c- | s+ t+", options: "answers 8", want: "a b"},
		{row: "multivalue within tiers: second tier", values: "a- b- c- | s+ t+", options: "answers 8", want: "s t"},
		{row: "multivalue within networks", values: "isp: a+ b+ c+ default: d+", options: "answers 2", client: atISP, want: "a b c", each: 2},
	})
}
