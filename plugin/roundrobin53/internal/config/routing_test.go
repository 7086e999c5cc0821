package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func manyNetworks(n int) []string {
	networks := make([]string, n)
	for i := range networks {
		networks[i] = fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff)
	}
	return networks
}

// TestGroupsAreNamedByTheWords guards labels of metrics and log lines against lists of thousands of
// networks, and that what is named differently has different names.
func TestGroupsAreNamedByTheWords(t *testing.T) {
	many := manyNetworks(10_000)
	directive := fmt.Sprintf(`roundrobin53 {
		network office %s
		network all %s 10.0.0.0/8
		network DE 192.168.0.0/16
		record app A {
			value 192.0.2.1 from office
			value 192.0.2.2 from all
			value 192.0.2.3 from DE 172.16.0.0/12
			value 192.0.2.4 geo DE FR
			value 192.0.2.5
		}
		record direct A 192.0.2.1 from %s
	}`, strings.Join(many[:5_000], " "), strings.Join(many, " "), strings.Join(many, " "))
	groups := rrsetOf(t, directive, "app.example.org.", dns.TypeA).Routing.Groups
	keys := make(map[string]bool)
	for i := range groups {
		keys[groups[i].Key] = true
	}
	if len(keys) != 5 {
		t.Errorf("keys %v: not all different", keys)
	}
	var names []string
	for _, g := range slices.Concat(groups, rrsetOf(t, directive, "direct.example.org.", dns.TypeA).Routing.Groups) {
		names = append(names, g.Name)
	}
	want := []string{
		"office all", "all", "DE 172.16.0.0/12", "geo DE FR", "default",
		strings.Join(many[:8], " ") + " and 9992 more",
	}
	if !slices.Equal(names, want) {
		t.Errorf("groups %q, want %q", names, want)
	}
}
