package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// The networks of the truth table.
const routeNetworks = "ecs\nnetwork ten 10.0.0.0/8\nnetwork ten-one 10.1.0.0/16"

// The longest prefix with a value up answers; else the next wider one, at last the values for everyone.
func TestRoutes(t *testing.T) {
	const (
		inTen    = "10.2.0.1"
		inTenOne = "10.1.0.1"
		outside  = "203.0.113.9"
		allUp    = "ten: i+ j+ ten-one: k+ default: p+ q+"
		allDown  = "ten: i- j- ten-one: k- default: p- q-"
	)
	checkPolicies(t, "route.example.org", routeNetworks, []policyCase{
		{row: "56", values: allUp, client: inTen, want: "i j"},
		{row: "56", values: allUp, client: inTenOne, want: "k"},
		{row: "56", values: allUp, client: outside, want: "p q"},
		{row: "57", values: "ten: i- j+ ten-one: k+ default: p+ q+", client: inTen, want: "j"},
		{row: "58", values: "ten: i+ j+ ten-one: k- default: p+ q+", client: inTenOne, want: "i j"},
		{row: "59", values: "ten: i- j- ten-one: k- default: p+ q+", client: inTenOne, want: "p q"},
		{row: "60", values: allDown, options: "all_down all", client: inTenOne, want: "k"},
		{row: "60", values: allDown, options: "all_down none", client: inTenOne, want: "nodata"},
		{row: "61", values: "ten: i+ ten-one: k~ default: p+ q+", client: inTenOne, want: "i"},
		{row: "61", values: "ten: i+ j+ ten-one: k~ default: p+ q+", client: inTenOne, want: "i j"},
		{row: "62", values: "ten: i- j- ten-one: k~ default: p- q-", options: "all_down all", client: inTenOne, want: "i j"},
		{row: "62", values: "ten: i- j- ten-one: k~ default: p- q-", options: "all_down none", client: inTenOne, want: "nodata"},
		{row: "63", values: "ten: i+ j+ default: p- q-", options: "all_down all", client: outside, want: "p q"},
		{row: "63", values: "ten: i+ j+ default: p- q-", options: "all_down none", client: outside, want: "nodata"},
		{row: "64", values: "ten: i+ j+", client: outside, want: "nodata"},
		{row: "64", values: "ten: i+ j+", options: "all_down all", client: outside, want: "nodata"},
		{row: "64", values: "ten: i- j-", options: "all_down all", client: outside, want: "nodata"},
		{row: "65", values: "ten: i- j-", options: "all_down all", client: inTen, want: "i j"},
		{row: "65", values: "ten: i- j-", options: "all_down none", client: inTen, want: "nodata"},
		{row: "66", values: "ten: i- | j+ default: p+", client: inTen, want: "j"},
		{row: "67", values: "ten: i+ m- | j- n- default: p+ q+", options: "min_up 2", client: inTen, want: "i"},
	})
}

// Two networks that ask in turn: with one counter for both, each would see half of its values.
func TestNetworksHaveTurnsOfTheirOwn(t *testing.T) {
	const zone = "turns.example.org"
	s := start(t, block(zone, routeNetworks, policyRecord("app", "ten: i j default: p q", "")))
	first := make(map[string]int) // row 68
	const rounds = 1000
	for range rounds {
		for _, client := range []string{"10.2.0.1", "203.0.113.9"} {
			first[letters(send(t, s, "udp", withOPT(question("app."+zone, dns.TypeA), 0, subnet(client))))[0]]++
		}
	}
	for _, value := range []string{"i", "j", "p", "q"} {
		if first[value] != rounds/2 {
			t.Errorf("%s was first %d times, want %d: %v", value, first[value], rounds/2, first)
		}
	}
}

// A network is more specific than any place.
func TestNetworkBeforePlace(t *testing.T) {
	s := start(t, located(geoDatabase(t), `
		record in {
			value 192.0.2.1 from 10.0.0.0/8
			value 192.0.2.2 geo DE
		}
		record out {
			value 192.0.2.1 from 172.16.0.0/12
			value 192.0.2.2 geo DE
		}`))
	for qname, want := range map[string]string{"in": "a", "out": "b"} {
		t.Run("69 "+qname, func(t *testing.T) {
			m := withOPT(question(qname+".example.org", dns.TypeA), 0, subnet(fromTenGermany))
			checkTurns(t, func() *dns.Msg { return send(t, s, "udp", m.Copy()) }, want, 0)
		})
	}
}

// One value in two routes is probed once, and takes turns in each of them.
func TestValueInTwoRoutes(t *testing.T) {
	const zone = "shared.example.org"
	e := startSignals(t)
	check := strings.ReplaceAll(e.URL, "127.0.0.1", "") + "/own"
	e.set(fail, "own")
	s := start(t, block(zone, routeNetworks, "check own "+check+" {\ninterval 1h\n}", `record app {
			value 192.0.2.1 from ten
			value 127.0.0.1 from ten check own
			value 127.0.0.1 from ten-one check own
			value 192.0.2.3 from ten-one
		}
		record every {
			value 192.0.2.2 192.0.2.1 from ten
			value 192.0.2.2 192.0.2.3 from ten-one
		}
		record verdict-own A 127.0.0.1 check own all_down none`))
	awaitVerdict(t, s, zone, "own", false)
	if got := e.count("own"); got != 1 {
		t.Errorf("70: %d probes of one value in three places, want 1", got)
	}
	for i, c := range []struct{ qname, client, want string }{
		{"app", "10.2.0.1", "a"},
		{"app", "10.1.0.1", "c"},
		{"every", "10.2.0.1", "a b"},
		{"every", "10.1.0.1", "b c"},
	} {
		t.Run(fmt.Sprintf("70 %d %s", i, c.client), func(t *testing.T) {
			checkTurns(t, func() *dns.Msg {
				other := withOPT(question(c.qname+"."+zone, dns.TypeA), 0, subnet("10.3.0.1"))
				if strings.HasPrefix(c.client, "10.2.") {
					other = withOPT(question(c.qname+"."+zone, dns.TypeA), 0, subnet("10.1.0.9"))
				}
				send(t, s, "udp", other) // takes a turn of the other route
				return send(t, s, "udp", withOPT(question(c.qname+"."+zone, dns.TypeA), 0, subnet(c.client)))
			}, c.want, 0)
		})
	}
}
