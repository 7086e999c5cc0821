//go:build linux

package names

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestNamesOnTheFastPath guards looked-up values beside the chain: they are answered there, as they are now; what is not
// known is left to the chain.
func TestNamesOnTheFastPath(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	n.Fail("never.example.net.", nameserver.ServFail)
	corefile := strings.Replace(n.Corefile("fastpath\nrecord app A lb.example.net.\nrecord never A never.example.net."), "example.org:0 {", "example.org:PORT {\nbind 127.0.0.1", 1)
	s, port := server.StartFast(t, corefile)
	address := "127.0.0.1:" + port
	isFast := func(want string) bool {
		reply, fast := server.AskFast(t, address, server.Question("app.example.org", dns.TypeA))
		return fast && server.SortedAddresses(reply) == want
	}
	server.Eventually(t, "the fast path answers", func() bool { return isFast("192.0.2.1") })
	if m := s.Ask("never.example.org", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("what was never resolved: %v, want SERVFAIL", m)
	}
	n.Set("lb.example.net.", "5 A 192.0.2.2", "5 A 192.0.2.3")
	server.Eventually(t, "the fast path answers with what is known now", func() bool { return isFast("192.0.2.2 192.0.2.3") })
}
