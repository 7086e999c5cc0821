package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// blockText is a server block: its keys, its view, and the directives in it.
type blockText struct{ keys, view, directives string }

// blocks returns the stores of server blocks, and where they are served.
func blocks(tb testing.TB, texts []blockText) []*Served {
	tb.Helper()
	var stores []*Served
	for _, text := range texts {
		s := &Served{Block: text.keys, View: text.view, Listeners: make(map[string][]string)}
		var zones []string
		for key := range strings.FieldsSeq(text.keys) {
			transport, rest, _ := strings.Cut(key, "://")
			zone, port, _ := strings.Cut(rest, ":")
			zones = append(zones, zone)
			s.Listeners[zone] = append(s.Listeners[zone], transport+" :"+port)
		}
		s.Store = build(tb, text.directives, zones...)
		stores = append(stores, s)
	}
	return stores
}

// countersOf returns those of an A RRset, nil if there is none.
func countersOf(s *Served, name string) *turn.Counters {
	number, ok := s.Table.Glue(name, dns.TypeA)
	if !ok {
		return nil
	}
	if set := s.Set(number); !set.Chooses() {
		return set.Counters()
	}
	return s.Set(number).Groups()[0].Counters()
}

// TestZonesAreFoundWhereverTheyMove guards rotations and serials over a reload that changes the
// server blocks around a zone, and zones of one name against being mixed up. Want says which of the
// old blocks app.ZONE comes from, by new block; - is none: then the serial is a newer one than any
// that the zone had.
func TestZonesAreFoundWhereverTheyMove(t *testing.T) {
	const (
		org     = "dns://example.org.:53"
		other   = "dns://example.org.:5353"
		net     = "dns://example.net.:53"
		tls     = "tls://example.org.:853"
		records = "roundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2\n}"
		named   = "roundrobin53 example.org {\nrecord app A 192.0.2.1 192.0.2.2\n}"
		changed = "roundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 weight 1\nrecord new A 192.0.2.3\n}"
	)
	for name, c := range map[string]struct {
		old, now []blockText
		want     string
	}{
		"nothing changes":                      {[]blockText{{org, "", records}}, []blockText{{org, "", records}}, "0"},
		"another key":                          {[]blockText{{org, "", records}}, []blockText{{org + " " + net, "", records}}, "0"},
		"another port":                         {[]blockText{{org, "", records}}, []blockText{{other, "", records}}, "0"},
		"another transport":                    {[]blockText{{org, "", records}}, []blockText{{tls, "", records}}, "0"},
		"another key and other records":        {[]blockText{{org, "", records}}, []blockText{{org + " " + net, "", changed}}, "0"},
		"into a block of others":               {[]blockText{{org, "", records}}, []blockText{{"dns://.:53", "", named}}, "0"},
		"into the second of two blocks":        {[]blockText{{org, "", records}}, []blockText{{net, "", records}, {"dns://.:53", "", named}}, "-0"},
		"out of a block of two zones":          {[]blockText{{org + " " + net, "", records}}, []blockText{{net, "", records}, {org, "", records}}, "00"},
		"into a block of two zones":            {[]blockText{{org, "", records}, {net, "", records}}, []blockText{{org + " " + net, "", records}}, "0"},
		"the order of blocks":                  {[]blockText{{org, "", records}, {net, "", records}}, []blockText{{net, "", records}, {org, "", records}}, "10"},
		"the order of ports":                   {[]blockText{{org, "", records}, {other, "", records}}, []blockText{{other, "", records}, {org, "", records}}, "10"},
		"the first of two ports gets a key":    {[]blockText{{org, "", records}, {other, "", records}}, []blockText{{org + " " + net, "", records}, {other, "", records}}, "01"},
		"the second of two ports gets a key":   {[]blockText{{org, "", records}, {other, "", records}}, []blockText{{org, "", records}, {other + " " + net, "", records}}, "01"},
		"both get a key, and another place":    {[]blockText{{org, "", records}, {other, "", records}}, []blockText{{other + " " + net, "", records}, {org + " dns://example.com.:53", "", records}}, "10"},
		"the first of two ports goes":          {[]blockText{{org, "", records}, {other, "", records}}, []blockText{{other + " " + net, "", records}}, "1"},
		"a second port comes":                  {[]blockText{{org, "", records}}, []blockText{{other, "", records}, {org, "", records}}, "-0"},
		"equal blocks":                         {[]blockText{{org, "", records}, {org, "", records}}, []blockText{{org, "", records}, {org, "", records}}, "01"},
		"views":                                {[]blockText{{org, "a", records}, {org, "b", records}}, []blockText{{org, "b", records}, {org, "a", records}}, "10"},
		"views, whose keys change":             {[]blockText{{org, "a", records}, {org, "b", records}}, []blockText{{org + " " + net, "b", records}, {org + " " + net, "a", records}}, "10"},
		"a view that is new beside one":        {[]blockText{{org, "a", records}}, []blockText{{org, "b", records}, {org, "a", records}}, "-0"},
		"a zone that was not there":            {[]blockText{{net, "", records}}, []blockText{{net, "", records}, {org, "", records}}, "0-"},
		"a zone of which others became a part": {[]blockText{{org, "", records}}, []blockText{{org, "", records}, {"dns://sub.example.org.:53", "", records}}, "0-"},
	} {
		t.Run(name, func(t *testing.T) {
			old := blocks(t, c.old)
			now := time.Unix(1_700_000_000, 0)
			Adopt(old, nil, now)
			newest := uint32(0)
			for i, h := range old { // as after many changes within a second
				for j := range h.Zones {
					h.Zones[j].Serial += uint32(100 * (i + 1))
					h.Table.Zones()[j].SetSerial(h.Zones[j].Serial)
					newest = max(newest, h.Zones[j].Serial)
				}
			}
			handlers := blocks(t, c.now)
			Adopt(handlers, old, now)
			var got strings.Builder
			for _, h := range handlers {
				z := &h.Zones[0]
				from := "-"
				for i := range old {
					if counters := countersOf(old[i], "app."+z.Name); counters != nil && counters == countersOf(h, "app."+z.Name) {
						from = fmt.Sprint(i)
						for _, before := range old[i].Zones {
							if before.Name == z.Name && (z.Serial != before.Serial) == (z.hash == before.hash) || z.Serial < before.Serial && before.Name == z.Name {
								t.Errorf("%s: serial %d, was %d; content equal: %v", h.Block, z.Serial, before.Serial, z.hash == before.hash)
							}
						}
					}
				}
				if knew := strings.Contains(fmt.Sprint(c.old), z.Name); from == "-" && knew && z.Serial <= newest {
					t.Errorf("%s: serial %d, want a newer one than %d", h.Block, z.Serial, newest)
				}
				if h.Table.Zones()[0].SOA().Serial != z.Serial {
					t.Errorf("%s: the SOA has the serial %d, want %d", h.Block, h.Table.Zones()[0].SOA().Serial, z.Serial)
				}
				got.WriteString(from)
			}
			if got.String() != c.want {
				t.Errorf("%q, want %q", got.String(), c.want)
			}
		})
	}
}

