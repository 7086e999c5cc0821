package names

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestReloadWithAnotherResolver guards whoever replaces a resolver that is dead: what it said last stays until the new one
// has answered.
func TestReloadWithAnotherResolver(t *testing.T) {
	dead, silent, alive := nameserver.Start(t), nameserver.Start(t), nameserver.Start(t)
	dead.Set("lb.example.net.", "60 A 192.0.2.1")
	silent.Fail("", nameserver.Silence)
	alive.Set("lb.example.net.", "60 A 192.0.2.2")
	s := server.Start(t, dead.Corefile("record app A lb.example.net."))
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1")
	dead.Fail("", nameserver.Silence)
	server.MustReload(t, s, silent.Corefile("record app A lb.example.net."))
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("with a resolver that does not answer: %q", got)
	}
	server.MustReload(t, s, alive.Corefile("record app A lb.example.net."))
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.2")
}

// TestReloadAwaitsNewNames guards a reload that puts a name in place of addresses: it does not serve without the name's. A
// resolver that is silent holds it up for a second at most.
func TestReloadAwaitsNewNames(t *testing.T) {
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "60 A 192.0.2.1")
	n.Fail("lb.example.net.", nameserver.Late)
	n.Fail("silent.example.net.", nameserver.Silence)
	s := server.Start(t, n.Corefile("record app A 192.0.2.9\nrecord known A 192.0.2.8"))
	server.MustReload(t, s, n.Corefile("record app A lb.example.net.\nrecord known A 192.0.2.8"))
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("right after the reload: %q, want the address of the name", got)
	}
	server.Eventually(t, "the log tells of the address", func() bool { return strings.Contains(s.Log(), "lookups: lb.example.net. A: +192.0.2.1\n") })
	server.MustReload(t, s, n.Corefile("record app A lb.example.net.\nrecord known A silent.example.net. 192.0.2.8"))
	if got := server.SortedAddresses(s.Ask("known.example.org", dns.TypeA)); got != "192.0.2.8" {
		t.Errorf("beside a name that nobody answers for: %q", got)
	}
}

// TestLogTellsOfNamesNeverResolved guards the log: the first failure is told of, and why, since clients get SERVFAIL.
func TestLogTellsOfNamesNeverResolved(t *testing.T) {
	n := nameserver.Start(t)
	n.Fail("lb.example.net.", nameserver.ServFail)
	n.Set("blocked.example.net.", "60 A 0.0.0.0")
	n.Set("odd.example.net.", "60 A 192.0.2.1", "60 A 224.0.0.1")
	s := server.Start(t, n.Corefile("record app A lb.example.net.\nrecord blocked A blocked.example.net.\nrecord odd A odd.example.net."))
	for _, want := range []string{
		"lookups: lb.example.net. A: no answer, and nothing is known of it: " + n.Address + ": SERVFAIL",
		"lookups: blocked.example.net. A: no answer, and nothing is known of it: " + n.Address + ": only addresses that no host can have: 0.0.0.0",
		"lookups: odd.example.net. A has addresses that no host can have, which are not used: 224.0.0.1",
	} {
		server.Eventually(t, "the log says "+want, func() bool { return strings.Contains(s.Log(), want) })
	}
	if got := server.SortedAddresses(s.Ask("odd.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("odd: %q", got)
	}
}

// TestLogTellsResolversApart guards the log where views ask several resolvers for one name.
func TestLogTellsResolversApart(t *testing.T) {
	inside, outside := nameserver.Start(t), nameserver.Start(t)
	inside.Set("lb.example.net.", "60 A 10.0.0.1")
	outside.Set("lb.example.net.", "60 A 192.0.2.1")
	s := server.Start(t, inside.Corefile("record app A lb.example.net.")+
		strings.Replace(outside.Corefile("record app A lb.example.net.\nrecord alone AAAA lb.example.net."), "example.org", "example.com", 1))
	for _, want := range []string{
		"lookups: lb.example.net. A at " + inside.Address + ": +10.0.0.1\n",
		"lookups: lb.example.net. A at " + outside.Address + ": +192.0.2.1\n",
		"lookups: lb.example.net. AAAA has no address",
	} {
		server.Eventually(t, "the log says "+want, func() bool { return strings.Contains(s.Log(), want) })
	}
}
