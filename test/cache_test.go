package test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestRotationThroughCache guards against answers that are frozen by the cache plugin, and TTLs that it raises to its
// five seconds.
func TestRotationThroughCache(t *testing.T) {
	s := server.Serve(t, `example.org:0 {
		cache
		roundrobin53 {
			record app 1 A 192.0.2.1 192.0.2.2 192.0.2.3
			record app 0 AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record *.wild 60 A 192.0.2.1 192.0.2.2 192.0.2.3
			record alias CNAME app
		}
	}`)
	sixes := []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
	for _, network := range []string{"udp", "tcp"} {
		server.TakeTurns(s, network, "app.example.org", server.ThreeValues, "", 12)
		server.TakeTurns(s, network, "app.example.org", sixes, "", 12)
		server.TakeTurns(s, network, "a.wild.example.org", server.ThreeValues, "", 12)
		server.TakeTurns(s, network, "alias.example.org", server.ThreeValues, "", 12)
	}
	for qtype, want := range map[uint16]uint32{dns.TypeA: 1, dns.TypeAAAA: 0} {
		for range 2 {
			if ttl := s.Ask("app.example.org", qtype).Answer[0].Header().Ttl; ttl != want {
				t.Errorf("%s: TTL %d, want %d", dns.TypeToString[qtype], ttl, want)
			}
		}
	}
}

// overlay is a Corefile of a zone with n names, n at least 2, that falls through to echo behind a cache.
func overlay(n int) string {
	var names strings.Builder
	for i := range n - 2 {
		fmt.Fprintf(&names, "record name%d A 192.0.2.9\n", i)
	}
	return `example.org:0 {
		cache
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record *.wild A 192.0.2.1 192.0.2.2 192.0.2.3
			` + names.String() + `
			fallthrough
		}
		echo
	}`
}

// isCached reports whether a name that echo answers for comes from the cache the second time: then the answer is about
// the first query.
func isCached(s *server.Server, name string) bool {
	first := server.Section(s.Ask(name, dns.TypeTXT).Answer)
	return server.Section(s.Ask(name, dns.TypeTXT).Answer) == first
}

// TestCacheKeepsWhatFallsThrough guards against an overlay of a few names that takes the cache away from the whole zone
// below it.
func TestCacheKeepsWhatFallsThrough(t *testing.T) {
	for _, names := range []int{2, 64} {
		s := server.Serve(t, overlay(names))
		for _, name := range []string{"other.example.org", "deep.below.example.org", "example.org", "xapp.example.org"} {
			if !isCached(s, name) {
				t.Errorf("%d names: %s falls through and is not cached", names, name)
			}
		}
		for _, network := range []string{"udp", "tcp"} {
			server.TakeTurns(s, network, "app.example.org", server.ThreeValues, "", 9)
			server.TakeTurns(s, network, "a.wild.example.org", server.ThreeValues, "", 9)
			server.TakeTurns(s, network, "b.a.wild.example.org", server.ThreeValues, "", 9)
		}
	}
}

// TestManyNamesBypassCacheAsZone guards the other side: the cache compares each query with every entry of the list.
func TestManyNamesBypassCacheAsZone(t *testing.T) {
	s := server.Serve(t, overlay(65))
	if isCached(s, "other.example.org") {
		t.Error("65 names: other.example.org is cached; the whole zone was to bypass the cache")
	}
	server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 9)
}