// TestNamesMoveBetweenZones guards the rotation of a name whose zone is cut in two, or put together
// again, in whichever block; and one of equal names against another's.
func TestNamesMoveBetweenZones(t *testing.T) {
	const name = "app.sub.example.org."
	whole := blockText{"dns://example.org.:53", "", "roundrobin53 {\nrecord app.sub A 192.0.2.1 192.0.2.2\nrecord lb.sub CNAME {\nvalue a.example.net.\nvalue b.example.net.\n}\n}"}
	rest := blockText{whole.keys, "", "roundrobin53 {\nrecord www A 192.0.2.1\n}"}
	part := blockText{"dns://sub.example.org.:53", "", strings.ReplaceAll(whole.directives, ".sub", "")}
	root := blockText{"dns://.:53", "", "roundrobin53 . {\nrecord app.sub.example.org. A 192.0.2.1 192.0.2.2\nrecord lb.sub.example.org. CNAME {\nvalue a.example.net.\nvalue b.example.net.\n}\n}"}
	for from, c := range map[string][2][]blockText{
		"one zone":      {{whole}, {rest, part}},
		"two zones":     {{rest, part}, {whole}},
		"the root zone": {{root}, {part}},
	} {
		t.Run("from "+from, func(t *testing.T) {
			old := blocks(t, c[0])
			Adopt(old, nil, time.Now())
			handlers := blocks(t, c[1])
			Adopt(handlers, old, time.Now())
			before, after := old[len(old)-1], handlers[len(handlers)-1]
			if countersOf(after, name) != countersOf(before, name) {
				t.Error("the rotation began anew")
			}
			group := func(s *Served) *policy.Group {
				return s.cnames[s.cnamesAt("lb.sub.example.org.")].Speaker().Groups()[0]
			}
			if group(after).Counters() != group(before).Counters() {
				t.Error("the rotation of CNAMEs began anew")
			}
		})
	}
	t.Run("a copy", func(t *testing.T) {
		old := blocks(t, []blockText{whole})
		Adopt(old, nil, time.Now())
		handlers := blocks(t, []blockText{part, whole})
		Adopt(handlers, old, time.Now())
		if countersOf(handlers[1], name) != countersOf(old[0], name) || countersOf(handlers[0], name) == countersOf(old[0], name) {
			t.Error("want the zone that stayed to go on alone")
		}
	})
}
