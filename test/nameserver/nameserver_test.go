package nameserver

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestAnswers asks as a client would. Each answer is its RCODE, TC bit and records.
func TestAnswers(t *testing.T) {
	n := Start(t)
	n.Set("a.test.", "60 A 192.0.2.1", "60 A 192.0.2.2", "30 AAAA 2001:db8::1")
	n.Set("c.test.", "60 CNAME a.test.")
	n.Set("loop.test.", "60 CNAME loop.test.")
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("60 A 192.0.%d.%d", i/256, i%256)
	}
	n.Set("many.test.", many...)
	ask := func(network, name string) string {
		c := dns.Client{Net: network, Timeout: 10 * time.Second}
		m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), n.Address)
		if err != nil {
			return "error"
		}
		return fmt.Sprint(dns.RcodeToString[m.Rcode], " ", m.Truncated, " ", len(m.Answer), " ", len(m.Ns))
	}
	for _, row := range []struct {
		network, name string
		fault         Fault
		want          string
	}{
		{"udp", "a.test.", None, "NOERROR false 2 0"},
		{"udp", "A.test.", None, "NOERROR false 2 0"},
		{"udp", "c.test.", None, "NOERROR false 3 0"},
		{"tcp", "many.test.", None, "NOERROR false 300 0"},
		{"udp", "none.test.", None, "NXDOMAIN false 0 1"},
		{"udp", "a.test.", NoData, "NOERROR false 0 1"},
		{"udp", "a.test.", NXDomain, "NXDOMAIN false 0 1"},
		{"udp", "a.test.", ServFail, "SERVFAIL false 0 0"},
		{"udp", "a.test.", Refused, "REFUSED false 0 0"},
		{"udp", "a.test.", Truncate, "NOERROR true 0 0"},
		{"tcp", "a.test.", Truncate, "NOERROR false 2 0"},
		{"tcp", "a.test.", WrongID, "error"},
	} {
		n.Fail(row.name, row.fault)
		if got := ask(row.network, row.name); got != row.want {
			t.Errorf("%s %s, fault %d: %s, want %s", row.network, row.name, row.fault, got, row.want)
		}
		n.Fail(row.name, None)
	}
	n.Fail("", Refused)
	if got := ask("udp", "a.test."); got != "NOERROR false 2 0" {
		t.Errorf("a name with a fault of its own: %s", got)
	}
	if got := ask("udp", "fresh.test."); got != "REFUSED false 0 0" {
		t.Errorf("a name without a fault of its own: %s", got)
	}
	n.Await(t, "none.test.", dns.TypeA, 1)
	if got := fmt.Sprint(n.Queries("none.test.", dns.TypeA)); got != "[udp]" {
		t.Errorf("queries %s", got)
	}
}
