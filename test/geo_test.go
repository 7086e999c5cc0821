package test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// The places of clients, by networks that geoDatabase knows.
const (
	fromCalifornia   = "192.0.2.0/26"
	fromCalifornia6  = "2001:db8:1::/48"
	fromNewYork      = "192.0.2.64/26"
	fromUS           = "192.0.2.128/26"
	fromCanada       = "192.0.2.192/26"
	fromGermany      = "198.51.100.0/26"
	fromLondon       = "198.51.100.64/26"
	fromEurope       = "198.51.100.128/26"
	fromEmptyLabels  = "198.51.100.192/26"
	fromEmptyRecord  = "203.0.113.0/26"
	fromGermanyAlone = "203.0.113.64/26" // a country, and no word of the continent
	fromTenGermany   = "10.2.0.0/24"
	fromTen          = "10.9.0.0/24"
	fromNowhere      = "203.0.113.192/26"
	fromZero         = "0.0.0.0/0"
	fromZero6        = "::/0"
)

// sorted is the addresses of an answer, in the order of their text; nodata and the like as their RCODE.
func sorted(m *dns.Msg) string {
	found := addresses(m)
	if len(found) == 0 {
		text := dns.RcodeToString[m.Rcode]
		if m.Rcode == dns.RcodeSuccess && len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA {
			return "nodata"
		}
		return text
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// TestGeo is Route 53's geolocation: a client gets the values of the smallest place that it is in and that has a value
// up, then those of the next larger one, at last those for everyone.
func TestGeo(t *testing.T) {
	const records = `record app A {
		value 192.0.2.1 geo US-CA check a
		value 192.0.2.2 geo US check b
		value 192.0.2.3 geo north-america check c
		value 192.0.2.4 check d
	}
	record fence A {
		value 192.0.2.1 geo us-ca check a
		value 192.0.2.2 geo US check b
	}
	record strict A {
		value 192.0.2.1 geo US-CA check a
		value 192.0.2.4 check d
		all_down none
	}
	record drained A {
		value 192.0.2.1 geo US-CA drain
		value 192.0.2.2 geo US check b
		value 192.0.2.4
	}
	record british A {
		value 192.0.2.5 geo GB-LND check a
		value 192.0.2.6 geo GB-ENG check b
		value 192.0.2.7 geo GB check c
		value 192.0.2.8 geo europe check d
	}
	record several A {
		value 192.0.2.1 geo DE US-NY africa
		value 192.0.2.2 geo CA europe
	}
	record mixed A {
		value 192.0.2.1 from 10.0.0.0/8 check a
		value 192.0.2.2 geo DE check b
		value 192.0.2.3 geo europe check c
		value 192.0.2.4 check d
	}
	record both A {
		value 192.0.2.1 from 10.0.0.0/8 geo US
		value 192.0.2.4
	}
	record www ALIAS app
	`
	signs := startSignals(t)
	corefile := located(geoDatabase(t), records+signs.checks("a b c d"))
	rows := []struct{ down, client, name, want string }{
		// Rows 71 and 72 of the policy cases.
		{"", fromCalifornia, "app", "192.0.2.1"},
		{"", fromCalifornia6, "app", "192.0.2.1"},
		{"", fromNewYork, "app", "192.0.2.2"},
		{"", fromUS, "app", "192.0.2.2"},
		{"", fromCanada, "app", "192.0.2.3"},
		{"", fromGermany, "app", "192.0.2.4"},
		{"", fromEurope, "app", "192.0.2.4"},
		{"", fromEmptyLabels, "app", "192.0.2.4"},
		{"", fromEmptyRecord, "app", "192.0.2.4"},
		{"", fromNowhere, "app", "192.0.2.4"},
		{"", fromZero, "app", "192.0.2.4"},
		{"", fromZero6, "app", "192.0.2.4"},
		{"", "192.0.0.0/8", "app", "192.0.2.4"},
		{"a", fromCalifornia, "app", "192.0.2.2"},
		{"a b", fromCalifornia, "app", "192.0.2.3"},
		{"a b c", fromCalifornia, "app", "192.0.2.4"},
		{"a b c d", fromCalifornia, "app", "192.0.2.1"},
		{"a b c d", fromUS, "app", "192.0.2.2"},
		{"a b c d", fromCanada, "app", "192.0.2.3"},
		{"a b c d", fromGermany, "app", "192.0.2.4"},
		{"a c", fromCalifornia, "app", "192.0.2.2"},
		{"b c", fromUS, "app", "192.0.2.4"},
		{"d", fromNowhere, "app", "192.0.2.4"}, // never those for a place that it is not in
		{"", fromCalifornia, "www", "192.0.2.1"},
		{"a", fromCalifornia, "www", "192.0.2.2"},

		// Without values for everyone.
		{"", fromCalifornia, "fence", "192.0.2.1"},
		{"", fromUS, "fence", "192.0.2.2"},
		{"", fromCanada, "fence", "nodata"},
		{"", fromEmptyLabels, "fence", "nodata"},
		{"", fromEmptyRecord, "fence", "nodata"},
		{"", fromNowhere, "fence", "nodata"},
		{"", fromZero, "fence", "nodata"},
		{"a b c d", fromCalifornia, "fence", "192.0.2.1"},
		{"a b c d", fromNowhere, "fence", "nodata"},

		{"a", fromCalifornia, "strict", "192.0.2.4"},
		{"a b c d", fromCalifornia, "strict", "nodata"},
		{"", fromCalifornia, "drained", "192.0.2.2"},
		{"a b c d", fromCalifornia, "drained", "192.0.2.4"},

		// Two levels of subdivisions.
		{"", fromLondon, "british", "192.0.2.5"},
		{"a", fromLondon, "british", "192.0.2.6"},
		{"a b", fromLondon, "british", "192.0.2.7"},
		{"a b c", fromLondon, "british", "192.0.2.8"},
		{"a b c d", fromLondon, "british", "192.0.2.5"},
		{"", fromGermany, "british", "192.0.2.8"},
		{"", fromEurope, "british", "192.0.2.8"},
		{"", fromGermanyAlone, "british", "nodata"},

		{"", fromGermany, "several", "192.0.2.1"},
		{"", fromGermanyAlone, "several", "192.0.2.1"},
		{"", fromNewYork, "several", "192.0.2.1"},
		{"", fromCanada, "several", "192.0.2.2"},
		{"", fromLondon, "several", "192.0.2.2"},
		{"", fromCalifornia, "several", "nodata"},

		// Row 69: networks come before places.
		{"", fromTenGermany, "mixed", "192.0.2.1"},
		{"a", fromTenGermany, "mixed", "192.0.2.2"},
		{"a b", fromTenGermany, "mixed", "192.0.2.3"},
		{"a b c", fromTenGermany, "mixed", "192.0.2.4"},
		{"a b c d", fromTenGermany, "mixed", "192.0.2.1"},
		{"", fromTen, "mixed", "192.0.2.1"},
		{"a", fromTen, "mixed", "192.0.2.4"},
		{"", fromGermany, "mixed", "192.0.2.2"},
		{"", fromNowhere, "mixed", "192.0.2.4"},

		// One line for both is for clients of the network, and for those of the place.
		{"", fromTen, "both", "192.0.2.1"},
		{"", fromUS, "both", "192.0.2.1"},
		{"", fromGermany, "both", "192.0.2.4"},
	}
	for _, down := range []string{"", "a", "a b", "a b c", "a b c d", "a c", "b c", "d"} {
		t.Run("without "+down, func(t *testing.T) {
			s := serveWithout(t, corefile, signs, down)
			for _, row := range rows {
				if row.down != down {
					continue
				}
				m := askFrom(t, s, row.client, row.name+".example.org")
				if got := sorted(m); got != row.want {
					t.Errorf("%s from %s: %s, want %s\n%s", row.name, row.client, got, row.want, m)
				}
			}
		})
	}
}

// serveWithout serves with endpoints down, and returns when that is known.
func serveWithout(t *testing.T, corefile string, signs *signals, down string) *server {
	t.Helper()
	signs.set(pass, "a b c d e f")
	signs.set(fail, down)
	s := serve(t, corefile)
	awaitDown(t, s, down)
	return s
}

// TestGeoOfOtherTypes guards AAAA and CNAME, and what the scope of an answer says: a place is known of the whole network
// that was asked for, and nothing of a larger one.
func TestGeoOfOtherTypes(t *testing.T) {
	signs := startSignals(t)
	s := serveWithout(t, located(geoDatabase(t), `record app A {
		value 192.0.2.1 geo US-CA
	}
	record app AAAA {
		value 2001:db8::1 geo US-CA check a
		value 2001:db8::2
	}
	record lb CNAME {
		value us.example.net. geo US-CA
		value shut.example.net. geo DE check a
		value any.example.net.
	}
	record txt TXT anything
	record plain A 192.0.2.1
	`+signs.checks("a")), signs, "a")
	const soa = "\nauthority example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60"
	for _, c := range []struct {
		client string
		name   string
		qtype  uint16
		want   string
	}{
		{fromCalifornia, "app", dns.TypeA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{fromCalifornia, "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{fromGermany, "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{"192.0.0.0/8", "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 192.0.0.0/8/8"},
		{fromCalifornia6, "app", dns.TypeA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 [2001:db8:1::]/48/48"},
		{fromGermany, "app", dns.TypeA, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{fromZero, "app", dns.TypeA, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 0.0.0.0/0/0"},
		{fromCalifornia, "lb", dns.TypeCNAME, "NOERROR qr aa rd\nanswer lb.example.org. 60 IN CNAME us.example.net.\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{fromGermany, "lb", dns.TypeCNAME, "NOERROR qr aa rd\nanswer lb.example.org. 60 IN CNAME any.example.net.\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{fromCalifornia, "app", dns.TypeTXT, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
		{fromCalifornia, "none", dns.TypeA, "NXDOMAIN qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
		{fromCalifornia, "plain", dns.TypeA, "NOERROR qr aa rd\nanswer plain.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			checkReply(t, s, network, withOPT(question(c.name+".example.org", c.qtype), 0, subnetOption(c.client)), c.want)
		}
	}
}

// TestGeoOfSource guards whose place counts without ECS, and that a client who wants its address left out of it (RFC 7871
// §7.1.2) has no place: that of the resolver is as little its own as any.
func TestGeoOfSource(t *testing.T) {
	const record = "record app A {\nvalue 192.0.2.1 geo NZ\nvalue 192.0.2.2\n}"
	s := serve(t, located(geoDatabase(t), record))
	for _, c := range []struct {
		name  string
		query *dns.Msg
		want  string
	}{
		{"no ECS", question("app.example.org", dns.TypeA), "192.0.2.1"},
		{"ECS /0", withOPT(question("app.example.org", dns.TypeA), 0, subnetOption(fromZero)), "192.0.2.2"},
		{"ECS /0, IPv6", withOPT(question("app.example.org", dns.TypeA), 0, subnetOption(fromZero6)), "192.0.2.2"},
		{"ECS /0 without a family", withOPT(question("app.example.org", dns.TypeA), 0, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET}), "192.0.2.2"},
		{"ECS of nowhere", withOPT(question("app.example.org", dns.TypeA), 0, subnetOption(fromNowhere)), "192.0.2.2"},
	} {
		if got := sorted(s.exchange("udp", c.query)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestGeoTurns guards exact turns in each place: with one counter for all, two places that ask in turn would each see
// half of their values.
func TestGeoTurns(t *testing.T) {
	s := serve(t, located(geoDatabase(t), `record app A {
		value 192.0.2.1 192.0.2.2 192.0.2.3 geo US-CA
		value 198.51.100.1 198.51.100.2 198.51.100.3 geo europe
		value 203.0.113.1 203.0.113.2 203.0.113.3
	}`))
	clients := map[string][]string{
		fromCalifornia: threeValues,
		fromGermany:    otherValues,
		fromNowhere:    {"203.0.113.1", "203.0.113.2", "203.0.113.3"},
	}
	last := make(map[string]string)
	for range 12 {
		for client, values := range clients {
			found := addresses(askFrom(t, s, client, "app.example.org"))
			if len(found) != 3 || !slices.Contains(values, found[0]) || last[client] != "" && found[0] != next(values, last[client]) {
				t.Fatalf("from %s came %v after %s, want turns of %v", client, found, last[client], values)
			}
			last[client] = found[0]
		}
	}
}

// TestGeoWithoutPlugins guards against records that nobody would ever be placed for: the Corefile does not start, and a
// running server goes on with what it had.
func TestGeoWithoutPlugins(t *testing.T) {
	database := geoDatabase(t)
	geoip := "geoip " + database + " {\nedns-subnet\n}\n"
	const (
		block   = "example.org:0 {\n%sroundrobin53 {\n%s\n}\n}\n"
		geo     = "record app A {\nvalue 192.0.2.1 geo DE\n}"
		alias   = "record app CNAME {\nvalue a.example.net. geo DE\n}"
		nearest = "record app A {\nvalue 192.0.2.1 at 50.11,8.68\norder nearest\n}"
	)
	signs := startSignals(t)
	good := fmt.Sprintf(block, "", "record app A 192.0.2.1 192.0.2.2 {\ncheck a\n}\n"+signs.checks("a"))
	failing := make(map[string]string)
	for record, word := range map[string]string{geo: "geo", alias: "geo", nearest: "order nearest"} {
		const message = "dns://example.org.:0: app.example.org.: %s: the plugins metadata and geoip tell where a client is; the server block has no %s"
		failing[fmt.Sprintf(block, "", record)] = fmt.Sprintf(message, word, "metadata")
		failing[fmt.Sprintf(block, "metadata\n", record)] = fmt.Sprintf(message, word, "geoip")
		failing[fmt.Sprintf(block, geoip, record)] = fmt.Sprintf(message, word, "metadata")
		// Plugins of another block do not help.
		failing[fmt.Sprintf(block, "", record)+"example.net:0 {\nmetadata\n"+geoip+"whoami\n}\n"] = fmt.Sprintf(message, word, "metadata")
	}
	for corefile, want := range failing {
		if got := startError(t, corefile); !strings.Contains(got, want) {
			t.Errorf("the error is %q, want %q, for\n%s", got, want, corefile)
		}
	}

	s := serve(t, good)
	last := takeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, "", 1)
	eventually(t, "the first probes are made", func() bool { return signs.count("a") > 0 })
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	for corefile, want := range failing {
		if err := s.reload(corefile); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q, for\n%s", err, want, corefile)
		}
		last = takeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, last, 1)
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := settle(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d", goroutines, nowGoroutines, files, nowFiles)
	}
	before := signs.count("a")
	eventually(t, "the checks go on", func() bool { return signs.count("a") > before })
	mustReload(t, s, fmt.Sprintf(block, "metadata\n"+geoip, geo))
	if got := sorted(askFrom(t, s, fromGermany, "app.example.org")); got != "192.0.2.1" {
		t.Errorf("with the plugins: %s, want 192.0.2.1", got)
	}
}
