package status

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// knows makes a block know sets of names that are values, by name.
func knows(b *Block, sets map[string]lookup.Set) {
	b.Known = func(q lookup.Question) lookup.Set { return sets[q.Name] }
	b.Store.Take(b.Store.Questions(), b.Known, func(store.TargetKey) bool { return true }, longAgo)
}

// TestLookedUp guards what is shown of values that are names.
func TestLookedUp(t *testing.T) {
	b, _ := served(t, `roundrobin53 {
		resolver 127.0.0.1:5353
		record lb A db.example.com. 192.0.2.1
		record twice A {
			value db.example.com.
			value never.example.com.
			value empty.example.com.
			value stale.example.com.
		}
	}`, "example.org.")
	two := []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")}
	knows(b, map[string]lookup.Set{
		"db.example.com.":    {State: lookup.OK, Addresses: two, Left: 7, When: longAgo, Since: longAgo},
		"never.example.com.": {Err: errors.New("127.0.0.1:5353: SERVFAIL <b>")},
		"empty.example.com.": {State: lookup.Empty, When: longAgo, Since: longAgo, Err: errors.New("NXDOMAIN: the name does not exist")},
		"stale.example.com.": {State: lookup.Stale, Addresses: two[:1], When: longAgo, Since: longAgo, Err: errors.New("no answer in time")},
	})
	h := pageOf(b)
	d := documentOf(t, h, "/status.json")
	got := shownValues(d, "lb")
	for _, want := range []string{"192.0.2.1 up", "198.51.100.1 up", "(db.example.com.)"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	if len(d.Lookups) != 4 {
		t.Fatalf("%d lookups: %+v", len(d.Lookups), d.Lookups)
	}
	for i, want := range []string{"db.example.com. ok 2+7 Corefile:3 Corefile:5", "never.example.com. never 0+0 Corefile:6", "empty.example.com. empty 0+0 Corefile:7", "stale.example.com. stale 1+0 Corefile:8"} {
		l := d.Lookups[i]
		if got := fmt.Sprintf("%s %s %d+%d %s", l.Name, l.Result, len(l.Addresses), l.Left, strings.Join(l.Sources, " ")); got != want {
			t.Errorf("lookup %q, want %q", got, want)
		}
		if (l.Since == nil) != (l.Result == "never") || (l.Reason == "") != (l.Result == "ok") {
			t.Errorf("%s: since %v, reason %q", l.Name, l.Since, l.Reason)
		}
	}
	if source := d.Zones[0].RRsets[len(d.Zones[0].RRsets)-1].Source; source != "Corefile:4" {
		t.Errorf("source %q", source)
	}
	body := get(h, "/?q=twice").Body.String()
	at := -1
	for _, want := range []string{
		`>never.example.com.</span> <span class="state unknown">never</span> 0 addresses, <span class="reason">127.0.0.1:5353: SERVFAIL &lt;b&gt;</span>`,
		`>empty.example.com.</span> <span class="state down">empty</span>`, `>stale.example.com.</span> <span class="state unknown">stale</span>`,
		"9 addresses, of which 2 are used",
	} {
		next := strings.Index(body, want)
		if next <= at {
			t.Errorf("the page has %s at %d, want it behind %d:\n%s", want, next, at, body)
		}
		at = next
	}
	if found := documentOf(t, h, "/status.json?q=never.example"); len(found.Zones[0].RRsets) != 1 {
		t.Errorf("a search for a name that is a value finds %d RRsets", len(found.Zones[0].RRsets))
	}
}

// TestNeverResolved guards the headline: clients of a name whose values nobody knows get SERVFAIL, which is trouble.
func TestNeverResolved(t *testing.T) {
	b, _ := served(t, "roundrobin53 {\nresolver 127.0.0.1:5353\nrecord lost A lost.example.com.\nrecord kept A lost.example.com. 192.0.2.1\n}", "example.org.")
	h := pageOf(b)
	body := get(h, "/").Body.String()
	if !strings.Contains(body, "1 RRset has clients without an answer") || strings.Count(body, "<table") != 1 {
		t.Errorf("the page does not tell of the name, or has a table without values:\n%s", body)
	}
	if d := documentOf(t, h, "/status.json?down=1"); len(d.Zones[0].RRsets) != 1 || d.Zones[0].RRsets[0].Name != "lost.example.org." {
		t.Errorf("%d RRsets need an operator, want the one that nobody knows values of", len(d.Zones[0].RRsets))
	}
}
