//go:build system

package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemHostWithoutIPv6 runs the server where there is no IPv6, as it is for want of a route, and as sysctl switches it off:
// that says nothing of endpoints with an IPv6 address. One with an IPv4 address that there is no route to is down.
func TestSystemHostWithoutIPv6(t *testing.T) {
	const corefile = `example.org:1053 {
		roundrobin53 {
			record app AAAA 2001:db8::1 2001:db8::2 check web all_down none
			record four A 192.0.2.1 check web all_down none
			check web tcp://:80 {
				interval 1s
				timeout 1s
				rise 1
				fall 1
			}
		}
	}
	`
	for i, disabled := range []string{"0", "1"} {
		t.Run("disable_ipv6="+disabled, func(t *testing.T) {
			server.RemoveStale(t)
			namespace := fmt.Sprintf("rr53-%d-family%d", os.Getpid(), i)
			server.AddNamespace(t, namespace)
			server.IP(t, "netns exec %s sysctl -q -w net.ipv6.conf.all.disable_ipv6=%s", namespace, disabled)
			path := filepath.Join(t.TempDir(), "Corefile")
			if err := os.WriteFile(path, []byte(corefile), 0o600); err != nil {
				t.Fatal(err)
			}
			p := server.RunPod(t, namespace, path)
			p.AwaitLog("this host has no IPv6: 2 checks of IPv6 addresses can't be made")
			p.AwaitLog("check web: 192.0.2.1 is down: the first probe failed: ")
			conn := server.DialIn(t, namespace, "127.0.0.1:1053")
			for _, c := range []struct {
				name   string
				qtype  uint16
				values int
			}{{"app.example.org", dns.TypeAAAA, 2}, {"four.example.org", dns.TypeA, 0}} {
				m, err := server.RoundTrip(conn, server.Question(c.name, c.qtype))
				if err != nil {
					t.Fatal(err)
				}
				if got := len(server.Addresses(m)); got != c.values {
					t.Errorf("%s: %d values, want %d\n%s", c.name, got, c.values, p.Log.Since(0))
				}
			}
			p.AwaitLog("no result after 5s, and taken for up: example.org. check web: 2001:db8::1, example.org. check web: 2001:db8::2")
			if got := strings.Count(p.Log.Since(0), "no IPv6"); got != 1 {
				t.Errorf("%d lines say that there is no IPv6, want 1:\n%s", got, p.Log.Since(0))
			}
		})
	}
}
