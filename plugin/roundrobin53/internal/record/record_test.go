package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// table makes a table of one zone from zone file lines; A and AAAA RRsets get the numbers 0, 1, …
// in their order.
func table(tb testing.TB, origins []string, hideSOA bool, lines ...string) *Table {
	tb.Helper()
	zones := make([]ZoneConfig, len(origins))
	for i, origin := range origins {
		rr, err := dns.NewRR(origin + " 300 IN SOA ns.example. hostmaster.example. 1 2 3 4 60")
		if err != nil {
			tb.Fatal(err)
		}
		zones[i] = ZoneConfig{SOA: rr.(*dns.SOA), HideSOA: hideSOA}
	}
	b := NewBuilder(len(lines), zones...)
	addresses := 0
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			tb.Fatal(err)
		}
		hdr := rr.Header()
		if hdr.Rrtype == dns.TypeA || hdr.Rrtype == dns.TypeAAAA {
			b.AddAddresses(hdr.Name, hdr.Rrtype, addresses)
			addresses++
			continue
		}
		b.Add(hdr.Name, RRset{Type: hdr.Rrtype, RRs: []dns.RR{rr}})
	}
	return b.Table()
}

// describe returns a result in a word or two: what was found, and where it comes from.
func describe(r Result) string {
	kinds := map[Kind]string{
		Outside: "outside", Addresses: "addresses", RRs: "rrs", CNAME: "alias", Any: "any",
		Delegation: "delegation", NoData: "nodata", NXDomain: "nxdomain",
	}
	words := []string{kinds[r.Kind]}
	if r.Kind == Addresses {
		words = append(words, fmt.Sprint(r.Addresses))
	}
	if r.RRset != nil {
		words = append(words, dns.TypeToString[r.RRset.Type], r.RRset.RRs[0].Header().Name)
	}
	if r.DS != nil {
		words = append(words, "DS")
	}
	if r.Unclaimed && r.Kind == NoData {
		words = append(words, "unclaimed")
	}
	return strings.Join(words, " ")
}

type lookupRow struct{ name, qtype, want string }

