package test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// takeTurns asks n times and checks that the answers begin with values in turn. The first of them comes behind last,
// unless that is "". It returns what the last answer began with.
func takeTurns(s *server, network, name string, values []string, last string, n int) string {
	s.t.Helper()
	qtype := dns.TypeA
	if strings.Contains(values[0], ":") {
		qtype = dns.TypeAAAA
	}
	for range n {
		found := addresses(s.exchange(network, question(name, qtype)))
		if len(found) == 0 {
			s.t.Fatalf("%s over %s: no address, want %v", name, network, values)
		}
		if !slices.Contains(values, found[0]) {
			s.t.Fatalf("%s over %s: %v, want one of %v first", name, network, found, values)
		}
		if !s.follows(values, last, found[0]) {
			s.t.Fatalf("%s over %s: after %s came %v, want %s first", name, network, last, found, next(values, last))
		}
		last = found[0]
	}
	return last
}

var threeValues = []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}

// addressList is n different addresses, IPv6 ones if so.
func addressList(n int, v6 bool) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("10.53.%d.%d", i/250, i%250+1)
		if v6 {
			list[i] = fmt.Sprintf("2001:db8::%x", i+1)
		}
	}
	return strings.Join(list, " ")
}

// TestRotationThroughCache guards against answers that are frozen by the cache plugin, and TTLs that it raises to its
// five seconds.
func TestRotationThroughCache(t *testing.T) {
	s := serve(t, `example.org:0 {
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
		takeTurns(s, network, "app.example.org", threeValues, "", 12)
		takeTurns(s, network, "app.example.org", sixes, "", 12)
		takeTurns(s, network, "a.wild.example.org", threeValues, "", 12)
		takeTurns(s, network, "alias.example.org", threeValues, "", 12)
	}
	for qtype, want := range map[uint16]uint32{dns.TypeA: 1, dns.TypeAAAA: 0} {
		for range 2 {
			if ttl := s.ask("app.example.org", qtype).Answer[0].Header().Ttl; ttl != want {
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
func isCached(s *server, name string) bool {
	s.t.Helper()
	first := section(s.ask(name, dns.TypeTXT).Answer)
	return section(s.ask(name, dns.TypeTXT).Answer) == first
}

// TestCacheKeepsWhatFallsThrough guards against an overlay of a few names that takes the cache away from the whole zone
// below it.
func TestCacheKeepsWhatFallsThrough(t *testing.T) {
	for _, names := range []int{2, 64} {
		s := serve(t, overlay(names))
		for _, name := range []string{"other.example.org", "deep.below.example.org", "example.org", "xapp.example.org"} {
			if !isCached(s, name) {
				t.Errorf("%d names: %s falls through and is not cached", names, name)
			}
		}
		for _, network := range []string{"udp", "tcp"} {
			takeTurns(s, network, "app.example.org", threeValues, "", 9)
			takeTurns(s, network, "a.wild.example.org", threeValues, "", 9)
			takeTurns(s, network, "b.a.wild.example.org", threeValues, "", 9)
		}
	}
}

// TestManyNamesBypassCacheAsZone guards the other side: the cache compares each query with every entry of the list.
func TestManyNamesBypassCacheAsZone(t *testing.T) {
	s := serve(t, overlay(65))
	if isCached(s, "other.example.org") {
		t.Error("65 names: other.example.org is cached; the whole zone was to bypass the cache")
	}
	takeTurns(s, "udp", "app.example.org", threeValues, "", 9)
}

// TestChainWarnings guards against combinations of plugins that spoil the rotation without a word.
func TestChainWarnings(t *testing.T) {
	const record = "record app A 192.0.2.1 192.0.2.2\n"
	const geo = "record app A {\nvalue 192.0.2.1 geo DE\nvalue 192.0.2.2\n}"
	key := dnssecKey(t)
	places := "metadata\ngeoip " + geoDatabase(t)
	for _, tc := range []struct {
		name, zone, plugins, block string
		want                       []string // in one line; none: no warning at all
	}{
		{"plain", "example.org", "cache\nerrors\nlog", record, nil},
		{"dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", record, nil},
		{"32 values with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A " + addressList(32, false), nil},
		{"one random value with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A 192.0.2.1 order random", nil},
		{"random alone", "example.org", "", "record app A 192.0.2.1 192.0.2.2 order random", nil},
		{"fallthrough alone", "example.org", "echo", record + "fallthrough", nil},
		{"many values with a few answers", "example.org", "", "record app A " + addressList(200, false) + " answers 8", nil},

		{"forward and fallthrough", "example.org", "forward . 127.0.0.1:9", record + "fallthrough", nil},
		{"forward for the rest of the block", "example.org", "forward . 127.0.0.1:9", "record app A 192.0.2.1\n}\nroundrobin53 other.example.org {\nrecord app A 192.0.2.1\nfallthrough", nil},
		{"places and ECS", "example.org", places + " {\nedns-subnet\n}", geo + "\necs", nil},
		{"places without ECS", "example.org", places, geo, nil},
		{"ECS without places", "example.org", places, record + "\necs", nil},

		{"forward", "example.org", "forward . 127.0.0.1:9", record, []string{"dns://example.org.:0", "forward", "fallthrough"}},
		{"ECS for places alone", "example.org", places + " {\nedns-subnet\n}", geo, []string{"edns-subnet", "add ecs"}},
		{"ECS for networks alone", "example.org", places, geo + "\necs", []string{"ecs", "add edns-subnet"}},
		{"a database without places", "example.org", "metadata\ngeoip " + asnDatabase(t), geo, []string{"geoip", "no places"}},
		{"loadbalance", "example.org", "loadbalance", record, []string{"dns://example.org.:0", "loadbalance", "server block"}},
		{"cache and fallthrough", "example.org", "cache\necho", record + "fallthrough", []string{"dns://example.org.:0", "cache", "fall", "example.org."}},
		{"cache and limited fallthrough", "example.org", "cache\necho", record + "fallthrough sub.example.org", []string{"cache", "example.org."}},
		{"cache and root", ".", "cache", "record app.example.org. A 192.0.2.1", []string{"dns://.:0", "cache"}},
		{"random and dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A 192.0.2.1 192.0.2.2 order random", []string{"dnssec", "random", "round_robin"}},
		{"33 values with dnssec", "example.org", "dnssec {\nkey file " + key + "\n}", "record app A " + addressList(33, false), []string{"dnssec", "32 values"}},
		{"too large for UDP", "example.org", "", "record app A " + addressList(80, false), []string{"app.example.org.", "1232", "answers "}},
		{"too many answers for UDP", "example.org", "", "record app A " + addressList(200, false) + " answers 100", []string{"app.example.org.", "1232", "answers "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			argument := ""
			if tc.zone == "." {
				argument = "."
			}
			s := serve(t, fmt.Sprintf("%s:0 {\n%s\nroundrobin53 %s {\n%s\n}\n}", tc.zone, tc.plugins, argument, tc.block))
			warnings := ownWarnings(s)
			if len(tc.want) == 0 {
				if strings.Contains(s.log(), "[WARNING]") {
					t.Errorf("a warning, want none:\n%s", s.log())
				}
				return
			}
			if len(warnings) != 1 {
				t.Fatalf("%d warnings, want one with %q:\n%s", len(warnings), tc.want, s.log())
			}
			for _, want := range tc.want {
				if !strings.Contains(warnings[0], want) {
					t.Errorf("%q lacks %q", warnings[0], want)
				}
			}
		})
	}
}

// ownWarnings are the plugin's warnings since s started.
func ownWarnings(s *server) []string {
	var warnings []string
	for line := range strings.Lines(s.log()) {
		if strings.Contains(line, "[WARNING] plugin/roundrobin53: ") {
			warnings = append(warnings, line)
		}
	}
	return warnings
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
			qtype, list := dns.TypeA, addressList(200, false)
			if tc.v6 {
				qtype, list = dns.TypeAAAA, addressList(200, true)
			}
			corefile := "example.org:0 {\nroundrobin53 {\nrecord " + tc.name + " 60 " + list + " %s\n}\n}"
			s := serve(t, fmt.Sprintf(corefile, ""))
			found := suggestion.FindStringSubmatch(strings.Join(ownWarnings(s), ""))
			if found == nil {
				t.Fatalf("no suggestion:\n%s", s.log())
			}
			n, _ := strconv.Atoi(found[1])
			for answers, truncated := range map[int]bool{n: false, n + 1: true} {
				mustReload(t, s, fmt.Sprintf(corefile, fmt.Sprint("answers ", answers)))
				name := strings.TrimPrefix(tc.name+".example.org", "@.")
				m := s.exchange("udp", question(name, qtype).SetEdns0(1232, false))
				if m.Truncated != truncated || !truncated && len(m.Answer) != answers {
					t.Errorf("answers %d: %s, TC %t, %d values, want TC %t", answers, dns.RcodeToString[m.Rcode], m.Truncated, len(m.Answer), truncated)
				}
			}
		})
	}
}
