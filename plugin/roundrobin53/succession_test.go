package roundrobin53

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// blockText is a server block: its keys, its view, and the directives in it.
type blockText struct{ keys, view, directives string }

// blocks are the handlers of server blocks, not started.
func blocks(tb testing.TB, texts []blockText) []*Handler {
	tb.Helper()
	var handlers []*Handler
	for _, text := range texts {
		c := caddy.NewTestController("dns", text.directives)
		c.ServerBlockKeys = strings.Fields(text.keys)
		conf, err := config.Parse(c, surroundings(c))
		if err != nil {
			tb.Fatal(err)
		}
		h, err := build(conf)
		if err != nil {
			tb.Fatal(err)
		}
		h.block, h.view, h.config = text.keys, text.view, &dnsserver.Config{ListenHosts: []string{""}}
		handlers = append(handlers, h)
	}
	return handlers
}

// countersOf are those of an A RRset, nil if there is none.
func countersOf(h *Handler, name string) *turn.Counters {
	number, ok := h.table.Glue(name, dns.TypeA)
	if !ok {
		return nil
	}
	if set := &h.rrsets[number]; set.chooser == noChooser {
		return set.pool.Counters()
	}
	return h.groupForAll(int(h.rrsets[number].chooser)).Counters()
}

// TestZonesAreFoundWhereverTheyMove guards rotations and serials over a reload that changes the server blocks around a zone,
// and zones of one name against being mixed up. Want says which of the old blocks app.ZONE comes from, by new block; - is
// none: then the serial is a newer one than any that the zone had.
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
			succeed(old, nil, now)
			newest := uint32(0)
			for i, h := range old { // as after many changes within a second
				for j := range h.zones {
					h.zones[j].serial += uint32(100 * (i + 1))
					newest = max(newest, h.zones[j].serial)
				}
			}
			handlers := blocks(t, c.now)
			succeed(handlers, old, now)
			var got strings.Builder
			for _, h := range handlers {
				z := &h.zones[0]
				from := "-"
				for i := range old {
					if counters := countersOf(old[i], "app."+z.name); counters != nil && counters == countersOf(h, "app."+z.name) {
						from = fmt.Sprint(i)
						for _, before := range old[i].zones {
							if before.name == z.name && (z.serial != before.serial) == (z.hash == before.hash) || z.serial < before.serial && before.name == z.name {
								t.Errorf("%s: serial %d, was %d; content equal: %v", h.block, z.serial, before.serial, z.hash == before.hash)
							}
						}
					}
				}
				if knew := strings.Contains(fmt.Sprint(c.old), z.name); from == "-" && knew && z.serial <= newest {
					t.Errorf("%s: serial %d, want a newer one than %d", h.block, z.serial, newest)
				}
				if h.table.Zones()[0].SOA().Serial != z.serial {
					t.Errorf("%s: the SOA has the serial %d, want %d", h.block, h.table.Zones()[0].SOA().Serial, z.serial)
				}
				got.WriteString(from)
			}
			if got.String() != c.want {
				t.Errorf("%q, want %q", got.String(), c.want)
			}
		})
	}
}

// TestNamesMoveBetweenZones guards the rotation of a name whose zone is cut in two, or put together again, in whichever
// block; and one of equal names against another's.
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
			succeed(old, nil, time.Now())
			handlers := blocks(t, c[1])
			succeed(handlers, old, time.Now())
			before, after := old[len(old)-1], handlers[len(handlers)-1]
			if countersOf(after, name) != countersOf(before, name) {
				t.Error("the rotation began anew")
			}
			group := func(h *Handler) *group {
				return &h.groups[h.choosers[h.alternatives[h.alternativesOf("lb.sub.example.org.")].choosers[laneA]].first]
			}
			if group(after).Counters() != group(before).Counters() {
				t.Error("the rotation of CNAMEs began anew")
			}
		})
	}
	t.Run("a copy", func(t *testing.T) {
		old := blocks(t, []blockText{whole})
		succeed(old, nil, time.Now())
		handlers := blocks(t, []blockText{part, whole})
		succeed(handlers, old, time.Now())
		if countersOf(handlers[1], name) != countersOf(old[0], name) || countersOf(handlers[0], name) == countersOf(old[0], name) {
			t.Error("want the zone that stayed to go on alone")
		}
	})
}
