//go:build linux

package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// guarded is a Corefile with directives around a zone with fastpath.
func guarded(directives, blocks string) string {
	return `example.org:PORT {
		bind 127.0.0.1
		` + directives + `
		roundrobin53 {
			fastpath
			` + threeRecord + `
			record v4 A 192.0.2.1
			record big A ` + strings.Join(manyAddresses(64, dns.TypeA), " ") + `
		}
	}
	` + blocks
}

// TestFastIsOffBehindOthers guards plugins that have to see every query, or change what comes of it, against being passed
// by: acl before all. The log says why the fast path is off.
func TestFastIsOffBehindOthers(t *testing.T) {
	a := func() *dns.Msg { return question("app.example.org", dns.TypeA) }
	is := func(want string) func(m *dns.Msg) bool {
		return func(m *dns.Msg) bool { return sorted(m) == want }
	}
	for _, tc := range []struct {
		name, directives string
		blocks           string // more server blocks
		m                *dns.Msg
		works            func(m *dns.Msg) bool // that the plugin does what it is for
	}{
		{"acl", "acl {\nblock type A net 127.0.0.0/8\n}", "", a(), is("REFUSED")},
		{"acl that drops nobody", "acl {\nallow\n}", "", a(), is(sortedThree)},
		{"rewrite", "rewrite name exact other.example.org app.example.org", "", question("other.example.org", dns.TypeA), is(sortedThree)},
		{"log", "log", "", a(), is(sortedThree)},
		{"dnstap", "dnstap tcp://127.0.0.1:1", "", a(), is(sortedThree)},
		{"tsig", "tsig {\nsecret key. c2VjcmV0c2VjcmV0\nrequire all\n}", "", a(), is("REFUSED")},
		{"tsig without keys", "tsig {\nrequire none\n}", "", a(), is(sortedThree)},
		{"template", "template IN A example.org {\nanswer \"{{ .Name }} 60 IN A 203.0.113.9\"\n}", "", a(), is("203.0.113.9")},
		{"header", "header {\nresponse set ra\n}", "", a(), func(m *dns.Msg) bool { return m.RecursionAvailable }},
		{"loadbalance", "loadbalance", "", a(), is(sortedThree)},
		{"local", "local", "", question("localhost.example.org", dns.TypeA), is("127.0.0.1")},
		{"dns64", "dns64 {\nallow_ipv4\n}", "", question("v4.example.org", dns.TypeAAAA), is("64:ff9b::c000:201")},
		{"nsid", "nsid somebody", "", withOPT(a(), 0, nsid), func(m *dns.Msg) bool { return len(m.IsEdns0().Option) == 1 }},
		{"bufsize", "bufsize 512", "", question("big.example.org", dns.TypeA).SetEdns0(4096, false), func(m *dns.Msg) bool { return m.Truncated }},
		{"autopath", "autopath " + zoneFile(t, "search example.org\n"), "", a(), is(sortedThree)},
		{"trace", "trace 127.0.0.1:1", "", a(), is(sortedThree)},

		{"view", "view do {\nexpr do()\n}", "", a(), is("REFUSED")},
		{"view of another block", "", "example.net:PORT {\nbind 127.0.0.1\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(sortedThree)},
		{"view of the same zone", "", "example.org:PORT {\nbind 127.0.0.1\nview all {\nexpr true\n}\nwhoami\n}", a(), nil},
		{"view in a snippet", "", "(only) {\nview do {\nexpr do()\n}\n}\nexample.net:PORT {\nbind 127.0.0.1\nimport only\nwhoami\n}", a(), is(sortedThree)},
		{"view at an interface", "", "example.net:PORT {\nbind lo {\nexcept ::1\n}\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(sortedThree)},
		{"view of a zone below", "", "x.example.org:PORT dns://y.example.net:PORT {\nbind 127.0.0.1\nview do {\nexpr do()\n}\nwhoami\n}", a(), is(sortedThree)},
		{"shed", "shed", "", a(), is(sortedThree)},
		{"shed of another block", "", "example.net:PORT {\nbind 127.0.0.1\nshed\nwhoami\n}", a(), is(sortedThree)},
		{"shed of a block for all addresses", "", "example.net:PORT {\nbind 127.0.0.1 127.0.0.2\nshed\nwhoami\n}", a(), is(sortedThree)},
		{"proxyproto", "proxyproto {\nallow 127.0.0.0/8\n}", "", a(), is(sortedThree)},
		{"proxyproto of another block", "", "example.net:PORT {\nbind 127.0.0.1\nproxyproto\nwhoami\n}", a(), is(sortedThree)},
		{"tsig of another block", "", "example.net:PORT {\nbind 127.0.0.1\ntsig {\nsecret key. c2VjcmV0c2VjcmV0\n}\nwhoami\n}", a(), is(sortedThree)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, port := startFast(t, guarded(tc.directives, tc.blocks))
			if !strings.Contains(s.log(), "not used: ") || strings.Contains(s.log(), ": used") {
				t.Errorf("the log does not say that the fast path is off:\n%s", s.log())
			}
			reply, isFast := askFast(t, "127.0.0.1:"+port, tc.m)
			if tc.name != "bufsize" && isFast {
				t.Errorf("answered by the fast path: %s", replyText(reply))
			}
			if tc.works != nil && !tc.works(reply) {
				t.Errorf("got\n%s", replyText(reply))
			}
			if reply, isFast := askFast(t, "127.0.0.1:"+port, a()); isFast {
				t.Errorf("answered by the fast path: %s", replyText(reply))
			}
			if tc.name == "log" {
				eventually(t, "all queries are logged", func() bool { return strings.Count(s.log(), "A IN app.example.org. udp") == 6 })
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
			s, port := startFast(t, guarded(directives, ""))
			if line := fmt.Sprintf("fastpath: example.org. at dns://127.0.0.1:%s: used", port); !strings.Contains(s.log(), line) {
				t.Errorf("the log lacks %q:\n%s", line, s.log())
			}
			checkFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
			checkFast(t, "127.0.0.1:"+port, "v4.example.org", dns.TypeAAAA, false, "nodata")
			checkFast(t, "127.0.0.1:"+port, "x.example.org", dns.TypeAAAA, false, "NXDOMAIN")
		})
	}
}

// TestFastBesideMinimal guards RRsets whose first query has reserved flags or a size of its own: *minimal* has dnsserver
// send these back, which is no reason to leave the RRset to the chain.
func TestFastBesideMinimal(t *testing.T) {
	for name, m := range map[string]*dns.Msg{
		"reserved flags":        withOPT(question("app.example.org", dns.TypeA), allReserved),
		"reserved flags and DO": withOPT(question("app.example.org", dns.TypeA), allReserved|0x8000),
		"size":                  question("app.example.org", dns.TypeA).SetEdns0(700, false),
		"options":               withOPT(question("app.example.org", dns.TypeA), 0, cookie, nsid, padding),
	} {
		t.Run(name, func(t *testing.T) {
			_, port := startFast(t, guarded("minimal", ""))
			m, isFast := askFast(t, "127.0.0.1:"+port, m)
			if !isFast || sorted(m) != sortedThree || m.IsEdns0().Hdr.Ttl&allReserved != 0 {
				t.Errorf("by the fast path %t, got\n%s", isFast, replyText(m))
			}
			checkFast(t, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
		})
	}
}

// TestFastBesideDNSSEC guards signatures: who asks for them gets them from the chain, and all others are answered fast.
func TestFastBesideDNSSEC(t *testing.T) {
	corefile, key := signedZone(t)
	corefile = strings.Replace(corefile, "example.com:0 {", "example.com:PORT {\nbind 127.0.0.1", 1)
	_, port := startFast(t, strings.Replace(corefile, "roundrobin53 {", "roundrobin53 {\nfastpath", 1))
	address := "127.0.0.1:" + port
	for range 3 {
		checkFast(t, address, "www.example.com", dns.TypeA, true, strings.Join(signedValues, " "))
		m, _ := askFast(t, address, question("www.example.com", dns.TypeA).SetEdns0(4096, true))
		if got := sorted(withoutSignatures(t, key, m)); got != strings.Join(signedValues, " ") {
			t.Errorf("signed: %s", got)
		}
		m, _ = askFast(t, address, question("www.example.com", dns.TypeA).SetEdns0(4096, false))
		if len(m.Answer) != len(signedValues) {
			t.Errorf("EDNS without DO: got\n%s", replyText(m))
		}
	}
}

// TestFastSeveralDirectives guards a block with more than one roundrobin53.
func TestFastSeveralDirectives(t *testing.T) {
	_, port := startFast(t, `.:PORT {
		bind 127.0.0.1
		roundrobin53 a.org {
			fastpath
			`+threeRecord+`
		}
		roundrobin53 b.org {
			`+threeRecord+`
		}
	}`)
	checkFast(t, "127.0.0.1:"+port, "app.a.org", dns.TypeA, true, sortedThree)
	checkFast(t, "127.0.0.1:"+port, "app.b.org", dns.TypeA, false, sortedThree)
}
