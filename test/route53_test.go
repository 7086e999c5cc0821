package test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The routing policies of the Route 53 developer guide, each as the stages that it is made of. Route 53's geolocation is in
// a file of its own.

// Simple routing: all values of one record.
func TestRoute53Simple(t *testing.T) {
	server.CheckPolicies(t, "simple.example.org", "", []server.PolicyCase{
		{Row: "one value", Values: "a", Want: "a"},
		{Row: "several values: all of them", Values: "a b c", Want: "a b c"},
		{Row: "several IPv6 values: all of them", Values: "A B C", Qtype: dns.TypeAAAA, Want: "A B C"},
		{Row: "the other family", Values: "a b", Qtype: dns.TypeAAAA, Want: "no values"},
	})
}

// Multivalue answer routing: up to eight healthy values.
func TestRoute53Multivalue(t *testing.T) {
	const ten = "a b c d e f g h i j"
	server.CheckPolicies(t, "multivalue.example.org", "", []server.PolicyCase{
		{Row: "more than 8 healthy: 8 of them", Values: server.WithSign(ten, "+"), Options: "answers 8", Want: ten, Each: 8},
		{Row: "more than 8 healthy, some not: 8 of the healthy", Values: server.WithSign(ten, "+") + " k- l-", Options: "answers 8", Want: ten, Each: 8},
		{Row: "8 healthy: all of them", Values: "a+ b+ c+ d+ e+ f+ g+ h+ i- j-", Options: "answers 8", Want: "a b c d e f g h"},
		{Row: "fewer than 8 healthy: all of them", Values: "a+ b- c+ d- e+ f- g- h- i- j-", Options: "answers 8", Want: "a c e"},
		{Row: "without a check: always healthy", Values: "a b- c+", Options: "answers 8", Want: "a c"},
		{Row: "all unhealthy: 8 of all", Values: server.WithSign(ten, "-"), Options: "answers 8", Want: ten, Each: 8},
		{Row: "all unhealthy, fewer than 8: all", Values: "a- b- c-", Options: "answers 8", Want: "a b c"},
	})
}

// Weighted routing: one value, in proportion.
func TestRoute53Weighted(t *testing.T) {
	server.CheckPolicies(t, "weighted.example.org", "", []server.PolicyCase{
		{Row: "in proportion", Values: "a3 b1", Want: "a3 b1", Each: 1},
		{Row: "1 % for a trial", Values: "a99 b1", Want: "a99 b1", Each: 1},
		{Row: "equal weights", Values: "a10 b10 c10", Want: "a b c", Each: 1},
		{Row: "weight 0: no traffic", Values: "a0 b10 c20", Want: "b1 c2", Each: 1},
		{Row: "all weights 0: equal", Values: "a0 b0 c0", Want: "a b c", Each: 1},
		{Row: "unhealthy: leaves the denominator", Values: "a2- b2+ c1+", Want: "b2 c1", Each: 1},
		{Row: "only weight 0 healthy: it stands in", Values: "a0+ b10- c20-", Want: "a"},
		{Row: "several of weight 0 stand in: equal", Values: "a0+ b10- c0+", Want: "a c", Each: 1},
		{Row: "weight 0 unhealthy, others healthy", Values: "a0- b10+", Want: "b"},
		{Row: "all unhealthy: as if all were healthy", Values: "a3- b1-", Want: "a3 b1", Each: 1},
		{Row: "all unhealthy, one of weight 0: the others", Values: "a0- b3- c1-", Want: "b3 c1", Each: 1},
		{Row: "all unhealthy, all of weight 0: equal", Values: "a0- b0-", Want: "a b", Each: 1},
	})
}

// Failover routing: a primary, and a secondary where that is unhealthy.
func TestRoute53Failover(t *testing.T) {
	server.CheckPolicies(t, "failover.example.org", "", []server.PolicyCase{
		{Row: "both healthy: primary", Values: "a+ | s+", Want: "a"},
		{Row: "primary unhealthy: secondary", Values: "a- | s+", Want: "s"},
		{Row: "secondary unhealthy: primary", Values: "a+ | s-", Want: "a"},
		{Row: "both unhealthy: primary", Values: "a- | s-", Want: "a"},
		{Row: "secondary without a check: always counts", Values: "a- | s", Want: "s"},
		{Row: "secondary without a check, primary healthy", Values: "a+ | s", Want: "a"},
		{Row: "primary without a check: always counts", Values: "a | s+", Want: "a"},
		{Row: "several primaries: one healthy is enough", Values: "a- b+ c- | s+ t+", Want: "b"},
		{Row: "several primaries unhealthy: all secondaries that are healthy", Values: "a- b- | s+ t+ u-", Want: "s t"},
		{Row: "a third level, which Route 53 builds of aliases", Values: "a- | s- | u+ v+", Want: "u v"},
		{Row: "active-active: all that are healthy", Values: "a+ b- c+", Want: "a c"},
		{Row: "active-active, all unhealthy: all", Values: "a- b- c-", Want: "a b c"},
	})
}

