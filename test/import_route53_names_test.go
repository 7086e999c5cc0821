package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestImportedNames serves aliases of load balancers: alone, among others by weight, and as the sides of a failover whose health
// checks know the load balancers by name.
func TestImportedNames(t *testing.T) {
	resolver := nameserver.Start(t)
	resolver.Set("dualstack.lb-1.eu-west-1.elb.amazonaws.com.", "60 A 198.51.100.1", "60 A 198.51.100.2", "60 AAAA 2001:db8::1")
	resolver.Set("dualstack.lb-eu.eu-west-1.elb.amazonaws.com.", "60 A 127.0.0.1")
	resolver.Set("dualstack.lb-us.us-east-1.elb.amazonaws.com.", "60 A 127.0.0.2")
	eu, us := server.StartTargetAt(t, "127.0.0.1"), server.StartTargetAt(t, "127.0.0.2")
	corefile := importDir(t, server.Path(route53Data+"/names"))
	corefile = strings.NewReplacer(
		"example.com {", "example.com:0 {", "    reload\n", "", "ttl 900\n", "ttl 900\nresolver "+resolver.Address+"\n",
		":443/up", ":"+eu.Port("https")+"/up", ":8080/", ":"+us.Port("http")+"/up",
	).Replace(corefile)
	for _, c := range []struct{ euDown, usDown, want string }{
		{"", "", "127.0.0.1"}, {"up", "", "127.0.0.2"}, {"", "up", "127.0.0.1"}, {"up", "up", "127.0.0.1"},
	} {
		eu.Set(server.Pass, "up")
		eu.Set(server.Fail, c.euDown)
		us.Set(server.Pass, "up")
		us.Set(server.Fail, c.usDown)
		s := server.Serve(t, corefile)
		server.Eventually(t, "app is "+c.want, func() bool {
			return slices.Equal(server.AnsweredValues(s.Ask("app.example.com", dns.TypeA)), []string{c.want})
		})
	}

	s := server.Serve(t, corefile)
	const both = "198.51.100.1 198.51.100.2"
	server.Eventually(t, "the load balancer is looked up", func() bool {
		return server.SortedAddresses(s.Ask("balancer.example.com", dns.TypeA)) == both && server.SortedAddresses(s.Ask("balancer.example.com", dns.TypeAAAA)) == "2001:db8::1"
	})
	want := outcomes{both: nil, "192.0.2.1": nil}
	came := make(map[string]int)
	const rounds, period = 4, 10
	for range rounds * period {
		came[server.SortedAddresses(s.Ask("wlb.example.com", dns.TypeA))]++
	}
	if len(came) != len(want) || came[both] < (rounds*period-rounds)-1 || came["192.0.2.1"] < rounds-1 {
		t.Errorf("of %d answers came %v, want nine of ten %s", rounds*period, came, both)
	}
}
