package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestLoadbalanceIsUneven measures what the README says of loadbalance: it shuffles, so over 8,000 answers with 8 values
// the first places are far from equal, where turns make them exactly equal.
func TestLoadbalanceIsUneven(t *testing.T) {
	const values, answers = 8, 8000
	zone := filepath.Join(t.TempDir(), "zone")
	lines := []string{"@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60"}
	var addrs []string
	for i := range values {
		addrs = append(addrs, fmt.Sprintf("192.0.2.%d", i))
		lines = append(lines, "app 60 IN A "+addrs[i])
	}
	if err := os.WriteFile(zone, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, plugins string
		spread        func(int) bool
	}{
		{"file and loadbalance", "file " + zone + " example.org\nloadbalance", func(spread int) bool { return spread > 1 }},
		{"roundrobin53", "roundrobin53 {\nrecord app A " + strings.Join(addrs, " ") + "\n}", func(spread int) bool { return spread == 0 }},
	} {
		s := server.Start(t, "example.org:0 {\n"+row.plugins+"\n}")
		first := make(map[string]int)
		for range answers {
			first[server.Addresses(s.Ask("app.example.org", dns.TypeA))[0]]++
		}
		counts := slices.Sorted(func(yield func(int) bool) {
			for _, addr := range addrs {
				if !yield(first[addr]) {
					return
				}
			}
		})
		t.Logf("%s: first places of %d values in %d answers: %v", row.name, values, answers, counts)
		if spread := counts[values-1] - counts[0]; !row.spread(spread) {
			t.Errorf("%s: the counts differ by %d", row.name, spread)
		}
	}
}
