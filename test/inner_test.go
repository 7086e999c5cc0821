package test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestInnerQueriesTakeTheirOwnTurns guards a client whose query makes the server ask itself for what the client asks for
// next, or has asked for: were the turns the same, each of the two would always have the same one of two values first.
// With all plugins in the chain that are usual, and all ways to ask.
func TestInnerQueriesTakeTheirOwnTurns(t *testing.T) {
	zone := server.ZoneFile(t, "@ 60 IN SOA ns hostmaster 1 7200 1800 86400 60\nalias 60 IN CNAME app.example.org.\n")
	const records = "record app %s\nrecord weighted {\nvalue %s weight 2\nvalue %s\n}\n"
	fours := strings.NewReplacer("app %s", "app 192.0.2.1 192.0.2.2", "%s weight", "192.0.2.1 weight", "%s\n}", "192.0.2.2\n}").Replace(records)
	sixes := strings.NewReplacer("app %s", "app 64:ff9b::c000:201 64:ff9b::c000:202", "%s weight", "64:ff9b::c000:201 weight", "%s\n}", "64:ff9b::c000:202\n}").Replace(records)
	for _, c := range []struct {
		name, plugins, records string
		other                  string // a server block
		inner                  dns.Question
		outer                  dns.Question
	}{
		{
			name: "dns64", plugins: "dns64 {\nallow_ipv4\n}", records: fours,
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "app.example.org", Qtype: dns.TypeAAAA},
		},
		{
			name: "dns64 behind other plugins", records: fours,
			plugins: "dns64 {\nallow_ipv4\n}\nerrors\nlog\nprometheus 127.0.0.1:0\nrewrite name old.example.org app.example.org\ncache\nheader {\nresponse set ra\n}\nminimal\nnsid\nmetadata\n",
			outer:   dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "app.example.org", Qtype: dns.TypeAAAA},
		},
		{
			name: "siit", plugins: "siit", records: sixes,
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeAAAA}, inner: dns.Question{Name: "app.example.org", Qtype: dns.TypeA},
		},
		{
			name: "a CNAME in file", records: fours, other: "example.net:0 {\nfile " + zone + " example.net\n}\n",
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "alias.example.net", Qtype: dns.TypeA},
		},
		{
			name: "a CNAME in template", records: fours, other: "example.net:0 {\ntemplate IN A {\nanswer \"{{ .Name }} 60 IN CNAME app.example.org.\"\nupstream\n}\n}\n",
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "alias.example.net", Qtype: dns.TypeA},
		},
		{
			name: "a CNAME in another server block", records: fours, other: "example.net:0 {\nroundrobin53 {\nrecord alias CNAME app.example.org.\n}\n}\n",
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "alias.example.net", Qtype: dns.TypeA},
		},
		{
			name: "a CNAME by rewrite", records: fours, other: "example.net:0 {\nrewrite cname exact moved.example.net. app.example.org.\nroundrobin53 {\nrecord alias CNAME moved\n}\n}\n",
			outer: dns.Question{Name: "app.example.org", Qtype: dns.TypeA}, inner: dns.Question{Name: "alias.example.net", Qtype: dns.TypeA},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server.Serve(t, "example.org:0 {\n"+c.plugins+"\nroundrobin53 {\n"+c.records+"}\n}\n"+c.other)
			counts := make(map[string]int)
			for range 4 { // as few as a client would make, and before the first slip
				counts["outer "+server.FirstOf(t, s, c.outer.Name, c.outer.Qtype)]++
				counts["inner "+server.FirstOf(t, s, c.inner.Name, c.inner.Qtype)]++
			}
			if all := slices.Sorted(maps.Values(counts)); !slices.Equal(all, []int{2, 2, 2, 2}) {
				t.Errorf("first were %v, want each value twice", counts)
			}
			if c.other != "" {
				return
			}
			counts = make(map[string]int)
			for range 3 {
				counts["outer "+server.FirstOf(t, s, "weighted.example.org", c.outer.Qtype)]++
				counts["inner "+server.FirstOf(t, s, "weighted.example.org", c.inner.Qtype)]++
			}
			if all := slices.Sorted(maps.Values(counts)); !slices.Equal(all, []int{1, 1, 2, 2}) {
				t.Errorf("by weight, first were %v, want one value twice", counts)
			}
		})
	}
}

