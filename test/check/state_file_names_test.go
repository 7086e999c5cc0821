package check

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestStateFileNames guards decisions about a value that is a name: they are about all addresses that come from it, those that
// come later too, in both families and on both paths, and about no address that is written or comes from another name.
func TestStateFileNames(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	for _, path := range []string{"", "fastpath"} {
		t.Run("path "+path, func(t *testing.T) {
			t.Parallel()
			n, signs := nameserver.Start(t), server.StartTarget(t)
			n.Set("one.example.net.", "5 A 192.0.2.1", "5 A 192.0.2.2", "5 AAAA 2001:db8::1")
			n.Set("two.example.net.", "5 A 192.0.2.3", "5 AAAA 2001:db8::3")
			f := server.NewStateFile(t, "drain app ONE.example.net.\n")
			s := server.Serve(t, "names.state.example:0 {\nroundrobin53 {\n"+path+"\nstate "+f.Name+"\nresolver "+n.Address+"\n"+
				"record app one.example.net. two.example.net. 192.0.2.9\n"+
				"record other A one.example.net.\n"+
				"record tiers A {\nvalue one.example.net. check web\nvalue 192.0.2.9 priority 2\n}\n"+
				"record www ALIAS one.example.net.\n"+
				signs.ChecksWith(server.SlowCheck, "web")+"}\n}\n")
			await := func(name string, rrtype uint16, want string) {
				t.Helper()
				awaitFirsts(t, s, name+".names.state.example", rrtype, want)
			}
			await("app", dns.TypeA, "192.0.2.3 192.0.2.9") // at the start
			await("app", dns.TypeAAAA, "2001:db8::3")
			await("other", dns.TypeA, "192.0.2.1 192.0.2.2")

			n.Set("one.example.net.", "5 A 192.0.2.2", "5 A 192.0.2.4")
			await("other", dns.TypeA, "192.0.2.2 192.0.2.4") // it has been looked up again
			await("app", dns.TypeA, "192.0.2.3 192.0.2.9")

			f.Write("weight app one.example.net. 0\ndown web one.example.net.\ndrain www one.example.net.\n")
			await("app", dns.TypeA, "192.0.2.3 192.0.2.9")
			await("tiers", dns.TypeA, "192.0.2.9")
			await("www", dns.TypeA, "none")

			f.Write("down web one.example.net.\nup web 192.0.2.4\n")
			await("app", dns.TypeA, "192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.9")
			await("tiers", dns.TypeA, "192.0.2.4") // what is said of an address counts before what is said of its name
			await("www", dns.TypeA, "192.0.2.2 192.0.2.4")
			if warnings := server.OwnWarnings(s); strings.Contains(strings.Join(warnings, "\n"), "says nothing") {
				t.Errorf("warnings %q", warnings)
			}
		})
	}
}

// TestStateFileNamesShown guards what an operator sees of a decision about a name: on the page, in an explanation, in the
// metrics and in the log, for the addresses that come later too. A name that has no address now is no mistake; one that is no
// value is.
func TestStateFileNamesShown(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	n, address := nameserver.Start(t), "127.0.0.1:"+server.FreePort(t)
	n.Set("lb.example.net.", "5 A 192.0.2.1", "5 A 192.0.2.2")
	f := server.NewStateFile(t, "drain app lb.example.net.\ndrain app none.example.net.\nweight app typo.example.net. 3\nweight app 192.0.2.9 7\n")
	s := server.Serve(t, "shown.state.example:0 {\nroundrobin53 {\nstatus "+address+"\nstate "+f.Name+"\nresolver "+n.Address+"\n"+
		"record app A lb.example.net. none.example.net. 192.0.2.9\n}\n}\n")
	client := statusClient(t)
	drained := func(value string) string {
		return fmt.Sprintf("name=%q,type=%q,value=%q,view=%q,zone=%q", "app.shown.state.example.", "A", value, "", "shown.state.example.")
	}
	check := func(values ...string) {
		t.Helper()
		_, document, _ := getStatus(t, client, address, "/status.json")
		_, explained, _ := getStatus(t, client, address, "/explain?name="+url.QueryEscape("app.shown.state.example"))
		_, page, _ := getStatus(t, client, address, "/")
		for _, value := range values {
			if server.Series(t, "coredns_roundrobin53_drained")[drained(value)] != 1 {
				t.Errorf("%s is not among the drained values: %v", value, server.Series(t, "coredns_roundrobin53_drained"))
			}
			if !strings.Contains(document, fmt.Sprintf(`"value":%q,"from_name":"lb.example.net."`, value)) {
				t.Errorf("the document lacks %s:\n%s", value, document)
			}
			line := "state: app.shown.state.example. A: " + value + ": drain, decided at " + f.Name + ":1"
			server.Eventually(t, line, func() bool { return strings.Count(s.Log(), line) == 1 })
		}
		said := f.Name + ":1"
		if strings.Count(document, "drain at "+said) != len(values) || strings.Count(explained, "drained at "+said) != len(values) || strings.Count(page, "drain at ") != len(values) {
			t.Errorf("not all of %q are told:\n%s\n%s\n%s", values, document, explained, page)
		}
	}
	awaitFirsts(t, s, "app.shown.state.example", dns.TypeA, "192.0.2.9")
	server.Eventually(t, "the addresses are drained", func() bool {
		return server.Series(t, "coredns_roundrobin53_drained")[drained("192.0.2.2")] == 1
	})
	check("192.0.2.1", "192.0.2.2")
	n.Set("lb.example.net.", "5 A 192.0.2.2", "5 A 192.0.2.3")
	server.Eventually(t, "another address is drained", func() bool {
		return server.Series(t, "coredns_roundrobin53_drained")[drained("192.0.2.3")] == 1
	})
	check("192.0.2.2", "192.0.2.3")
	if series := server.Series(t, "coredns_roundrobin53_drained"); series[drained("192.0.2.1")] == 1 {
		t.Errorf("an address that has gone is drained: %v", series)
	}
	warnings := strings.Join(server.OwnWarnings(s), "\n")
	if strings.Count(warnings, "says nothing of what is here") != 1 || !strings.Contains(warnings, `:3: "weight app typo.example.net. 3" says nothing`) {
		t.Errorf("warnings %s", warnings)
	}
}
