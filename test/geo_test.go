package test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

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
	signs := server.StartTarget(t)
	corefile := server.Located(server.GeoDatabasePath(t), records+signs.Checks("a b c d"))
	rows := []struct{ down, client, name, want string }{
		// Rows 71 and 72 of the policy cases.
		{"", server.FromCalifornia, "app", "192.0.2.1"},
		{"", server.FromCalifornia6, "app", "192.0.2.1"},
		{"", server.FromNewYork, "app", "192.0.2.2"},
		{"", server.FromUS, "app", "192.0.2.2"},
		{"", server.FromCanada, "app", "192.0.2.3"},
		{"", server.FromGermany, "app", "192.0.2.4"},
		{"", server.FromEurope, "app", "192.0.2.4"},
		{"", server.FromEmptyLabels, "app", "192.0.2.4"},
		{"", server.FromEmptyRecord, "app", "192.0.2.4"},
		{"", server.FromNowhere, "app", "192.0.2.4"},
		{"", server.FromZero, "app", "192.0.2.4"},
		{"", server.FromZero6, "app", "192.0.2.4"},
		{"", "192.0.0.0/8", "app", "192.0.2.4"},
		{"a", server.FromCalifornia, "app", "192.0.2.2"},
		{"a b", server.FromCalifornia, "app", "192.0.2.3"},
		{"a b c", server.FromCalifornia, "app", "192.0.2.4"},
		{"a b c d", server.FromCalifornia, "app", "192.0.2.1"},
		{"a b c d", server.FromUS, "app", "192.0.2.2"},
		{"a b c d", server.FromCanada, "app", "192.0.2.3"},
		{"a b c d", server.FromGermany, "app", "192.0.2.4"},
		{"a c", server.FromCalifornia, "app", "192.0.2.2"},
		{"b c", server.FromUS, "app", "192.0.2.4"},
		{"d", server.FromNowhere, "app", "192.0.2.4"}, // never those for a place that it is not in
		{"", server.FromCalifornia, "www", "192.0.2.1"},
		{"a", server.FromCalifornia, "www", "192.0.2.2"},

		// Without values for everyone.
		{"", server.FromCalifornia, "fence", "192.0.2.1"},
		{"", server.FromUS, "fence", "192.0.2.2"},
		{"", server.FromCanada, "fence", "nodata"},
		{"", server.FromEmptyLabels, "fence", "nodata"},
		{"", server.FromEmptyRecord, "fence", "nodata"},
		{"", server.FromNowhere, "fence", "nodata"},
		{"", server.FromZero, "fence", "nodata"},
		{"a b c d", server.FromCalifornia, "fence", "192.0.2.1"},
		{"a b c d", server.FromNowhere, "fence", "nodata"},

		{"a", server.FromCalifornia, "strict", "192.0.2.4"},
		{"a b c d", server.FromCalifornia, "strict", "nodata"},
		{"", server.FromCalifornia, "drained", "192.0.2.2"},
		{"a b c d", server.FromCalifornia, "drained", "192.0.2.4"},

		// Two levels of subdivisions.
		{"", server.FromLondon, "british", "192.0.2.5"},
		{"a", server.FromLondon, "british", "192.0.2.6"},
		{"a b", server.FromLondon, "british", "192.0.2.7"},
		{"a b c", server.FromLondon, "british", "192.0.2.8"},
		{"a b c d", server.FromLondon, "british", "192.0.2.5"},
		{"", server.FromGermany, "british", "192.0.2.8"},
		{"", server.FromEurope, "british", "192.0.2.8"},
		{"", server.FromGermanyAlone, "british", "nodata"},

		{"", server.FromGermany, "several", "192.0.2.1"},
		{"", server.FromGermanyAlone, "several", "192.0.2.1"},
		{"", server.FromNewYork, "several", "192.0.2.1"},
		{"", server.FromCanada, "several", "192.0.2.2"},
		{"", server.FromLondon, "several", "192.0.2.2"},
		{"", server.FromCalifornia, "several", "nodata"},

		// Row 69: networks come before places.
		{"", server.FromTenGermany, "mixed", "192.0.2.1"},
		{"a", server.FromTenGermany, "mixed", "192.0.2.2"},
		{"a b", server.FromTenGermany, "mixed", "192.0.2.3"},
		{"a b c", server.FromTenGermany, "mixed", "192.0.2.4"},
		{"a b c d", server.FromTenGermany, "mixed", "192.0.2.1"},
		{"", server.FromTen, "mixed", "192.0.2.1"},
		{"a", server.FromTen, "mixed", "192.0.2.4"},
		{"", server.FromGermany, "mixed", "192.0.2.2"},
		{"", server.FromNowhere, "mixed", "192.0.2.4"},

		// One line for both is for clients of the network, and for those of the place.
		{"", server.FromTen, "both", "192.0.2.1"},
		{"", server.FromUS, "both", "192.0.2.1"},
		{"", server.FromGermany, "both", "192.0.2.4"},
	}
	for _, down := range []string{"", "a", "a b", "a b c", "a b c d", "a c", "b c", "d"} {
		t.Run("without "+down, func(t *testing.T) {
			s := server.ServeWithout(t, corefile, signs, down)
			for _, row := range rows {
				if row.down != down {
					continue
				}
				m := server.AskFrom(t, s, row.client, row.name+".example.org")
				if got := server.SortedAddresses(m); got != row.want {
					t.Errorf("%s from %s: %s, want %s\n%s", row.name, row.client, got, row.want, m)
				}
			}
		})
	}
}

