//go:build linux

package fastpath

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// guarded is a Corefile with directives around a zone with fastpath.
func guarded(directives, blocks string) string {
	return `example.org:PORT {
		bind 127.0.0.1
		` + directives + `
		roundrobin53 {
			fastpath
			` + server.ThreeRecord + `
			record v4 A 192.0.2.1
			record big A ` + strings.Join(server.ManyAddresses(64, dns.TypeA), " ") + `
		}
	}
	` + blocks
}

// TestFastIsOffBehindOthers guards plugins that have to see every query, or change what comes of it, against being passed
// by: acl before all. The log says why the fast path is off.
func TestFastIsOffBehindOthers(t *testing.T) {
	a := func() *dns.Msg { return server.Question("app.example.org", dns.TypeA) }
	is := func(want string) func(m *dns.Msg) bool {
		return func(m *dns.Msg) bool { return server.SortedAddresses(m) == want }
	}
	for _, tc := range []struct {
		name, directives string
		blocks           string // more server blocks
		m                *dns.Msg
		works            func(m *dns.Msg) bool // that the plugin does what it is for
	}{
		{"acl", "acl {\nblock type A net 127.0.0.0/8\n}", "", a(), is("REFUSED")},
		{"acl that drops nobody", "acl {\nallow\n}", "", a(), is(server.SortedThree)},
		{"rewrite", "rewrite name exact other.example.org app.example.org", "", server.Question("other.example.org", dns.TypeA), is(server.SortedThree)},
		{"log", "log", "", a(), is(server.SortedThree)},
		{"dnstap", "dnstap tcp://127.0.0.1:1", "", a(), is(server.SortedThree)},
		{"tsig", "tsig {\nsecret key. c2VjcmV0c2VjcmV0\nrequire all\n}", "", a(), is("REFUSED")},
		{"tsig without keys", "tsig {\nrequire none\n}", "", a(), is(server.SortedThree)},
		{"template", "template IN A example.org {\nanswer \"{{ .Name }} 60 IN A 203.0.113.9\"\n}", "", a(), is("203.0.113.9")},
		{"header", "header {\nresponse set ra\n}", "", a(), func(m *dns.Msg) bool { return m.RecursionAvailable }},
		{"loadbalance", "loadbalance", "", a(), is(server.SortedThree)},
		{"local", "local", "", server.Question("localhost.example.org", dns.TypeA), is("127.0.0.1")},
		{"dns64", "dns64 {\nallow_ipv4\n}", "", server.Question("v4.example.org", dns.TypeAAAA), is("64:ff9b::c000:201")},
		{"nsid", "nsid somebody", "", server.WithOPT(a(), 0, server.NSIDOption), func(m *dns.Msg) bool { return len(m.IsEdns0().Option) == 1 }},
		{"bufsize", "bufsize 512", "", server.Question("big.example.org", dns.TypeA).SetEdns0(4096, false), func(m *dns.Msg) bool { return m.Truncated }},
		{"autopath", "autopath " + server.ZoneFile(t, "search example.org\n"), "", a(), is(server.SortedThree)},
		{"trace", "standin trace", "", a(), is(server.SortedThree)},

		{"view", "view do {\nexpr do()\n}", "", a(), is("REFUSED")},
		{"view of another block", "", "example.net:PORT {\nbind 127.0.0.1\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(server.SortedThree)},
		{"view of the same zone", "", "example.org:PORT {\nbind 127.0.0.1\nview all {\nexpr true\n}\nwhoami\n}", a(), nil},
		{"view in a snippet", "", "(only) {\nview do {\nexpr do()\n}\n}\nexample.net:PORT {\nbind 127.0.0.1\nimport only\nwhoami\n}", a(), is(server.SortedThree)},
		{"view at an interface", "", "example.net:PORT {\nbind lo {\nexcept ::1\n}\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(server.SortedThree)},
		{"view of a zone below", "", "x.example.org:PORT dns://y.example.net:PORT {\nbind 127.0.0.1\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(server.SortedThree)},
		{"shed", "shed", "", a(), is(server.SortedThree)},
		{"shed of another block", "", "example.net:PORT {\nbind 127.0.0.1\nshed\nwhoami\n}", a(), is(server.SortedThree)},
		{"shed of a block for all addresses", "", "example.net:PORT {\nbind 127.0.0.1 127.0.0.2\nshed\nwhoami\n}", a(), is(server.SortedThree)},
		{"proxyproto", "proxyproto {\nallow 127.0.0.0/8\n}", "", a(), is(server.SortedThree)},
		{"proxyproto of another block", "", "example.net:PORT {\nbind 127.0.0.1\nproxyproto\nwhoami\n}", a(), is(server.SortedThree)},
		{"tsig of another block", "", "example.net:PORT {\nbind 127.0.0.1\ntsig {\nsecret key. c2VjcmV0c2VjcmV0\n}\nwhoami\n}", a(), is(server.SortedThree)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, port := server.StartFast(t, guarded(tc.directives, tc.blocks))
			if !strings.Contains(s.Log(), "not used: ") || strings.Contains(s.Log(), ": used") {
				t.Errorf("the log does not say that the fast path is off:\n%s", s.Log())
			}
			reply, isFast := server.AskFast(t, "127.0.0.1:"+port, tc.m)
			if tc.name != "bufsize" && isFast {
				t.Errorf("answered by the fast path: %s", server.ReplyText(reply))
			}
			if tc.works != nil && !tc.works(reply) {
				t.Errorf("got\n%s", server.ReplyText(reply))
			}
			if reply, isFast := server.AskFast(t, "127.0.0.1:"+port, a()); isFast {
				t.Errorf("answered by the fast path: %s", server.ReplyText(reply))
			}
			if tc.name == "log" {
				server.Eventually(t, "all queries are logged", func() bool { return strings.Count(s.Log(), "A IN app.example.org. udp") == 6 })
			}
		})
	}
}

// TestFastIsOnBehindHarmless guards the fast path against plugins that do not mind it.
func TestFastIsOnBehindHarmless(t *testing.T) {
	for _, directives := range []string{
		"errors", "errors {\nconsolidate 5m \".*\"\n}", "errors {\nstacktrace\n}", "prometheus 127.0.0.1:0", "cache", "cache 3600 {\nprefetch 10\n}", "metadata", "any", "chaos", "minimal", "transfer {\nto *\n}",
		"health 127.0.0.1:0", "ready 127.0.0.1:0", "pprof 127.0.0.1:0", "debug", "root .", "reload 1m", "cancel", "timeouts {\nread 5s\n}", "whoami", "forward . 127.0.0.1:1",
		"hosts {\n203.0.113.9 other.example.org\nfallthrough\n}",
		"errors\nprometheus 127.0.0.1:0\ncache\nany\nminimal\nmetadata\ncancel\nreload 1m\nhealth 127.0.0.1:0\nready 127.0.0.1:0\nwhoami",
	} {
		name, _, _ := strings.Cut(directives, " ")
		t.Run(name, func(t *testing.T) {
			s, port := server.StartFast(t, guarded(directives, ""))
			if line := fmt.Sprintf("fastpath: example.org. at dns://127.0.0.1:%s: used", port); !strings.Contains(s.Log(), line) {
				t.Errorf("the log lacks %q:\n%s", line, s.Log())
			}
			server.CheckFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
			server.CheckFast(t, "127.0.0.1:"+port, "v4.example.org", dns.TypeAAAA, true, "nodata")
			server.CheckFast(t, "127.0.0.1:"+port, "x.example.org", dns.TypeAAAA, true, "NXDOMAIN")
		})
	}
}

// TestFastBesideMinimal guards RRsets whose first query has reserved flags or a size of its own: *minimal* has dnsserver
// send these back, which is no reason to leave the RRset to the chain.
func TestFastBesideMinimal(t *testing.T) {
	for name, m := range map[string]*dns.Msg{
		"reserved flags":        server.WithOPT(server.Question("app.example.org", dns.TypeA), server.ReservedFlags),
		"reserved flags and DO": server.WithOPT(server.Question("app.example.org", dns.TypeA), server.ReservedFlags|0x8000),
		"size":                  server.Question("app.example.org", dns.TypeA).SetEdns0(700, false),
		"options":               server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.CookieOption, server.NSIDOption, server.PaddingOption),
	} {
		t.Run(name, func(t *testing.T) {
			_, port := server.StartFast(t, guarded("minimal", ""))
			m, isFast := server.AskFast(t, "127.0.0.1:"+port, m)
			if !isFast || server.SortedAddresses(m) != server.SortedThree || m.IsEdns0().Hdr.Ttl&server.ReservedFlags != 0 {
				t.Errorf("by the fast path %t, got\n%s", isFast, server.ReplyText(m))
			}
			server.CheckFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
		})
	}
}

// TestFastBesideDNSSEC guards signatures: who asks for them gets them from the chain, and all others are answered fast.
func TestFastBesideDNSSEC(t *testing.T) {
	corefile, key := server.SignedZone(t)
	corefile = strings.Replace(corefile, "example.com:0 {", "example.com:PORT {\nbind 127.0.0.1", 1)
	_, port := server.StartFast(t, strings.Replace(corefile, "roundrobin53 {", "roundrobin53 {\nfastpath", 1))
	address := "127.0.0.1:" + port
	for range 3 {
		server.CheckFast(t, address, "www.example.com", dns.TypeA, true, strings.Join(server.SignedValues, " "))
		m, _ := server.AskFast(t, address, server.Question("www.example.com", dns.TypeA).SetEdns0(4096, true))
		if got := server.SortedAddresses(server.WithoutSignatures(t, key, m)); got != strings.Join(server.SignedValues, " ") {
			t.Errorf("signed: %s", got)
		}
		m, _ = server.AskFast(t, address, server.Question("www.example.com", dns.TypeA).SetEdns0(4096, false))
		if len(m.Answer) != len(server.SignedValues) {
			t.Errorf("EDNS without DO: got\n%s", server.ReplyText(m))
		}
	}
}

// TestFastSeveralDirectives guards a block with more than one roundrobin53.
func TestFastSeveralDirectives(t *testing.T) {
	_, port := server.StartFast(t, `.:PORT {
		bind 127.0.0.1
		roundrobin53 a.org {
			fastpath
			`+server.ThreeRecord+`
		}
		roundrobin53 b.org {
			`+server.ThreeRecord+`
		}
	}`)
	server.CheckFast(t, "127.0.0.1:"+port, "app.a.org", dns.TypeA, true, server.SortedThree)
	server.CheckFast(t, "127.0.0.1:"+port, "app.b.org", dns.TypeA, false, server.SortedThree)
}