// TestHeldBackAnswersAreTheClients guards the other way: plugins that hold back the answer to the client's own query, to
// change it, do so with the writer that is used to ask oneself.
func TestHeldBackAnswersAreTheClients(t *testing.T) {
	resolvers := server.ZoneFile(t, "search search.test\n")
	for _, plugins := range []string{"minimal", "dns64 {\nallow_ipv4\n}", "siit", "autopath " + resolvers} {
		s := server.Serve(t, "example.org:0 {\n"+plugins+"\nroundrobin53 {\nrecord app 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2 2001:db8::3\n}\n}\n")
		four := server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 1)
		// One over TCP would take the turn of an inner query, if the others were taken for such.
		server.TakeTurns(s, "tcp", "app.example.org", server.ThreeValues, "", 1)
		server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, four, 4)
		server.TakeTurns(s, "udp", "app.example.org", []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}, "", 4)
	}
}

// TestAdditionalTurns guards the clients of SRV, MX and the like, which use the addresses in the additional section: those
// take exact turns, by weight where there are weights, over UDP and TCP, by the fast path too.
func TestAdditionalTurns(t *testing.T) {
	for _, option := range []string{"", "fastpath"} {
		s := server.Start(t, `example.org:0 {
		bind 127.0.0.1
		roundrobin53 {
			`+option+`
			ns app
			record app 192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2
			record canary {
				value 192.0.2.1 weight 9
				value 192.0.2.2 weight 1
			}
			record all {
				value 192.0.2.1 weight 2
				value 192.0.2.2 weight 1
				answers all
			}
			record _http._tcp SRV 0 0 80 app
			record _canary._tcp SRV 0 0 80 canary
			record _all._tcp SRV 0 0 80 all
			record mail MX 10 app
			record web HTTPS 1 app
			record _dns SVCB 1 app
			record sub NS app
		}
	}`)
		for _, c := range []struct {
			name  string
			qtype uint16
			want  []int // how often the values are first
		}{
			{"_http._tcp", dns.TypeSRV, []int{5, 5}},
			{"mail", dns.TypeMX, []int{5, 5}},
			{"web", dns.TypeHTTPS, []int{5, 5}},
			{"_dns", dns.TypeSVCB, []int{5, 5}},
			{"", dns.TypeNS, []int{5, 5}},
			{"www.sub", dns.TypeA, []int{5, 5}},
			{"_canary._tcp", dns.TypeSRV, []int{9, 1}},
			{"_all._tcp", dns.TypeSRV, []int{10, 5}},
		} {
			counts := make(map[string]int)
			for i := range c.want[0] + c.want[1] {
				m := server.Send(t, s, []string{"udp", "tcp"}[i%2], server.Question(strings.TrimPrefix(c.name+".example.org", "."), c.qtype))
				all := server.Addresses(&dns.Msg{Answer: m.Extra})
				if len(all) == 0 {
					t.Fatalf("%s %s: no additional addresses in\n%s", c.name, dns.TypeToString[c.qtype], server.ReplyText(m))
				}
				counts[all[0]]++
			}
			if counts["192.0.2.1"] != c.want[0] || counts["192.0.2.2"] != c.want[1] {
				t.Errorf("%s %s: first were %v, want %v times", c.name, dns.TypeToString[c.qtype], counts, c.want)
			}
		}
		server.AskInTurns(t, s, "app.example.org", "A", []string{"192.0.2.1", "192.0.2.2"})
	}
}