// IP-based routing: by the client's network.
func TestRoute53IPBased(t *testing.T) {
	const networks = "ecs\nnetwork isp 198.51.100.0/24 2001:db8:100::/40\nnetwork office 198.51.100.128/25 2001:db8:100:1::/64"
	const values = "isp: a office: b default: d"
	server.CheckPolicies(t, "ip.example.org", networks, []server.PolicyCase{
		{Row: "the network", Values: values, Client: "198.51.100.7", Want: "a"},
		{Row: "the longest prefix", Values: values, Client: "198.51.100.129", Want: "b"},
		{Row: "the longest prefix, whatever comes first", Values: "default: d office: b isp: a", Client: "198.51.100.129", Want: "b"},
		{Row: "no network: default", Values: values, Client: "203.0.113.9", Want: "d"},
		{Row: "no network, no default: NODATA", Values: "isp: a office: b", Client: "203.0.113.9", Want: "nodata"},
		{Row: "IPv6 network", Values: values, Client: "2001:db8:100:2::/64", Want: "a"},
		{Row: "IPv6, the longest prefix", Values: values, Client: "2001:db8:100:1::/64", Want: "b"},
		{Row: "IPv6, no network: default", Values: values, Client: "2001:db8:200::/56", Want: "d"},
		{Row: "a resolver's /24 is wider than the network", Values: values, Client: "198.51.100.0/24", Want: "a"},
		{Row: "unhealthy: the next wider network", Values: "isp: a+ office: b- default: d+", Client: "198.51.100.129", Want: "a"},
		{Row: "all networks unhealthy: default", Values: "isp: a- office: b- default: d+", Client: "198.51.100.129", Want: "d"},
		{Row: "all unhealthy: the longest prefix", Values: "isp: a- office: b- default: d-", Client: "198.51.100.129", Want: "b"},
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
	server.CheckPolicies(t, "combination.example.org", networks, []server.PolicyCase{
		{Row: "weights within tiers: first tier", Values: weightsInTiers, Want: "a3 b1", Each: 1},
		{Row: "weights within tiers: one unhealthy", Values: "a3- b1+ | s2+ t1+", Want: "b"},
		{Row: "weights within tiers: second tier", Values: "a3- b1- | s2+ t1+", Want: "s2 t1", Each: 1},
		{Row: "weights within tiers: weight 0 before the second tier", Values: "a0+ b1- | s2+ t1+", Want: "a"},
		{Row: "weights within tiers: all unhealthy", Values: "a3- b1- | s2- t1-", Want: "a3 b1", Each: 1},

		{Row: "tiers within networks: first tier", Values: tiersInNetworks, Client: atISP, Want: "a"},
		{Row: "tiers within networks: default", Values: tiersInNetworks, Client: elsewhere, Want: "d"},
		{Row: "tiers within networks: second tier of the network", Values: "isp: a- | b+ default: d+ | e+", Client: atISP, Want: "b"},
		{Row: "tiers within networks: the network is lost", Values: "isp: a- | b- default: d- | e+", Client: atISP, Want: "e"},
		{Row: "tiers within networks: all unhealthy", Values: "isp: a- | b- default: d- | e-", Client: atISP, Want: "a"},

		{Row: "weights within networks: the network", Values: weightsInNetworks, Client: atISP, Want: "a3 b1", Each: 1},
		{Row: "weights within networks: default", Values: weightsInNetworks, Client: elsewhere, Want: "d2 e1", Each: 1},
		{Row: "weights within networks: the next wider", Values: "isp: a3+ b1+ office: c1- default: d1+", Client: inOffice, Want: "a3 b1", Each: 1},

		{Row: "multivalue within tiers: first tier", Values: "a+ b+ c- | s+ t+", Options: "answers 8", Want: "a b"},
		{Row: "multivalue within tiers: second tier", Values: "a- b- c- | s+ t+", Options: "answers 8", Want: "s t"},
		{Row: "multivalue within networks", Values: "isp: a+ b+ c+ default: d+", Options: "answers 2", Client: atISP, Want: "a b c", Each: 2},
	})
}