// TestChainWarnings guards against combinations of plugins that spoil the rotation without a word.
func TestChainWarnings(t *testing.T) {
	const record = "record app A 192.0.2.1 192.0.2.2\n"
	const geo = "record app A {\nvalue 192.0.2.1 geo DE\nvalue 192.0.2.2\n}"
	key := server.DNSSECKey(t)
	places := "metadata\ngeoip " + server.GeoDatabasePath(t)
	for _, tc := range []struct {
		name, zone, plugins, block string
		want                       []string // in one line; none: no warning at all
	}{
		{"plain", "example.org", "cache\nerrors\nlog", record, nil},
		{"dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", record, nil},
		{"32 values with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A " + server.AddressList(32, false), nil},
		{"one random value with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A 192.0.2.1 order random", nil},
		{"random alone", "example.org", "", "record app A 192.0.2.1 192.0.2.2 order random", nil},
		{"fallthrough alone", "example.org", "echo", record + "fallthrough", nil},
		{"many values with a few answers", "example.org", "", "record app A " + server.AddressList(200, false) + " answers 8", nil},

		{"forward and fallthrough", "example.org", "forward . 127.0.0.1:9", record + "fallthrough", nil},
		{"forward for the rest of the block", "example.org", "forward . 127.0.0.1:9", "record app A 192.0.2.1\n}\nroundrobin53 other.example.org {\nrecord app A 192.0.2.1\nfallthrough", nil},
		{"places and ECS", "example.org", places + " {\nedns-subnet\n}", geo + "\necs", nil},
		{"places without ECS", "example.org", places, geo, nil},
		{"ECS without places", "example.org", places, record + "\necs", nil},

		{"forward", "example.org", "forward . 127.0.0.1:9", record, []string{"dns://example.org.:0", "forward", "fallthrough"}},
		{"ECS for places alone", "example.org", places + " {\nedns-subnet\n}", geo, []string{"edns-subnet", "add ecs"}},
		{"ECS for networks alone", "example.org", places, geo + "\necs", []string{"ecs", "add edns-subnet"}},
		{"a database without places", "example.org", "metadata\ngeoip " + server.ASNDatabasePath(t), geo, []string{"geoip", "no places"}},
		{"AS numbers in a database that has them", "example.org", "metadata\ngeoip " + server.ASNDatabasePath(t), "record app A 192.0.2.1 geo AS64496", nil},
		{"a database without AS numbers", "example.org", places, "record app A 192.0.2.1 geo AS64496", []string{"geoip", "no AS numbers"}},
		{"loadbalance", "example.org", "loadbalance", record, []string{"dns://example.org.:0", "loadbalance", "server block"}},
		{"cache and fallthrough", "example.org", "cache\necho", record + "fallthrough", []string{"dns://example.org.:0", "cache", "fall", "example.org."}},
		{"cache and limited fallthrough", "example.org", "cache\necho", record + "fallthrough sub.example.org", []string{"cache", "example.org."}},
		{"cache and root", ".", "cache", "record app.example.org. A 192.0.2.1", []string{"dns://.:0", "cache"}},
		{"random and dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A 192.0.2.1 192.0.2.2 order random", []string{"dnssec", "random", "round_robin"}},
		{"33 values with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A " + server.AddressList(33, false), []string{"dnssec", "32 values"}},
		{"too large for UDP", "example.org", "", "record app A " + server.AddressList(80, false), []string{"app.example.org.", "1232", "answers "}},
		{"too many answers for UDP", "example.org", "", "record app A " + server.AddressList(200, false) + " answers 100", []string{"app.example.org.", "1232", "answers "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			argument := ""
			if tc.zone == "." {
				argument = "."
			}
			s := server.Serve(t, fmt.Sprintf("%s:0 {\n%s\nroundrobin53 %s {\n%s\n}\n}", tc.zone, tc.plugins, argument, tc.block))
			warnings := server.OwnWarnings(s)
			if len(tc.want) == 0 {
				if strings.Contains(s.Log(), "[WARNING]") {
					t.Errorf("a warning, want none:\n%s", s.Log())
				}
				return
			}
			if len(warnings) != 1 {
				t.Fatalf("%d warnings, want one with %q:\n%s", len(warnings), tc.want, s.Log())
			}
			for _, want := range tc.want {
				if !strings.Contains(warnings[0], want) {
					t.Errorf("%q lacks %q", warnings[0], want)
				}
			}
		})
	}
}

var suggestion = regexp.MustCompile(`answers (\d+)`)

// TestSuggestedAnswersFit guards the number in the warning about large RRsets: with it nothing is truncated, and with
// one more it would be.
func TestSuggestedAnswersFit(t *testing.T) {
	label := strings.Repeat("x", 63)
	for _, tc := range []struct {
		name string
		v6   bool
	}{
		{"a", false},
		{"a", true},
		{"app-with-a-name", false},
		{label + "." + label + "." + label, false},
		{label + "." + label + "." + label, true},
		{"@", true},
	} {
		t.Run(fmt.Sprint(len(tc.name), tc.v6), func(t *testing.T) {
			qtype, list := dns.TypeA, server.AddressList(200, false)
			if tc.v6 {
				qtype, list = dns.TypeAAAA, server.AddressList(200, true)
			}
			corefile := "example.org:0 {\nroundrobin53 {\nrecord " + tc.name + " 60 " + list + " %s\n}\n}"
			s := server.Serve(t, fmt.Sprintf(corefile, ""))
			found := suggestion.FindStringSubmatch(strings.Join(server.OwnWarnings(s), ""))
			if found == nil {
				t.Fatalf("no suggestion:\n%s", s.Log())
			}
			n, _ := strconv.Atoi(found[1])
			for answers, truncated := range map[int]bool{n: false, n + 1: true} {
				server.MustReload(t, s, fmt.Sprintf(corefile, fmt.Sprint("answers ", answers)))
				name := strings.TrimPrefix(tc.name+".example.org", "@.")
				m := s.Exchange("udp", server.Question(name, qtype).SetEdns0(1232, false))
				if m.Truncated != truncated || !truncated && len(m.Answer) != answers {
					t.Errorf("answers %d: %s, TC %t, %d values, want TC %t", answers, dns.RcodeToString[m.Rcode], m.Truncated, len(m.Answer), truncated)
				}
			}
		})
	}
}
