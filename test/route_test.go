package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The longest prefix with a value up answers; else the next wider one, at last the values for everyone.
func TestRoutes(t *testing.T) {
	const (
		inTen    = "10.2.0.1"
		inTenOne = "10.1.0.1"
		outside  = "203.0.113.9"
		allUp    = "ten: i+ j+ ten-one: k+ default: p+ q+"
		allDown  = "ten: i- j- ten-one: k- default: p- q-"
	)
	server.CheckPolicies(t, "route.example.org", server.RouteNetworks, []server.PolicyCase{
		{Row: "56", Values: allUp, Client: inTen, Want: "i j"},
		{Row: "56", Values: allUp, Client: inTenOne, Want: "k"},
		{Row: "56", Values: allUp, Client: outside, Want: "p q"},
		{Row: "57", Values: "ten: i- j+ ten-one: k+ default: p+ q+", Client: inTen, Want: "j"},
		{Row: "58", Values: "ten: i+ j+ ten-one: k- default: p+ q+", Client: inTenOne, Want: "i j"},
		{Row: "59", Values: "ten: i- j- ten-one: k- default: p+ q+", Client: inTenOne, Want: "p q"},
		{Row: "60", Values: allDown, Options: "all_down all", Client: inTenOne, Want: "k"},
		{Row: "60", Values: allDown, Options: "all_down none", Client: inTenOne, Want: "nodata"},
		{Row: "61", Values: "ten: i+ ten-one: k~ default: p+ q+", Client: inTenOne, Want: "i"},
		{Row: "61", Values: "ten: i+ j+ ten-one: k~ default: p+ q+", Client: inTenOne, Want: "i j"},
		{Row: "62", Values: "ten: i- j- ten-one: k~ default: p- q-", Options: "all_down all", Client: inTenOne, Want: "i j"},
		{Row: "62", Values: "ten: i- j- ten-one: k~ default: p- q-", Options: "all_down none", Client: inTenOne, Want: "nodata"},
		{Row: "63", Values: "ten: i+ j+ default: p- q-", Options: "all_down all", Client: outside, Want: "p q"},
		{Row: "63", Values: "ten: i+ j+ default: p- q-", Options: "all_down none", Client: outside, Want: "nodata"},
		{Row: "64", Values: "ten: i+ j+", Client: outside, Want: "nodata"},
		{Row: "64", Values: "ten: i+ j+", Options: "all_down all", Client: outside, Want: "nodata"},
		{Row: "64", Values: "ten: i- j-", Options: "all_down all", Client: outside, Want: "nodata"},
		{Row: "65", Values: "ten: i- j-", Options: "all_down all", Client: inTen, Want: "i j"},
		{Row: "65", Values: "ten: i- j-", Options: "all_down none", Client: inTen, Want: "nodata"},
		{Row: "66", Values: "ten: i- | j+ default: p+", Client: inTen, Want: "j"},
		{Row: "67", Values: "ten: i+ m- | j- n- default: p+ q+", Options: "min_up 2", Client: inTen, Want: "i"},
	})
}

// Two networks that ask in turn: with one counter for both, each would see half of its values.
func TestNetworksHaveTurnsOfTheirOwn(t *testing.T) {
	const zone = "turns.example.org"
	s := server.Start(t, server.Block(zone, server.RouteNetworks, server.PolicyRecord("app", "ten: i j default: p q", "")))
	first := make(map[string]int) // row 68
	const rounds = 1000
	for range rounds {
		for _, client := range []string{"10.2.0.1", "203.0.113.9"} {
			first[server.Letters(server.Send(t, s, "udp", server.WithOPT(server.Question("app."+zone, dns.TypeA), 0, server.PolicySubnet(client))))[0]]++
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
	s := server.Start(t, server.Located(server.GeoDatabasePath(t), `
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
			m := server.WithOPT(server.Question(qname+".example.org", dns.TypeA), 0, server.PolicySubnet(server.FromTenGermany))
			server.CheckTurns(t, func() *dns.Msg { return server.Send(t, s, "udp", m.Copy()) }, want, 0)
		})
	}
}

// One value in two routes is probed once, and takes turns in each of them.
func TestValueInTwoRoutes(t *testing.T) {
	const zone = "shared.example.org"
	e := server.StartTarget(t)
	check := strings.ReplaceAll(e.URL, "127.0.0.1", "") + "/own"
	e.Set(server.Fail, "own")
	s := server.Start(t, server.Block(zone, server.RouteNetworks, "check own "+check+" {\ninterval 1h\n}", `record app {
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
	server.AwaitVerdict(t, s, zone, "own", false)
	if got := e.Requests("own"); got != 1 {
		t.Errorf("70: %d probes of one value in three places, want 1", got)
	}
	for i, c := range []struct{ qname, client, want string }{
		{"app", "10.2.0.1", "a"},
		{"app", "10.1.0.1", "c"},
		{"every", "10.2.0.1", "a b"},
		{"every", "10.1.0.1", "b c"},
	} {
		t.Run(fmt.Sprintf("70 %d %s", i, c.client), func(t *testing.T) {
			server.CheckTurns(t, func() *dns.Msg {
				other := server.WithOPT(server.Question(c.qname+"."+zone, dns.TypeA), 0, server.PolicySubnet("10.3.0.1"))
				if strings.HasPrefix(c.client, "10.2.") {
					other = server.WithOPT(server.Question(c.qname+"."+zone, dns.TypeA), 0, server.PolicySubnet("10.1.0.9"))
				}
				server.Send(t, s, "udp", other) // takes a turn of the other route
				return server.Send(t, s, "udp", server.WithOPT(server.Question(c.qname+"."+zone, dns.TypeA), 0, server.PolicySubnet(c.client)))
			}, c.want, 0)
		})
	}
}