// TestGeoOfOtherTypes guards AAAA and CNAME, and what the scope of an answer says: a place is known of the whole network
// that was asked for, and nothing of a larger one.
func TestGeoOfOtherTypes(t *testing.T) {
	signs := server.StartTarget(t)
	s := server.ServeWithout(t, server.Located(server.GeoDatabasePath(t), `record app A {
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
	`+signs.Checks("a")), signs, "a")
	const soa = "\nauthority example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60"
	for _, c := range []struct {
		client string
		name   string
		qtype  uint16
		want   string
	}{
		{server.FromCalifornia, "app", dns.TypeA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{server.FromCalifornia, "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{server.FromGermany, "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{"192.0.0.0/8", "app", dns.TypeAAAA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN AAAA 2001:db8::2\nopt udp 1232 flags 0000 option 8 192.0.0.0/8/8"},
		{server.FromCalifornia6, "app", dns.TypeA, "NOERROR qr aa rd\nanswer app.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 [2001:db8:1::]/48/48"},
		{server.FromGermany, "app", dns.TypeA, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{server.FromZero, "app", dns.TypeA, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 0.0.0.0/0/0"},
		{server.FromCalifornia, "lb", dns.TypeCNAME, "NOERROR qr aa rd\nanswer lb.example.org. 60 IN CNAME us.example.net.\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/26"},
		{server.FromGermany, "lb", dns.TypeCNAME, "NOERROR qr aa rd\nanswer lb.example.org. 60 IN CNAME any.example.net.\nopt udp 1232 flags 0000 option 8 198.51.100.0/26/26"},
		{server.FromCalifornia, "app", dns.TypeTXT, "NOERROR qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
		{server.FromCalifornia, "none", dns.TypeA, "NXDOMAIN qr aa rd" + soa + "\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
		{server.FromCalifornia, "plain", dns.TypeA, "NOERROR qr aa rd\nanswer plain.example.org. 60 IN A 192.0.2.1\nopt udp 1232 flags 0000 option 8 192.0.2.0/26/0"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			server.CheckReply(t, s, network, server.WithOPT(server.Question(c.name+".example.org", c.qtype), 0, server.SubnetOption(c.client)), c.want)
		}
	}
}

// TestGeoOfSource guards whose place counts without ECS, and that a client who wants its address left out of it (RFC 7871
// §7.1.2) has no place: that of the resolver is as little its own as any.
func TestGeoOfSource(t *testing.T) {
	const record = "record app A {\nvalue 192.0.2.1 geo NZ\nvalue 192.0.2.2\n}"
	s := server.Serve(t, server.Located(server.GeoDatabasePath(t), record))
	for _, c := range []struct {
		name  string
		query *dns.Msg
		want  string
	}{
		{"no ECS", server.Question("app.example.org", dns.TypeA), "192.0.2.1"},
		{"ECS /0", server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.SubnetOption(server.FromZero)), "192.0.2.2"},
		{"ECS /0, IPv6", server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.SubnetOption(server.FromZero6)), "192.0.2.2"},
		{"ECS /0 without a family", server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET}), "192.0.2.2"},
		{"ECS of nowhere", server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.SubnetOption(server.FromNowhere)), "192.0.2.2"},
	} {
		if got := server.SortedAddresses(s.Exchange("udp", c.query)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestGeoTurns guards exact turns in each place: with one counter for all, two places that ask in turn would each see
// half of their values.
func TestGeoTurns(t *testing.T) {
	s := server.Serve(t, server.Located(server.GeoDatabasePath(t), `record app A {
		value 192.0.2.1 192.0.2.2 192.0.2.3 geo US-CA
		value 198.51.100.1 198.51.100.2 198.51.100.3 geo europe
		value 203.0.113.1 203.0.113.2 203.0.113.3
	}`))
	clients := map[string][]string{
		server.FromCalifornia: server.ThreeValues,
		server.FromGermany:    server.OtherValues,
		server.FromNowhere:    {"203.0.113.1", "203.0.113.2", "203.0.113.3"},
	}
	last := make(map[string]string)
	for range 12 {
		for client, values := range clients {
			found := server.Addresses(server.AskFrom(t, s, client, "app.example.org"))
			if len(found) != 3 || !slices.Contains(values, found[0]) || last[client] != "" && found[0] != server.Next(values, last[client]) {
				t.Fatalf("from %s came %v after %s, want turns of %v", client, found, last[client], values)
			}
			last[client] = found[0]
		}
	}
}

// TestGeoWithoutPlugins guards against records that nobody would ever be placed for: the Corefile does not start, and a
// running server goes on with what it had.
func TestGeoWithoutPlugins(t *testing.T) {
	database := server.GeoDatabasePath(t)
	geoip := "geoip " + database + " {\nedns-subnet\n}\n"
	const (
		block   = "example.org:0 {\n%sroundrobin53 {\n%s\n}\n}\n"
		geo     = "record app A {\nvalue 192.0.2.1 geo DE\n}"
		alias   = "record app CNAME {\nvalue a.example.net. geo DE\n}"
		nearest = "record app A {\nvalue 192.0.2.1 at 50.11,8.68\norder nearest\n}"
	)
	signs := server.StartTarget(t)
	good := fmt.Sprintf(block, "", "record app A 192.0.2.1 192.0.2.2 {\ncheck a\n}\n"+signs.Checks("a"))
	failing := make(map[string]string)
	for record, word := range map[string]string{geo: "geo", alias: "geo", nearest: "order nearest"} {
		const message = " - Error during parsing: record: app.example.org.: %s: the plugins metadata and geoip tell where a client is; the server block dns://example.org.:0 has no %s"
		failing[fmt.Sprintf(block, "", record)] = fmt.Sprintf(message, word, "metadata")
		failing[fmt.Sprintf(block, "metadata\n", record)] = fmt.Sprintf(message, word, "geoip")
		failing[fmt.Sprintf(block, geoip, record)] = fmt.Sprintf(message, word, "metadata")
		// Plugins of another block do not help.
		failing[fmt.Sprintf(block, "", record)+"example.net:0 {\nmetadata\n"+geoip+"whoami\n}\n"] = fmt.Sprintf(message, word, "metadata")
	}
	for corefile, want := range failing {
		if got := server.StartError(t, corefile); !strings.Contains(got, want) {
			t.Errorf("the error is %q, want %q, for\n%s", got, want, corefile)
		}
	}

	s := server.Serve(t, good)
	last := server.TakeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, "", 1)
	server.Eventually(t, "the first probes are made", func() bool { return signs.Requests("a") > 0 })
	goroutines, files := runtime.NumGoroutine(), server.Descriptors(t)
	for corefile, want := range failing {
		if err := s.Reload(corefile); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q, for\n%s", err, want, corefile)
		}
		last = server.TakeTurns(s, "udp", "app.example.org", []string{"192.0.2.1", "192.0.2.2"}, last, 1)
	}
	const few = 3 // what other tests and the runtime start and end
	if nowGoroutines, nowFiles := server.SettleAt(t, goroutines+few, files+few); nowGoroutines > goroutines+few || nowFiles > files+few {
		t.Errorf("goroutines went from %d to %d, descriptors from %d to %d", goroutines, nowGoroutines, files, nowFiles)
	}
	before := signs.Requests("a")
	server.Eventually(t, "the checks go on", func() bool { return signs.Requests("a") > before })
	server.MustReload(t, s, fmt.Sprintf(block, "metadata\n"+geoip, geo))
	if got := server.SortedAddresses(server.AskFrom(t, s, server.FromGermany, "app.example.org")); got != "192.0.2.1" {
		t.Errorf("with the plugins: %s, want 192.0.2.1", got)
	}
}

// TestGeoByAS asks from 127.0.0.1, which the database puts into AS64496: before the country and behind networks.
func TestGeoByAS(t *testing.T) {
	s := server.Start(t, server.Located(server.ASNDatabasePath(t), `
		record app A {
			value 192.0.2.1 geo AS64496
			value 192.0.2.2 geo AS64497
			value 192.0.2.3
		}
		record other A {
			value 192.0.2.2 geo as64497
			value 192.0.2.3
		}
		record network A {
			value 192.0.2.1 geo AS64496
			value 192.0.2.4 from 127.0.0.0/8
		}
	`))
	for name, want := range map[string]string{"app": "192.0.2.1", "other": "192.0.2.3", "network": "192.0.2.4"} {
		if got := server.AskAddresses(t, s, name+".example.org"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