func checkLookups(t *testing.T, table *Table, rows []lookupRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name+" "+row.qtype, func(t *testing.T) {
			if got := describe(table.Lookup(row.name, dns.StringToType[row.qtype])); got != row.want {
				t.Errorf("Lookup(%s, %s) = %s, want %s", row.name, row.qtype, got, row.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	checkLookups(t, table(t, []string{"example."}, false,
		"example. IN NS ns.example.",
		"app.example. IN A 192.0.2.1",
		"app.example. IN AAAA 2001:db8::1",
		"www.example. IN CNAME app.example.",
		"a.b.example. IN TXT text",
		`dot\.ted.example. IN A 192.0.2.2`,
	), []lookupRow{
		{"app.example.", "A", "addresses 0"},
		{"app.example.", "AAAA", "addresses 1"},
		{"app.example.", "TXT", "nodata"},
		{"app.example.", "ANY", "any"},
		{"example.", "SOA", "rrs SOA example."},
		{"example.", "NS", "rrs NS example."},
		{"example.", "A", "nodata unclaimed"},
		{"example.", "DS", "nodata unclaimed"},
		{"www.example.", "A", "alias CNAME www.example."},
		{"www.example.", "CNAME", "rrs CNAME www.example."},
		{"www.example.", "ANY", "any"},
		{"b.example.", "A", "nodata unclaimed"}, // an empty non-terminal
		{"b.example.", "ANY", "nodata unclaimed"},
		{"a.b.example.", "TXT", "rrs TXT a.b.example."},
		{"x.a.b.example.", "TXT", "nxdomain"},
		{"nope.example.", "A", "nxdomain"},
		{"notexample.", "A", "outside"},
		{"xexample.", "A", "outside"},
		{"x.notexample.", "A", "outside"},
		{`dot\.ted.example.`, "A", "addresses 2"},
		{"ted.example.", "A", "nxdomain"},
		{`x\.example.`, "A", "outside"}, // one label, not two
		{".", "NS", "outside"},
	})
}

// TestLookupWildcard checks the example of RFC 4592 §2.2.1, and an empty non-terminal below a
// wildcard (§2.2.2).
func TestLookupWildcard(t *testing.T) {
	checkLookups(t, table(t, []string{"example."}, false,
		"example. IN NS ns.example.com.",
		"*.example. IN TXT wildcard",
		"*.example. IN MX 10 host1.example.",
		"sub.*.example. IN TXT text",
		"host1.example. IN A 192.0.2.1",
		"_ssh._tcp.host1.example. IN SRV 0 0 22 host1.example.",
		"_ssh._tcp.host2.example. IN SRV 0 0 22 host2.example.",
		"subdel.example. IN NS ns.example.com.",
		"a.ent.example. IN A 192.0.2.2",
		"*.deep.ent.example. IN A 192.0.2.3",
	), []lookupRow{
		{"host3.example.", "MX", "rrs MX *.example."},
		{"host3.example.", "A", "nodata"},
		{"host3.example.", "ANY", "any"},
		{"foo.bar.example.", "TXT", "rrs TXT *.example."},
		{"host1.example.", "MX", "nodata"},
		{"sub.*.example.", "MX", "nodata"},
		{"_telnet._tcp.host1.example.", "SRV", "nxdomain"},
		{"host.subdel.example.", "A", "delegation NS subdel.example."},
		{"ghost.*.example.", "MX", "nxdomain"},
		{"*.example.", "TXT", "rrs TXT *.example."},
		{"host2.example.", "A", "nodata unclaimed"},
		{"ent.example.", "TXT", "nodata unclaimed"},
		{"b.ent.example.", "TXT", "nxdomain"},
		{"deep.ent.example.", "A", "nodata unclaimed"},
		{"x.deep.ent.example.", "A", "addresses 2"},
	})
}

func TestLookupDelegation(t *testing.T) {
	tab := table(t, []string{"example."}, false,
		"sub.example. IN NS ns.sub.example.",
		"sub.example. IN DS 1 13 2 00",
		"ns.sub.example. IN A 192.0.2.1",
		"deeper.sub.example. IN NS ns.deeper.sub.example.",
		"*.sub.example. IN TXT occluded",
		"plain.example. IN NS ns.elsewhere.",
	)
	checkLookups(t, tab, []lookupRow{
		{"sub.example.", "A", "delegation NS sub.example. DS"},
		{"sub.example.", "NS", "delegation NS sub.example. DS"},
		{"sub.example.", "ANY", "delegation NS sub.example. DS"},
		{"sub.example.", "DS", "rrs DS sub.example."},
		{"ns.sub.example.", "A", "delegation NS sub.example. DS"},
		{"ns.sub.example.", "DS", "delegation NS sub.example. DS"},
		{"x.deeper.sub.example.", "A", "delegation NS sub.example. DS"}, // the topmost cut
		{"x.sub.example.", "TXT", "delegation NS sub.example. DS"},
		{"plain.example.", "DS", "nodata"},
		{"plain.example.", "A", "delegation NS plain.example."},
	})
	if number, ok := tab.Glue("ns.sub.example.", dns.TypeA); !ok || number != 0 {
		t.Errorf("Glue(ns.sub.example., A) = %d, %t, want 0, true", number, ok)
	}
	if _, ok := tab.Glue("ns.sub.example.", dns.TypeAAAA); ok {
		t.Error("Glue(ns.sub.example., AAAA) found, want none")
	}
	if _, ok := tab.Glue("ns.example.", dns.TypeA); ok {
		t.Error("Glue(ns.example., A) found, want none")
	}
}

func TestLookupZones(t *testing.T) {
	tab := table(t, []string{"example.", "sub.example.", "net."}, false,
		"app.sub.example. IN A 192.0.2.1",
		"app.net. IN A 192.0.2.2",
	)
	for name, want := range map[string]string{
		"app.sub.example.": "sub.example.", "x.sub.example.": "sub.example.", "x.example.": "example.", "app.net.": "net.",
	} {
		if got := tab.Lookup(name, dns.TypeA).Zone; got.Origin != want || tab.Zones()[got.Index] != got {
			t.Errorf("Lookup(%s): zone %s, index %d, want %s", name, got.Origin, got.Index, want)
		}
	}
	// The DS of a zone is its parent's to deny, where both are here.
	for name, want := range map[string]string{"sub.example.": "example.", "example.": "example."} {
		if got := tab.Lookup(name, dns.TypeDS); got.Kind != NoData || got.Zone.Origin != want {
			t.Errorf("Lookup(%s, DS): %s of %s, want nodata of %s", name, describe(got), got.Zone.Origin, want)
		}
	}
}

func TestLookupRootZone(t *testing.T) {
	checkLookups(t, table(t, []string{"."}, false,
		"app.example. IN A 192.0.2.1",
		"*. IN TXT top",
	), []lookupRow{
		{"app.example.", "A", "addresses 0"},
		{"example.", "A", "nodata unclaimed"},
		{"x.example.", "TXT", "nxdomain"},
		{"com.", "TXT", "rrs TXT *."},
		{".", "SOA", "rrs SOA ."},
		{".", "A", "nodata unclaimed"},
	})
}

// TestLookupUnclaimed guards what a zone that lies over another one must not hide: what no line
// speaks of.
func TestLookupUnclaimed(t *testing.T) {
	tab := table(t, []string{"example."}, true,
		"example. IN A 192.0.2.1",
		"app.example. IN A 192.0.2.2",
		"*.wild.example. IN A 192.0.2.3",
	)
	checkLookups(t, tab, []lookupRow{
		{"example.", "A", "addresses 0"},
		{"example.", "MX", "nodata unclaimed"},
		{"example.", "SOA", "nodata unclaimed"},
		{"app.example.", "MX", "nodata"},
		{"wild.example.", "A", "nodata unclaimed"},
		{"x.wild.example.", "MX", "nodata"},
	})
	if !tab.Lookup("nope.example.", dns.TypeA).Unclaimed {
		t.Error("a name that does not exist is claimed")
	}
}

// TestNamesAboveZones guards the names between a zone and one inside it: something exists below
// them.
func TestNamesAboveZones(t *testing.T) {
	checkLookups(t, table(t, []string{"a.b.c.example.", "example."}, false), []lookupRow{
		{"b.c.example.", "A", "nodata unclaimed"},
		{"c.example.", "A", "nodata unclaimed"},
		{"x.c.example.", "A", "nxdomain"},
		{"a.b.c.example.", "SOA", "rrs SOA a.b.c.example."},
	})
}

func TestNegativeTTL(t *testing.T) {
	zone := table(t, []string{"example."}, false).Zones()[0]
	if got := zone.Negative[0].Header().Ttl; got != 60 {
		t.Errorf("negative TTL %d, want the MINIMUM 60 (RFC 2308)", got)
	}
	zone.SetSerial(7)
	if zone.SOA().Serial != 7 || zone.Negative[0].(*dns.SOA).Serial != 7 {
		t.Errorf("serials %d and %d, want 7", zone.SOA().Serial, zone.Negative[0].(*dns.SOA).Serial)
	}
	if zone.SOA().Hdr.Ttl != 300 {
		t.Errorf("the SOA's own TTL is %d, want 300", zone.SOA().Hdr.Ttl)
	}
}

func TestAll(t *testing.T) {
	tab := table(t, []string{"example."}, false, "a.b.example. IN A 192.0.2.1", "a.b.example. IN TXT text", "c.example. IN AAAA 2001:db8::1")
	seen := make(map[string]string)
	for name, node := range tab.All() {
		seen[name] = fmt.Sprint(node.Zone.Origin, node.A, node.AAAA, len(node.RRsets))
	}
	want := map[string]string{
		"example.":     fmt.Sprint("example.", -1, -1, 1),
		"a.b.example.": fmt.Sprint("example.", 0, -1, 1),
		"c.example.":   fmt.Sprint("example.", -1, 1, 0),
	}
	for name, what := range want {
		if seen[name] != what {
			t.Errorf("All gives %s as %q, want %q", name, seen[name], what)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("All gives %d names, want %d: %v", len(seen), len(want), seen)
	}
}

func TestBuilderRefusesForeignName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a name outside the zones was taken, want a panic")
		}
	}()
	NewBuilder(0, ZoneConfig{SOA: &dns.SOA{Hdr: dns.RR_Header{Name: "example."}}}).AddAddresses("app.test.", dns.TypeA, 0)
}

func BenchmarkLookup(b *testing.B) {
	for _, names := range []int{1, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(names), func(b *testing.B) {
			builder := NewBuilder(names, ZoneConfig{SOA: &dns.SOA{Hdr: dns.RR_Header{Name: "example.org."}}})
			all := make([]string, names)
			for i := range all {
				all[i] = fmt.Sprintf("name%d.example.org.", i)
				builder.AddAddresses(all[i], dns.TypeA, i)
			}
			tab := builder.Table()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if tab.Lookup(all[i], dns.TypeA).Kind != Addresses {
					b.Fatal("not found")
				}
				if i += 7919; i >= names { // a prime step: the next name is in another cache line
					i %= names
				}
			}
		})
	}
}
