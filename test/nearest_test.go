package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestNearest is the order nearest: rows 80 to 82 of the policy cases.
func TestNearest(t *testing.T) {
	signs := server.StartTarget(t)
	corefile := server.Located(server.GeoDatabasePath(t), `record app A {
		value 192.0.2.1 at 37.77,-122.42 check a
		value 192.0.2.2 at 37.77,-122.42 check b
		value 192.0.2.3 at 40.71,-74.01 check c
		value 192.0.2.4 at 50.11,8.68 check d
		order nearest
	}
	record pair A {
		value 192.0.2.1 at 37.77,-122.42 check a
		value 192.0.2.2 at 37.77,-122.42 check b
		value 192.0.2.3 at 40.71,-74.01 check c
		value 192.0.2.4 at 50.11,8.68 check d
		order nearest
		answers 2
	}
	record whole A {
		value 192.0.2.1 192.0.2.2 at 37.77,-122.42
		value 192.0.2.3 at 40.71,-74.01
		value 192.0.2.4 at 50.11,8.68
		order nearest
		answers all
	}
	record tie A {
		value 192.0.2.1 at 0,0 check a
		value 192.0.2.2 at 0,20 check b
		value 192.0.2.3 at 10,10 check c
		order nearest
	}
	record far A {
		value 192.0.2.1 at 0,-170 check a
		value 192.0.2.2 at 89,10
		order nearest
	}
	record strict A {
		value 192.0.2.1 at 37.77,-122.42 check a
		value 192.0.2.2 at 40.71,-74.01 check b
		order nearest
		all_down none
	}
	record tiers A {
		value 192.0.2.1 at 37.77,-122.42 check a
		value 192.0.2.2 at 40.71,-74.01 check b
		value 192.0.2.3 at 37.77,-122.42 priority 2
		value 192.0.2.4 at 50.11,8.68 priority 2
		order nearest
	}
	record routed A {
		value 192.0.2.1 at 37.77,-122.42 geo europe
		value 192.0.2.2 at 40.71,-74.01 geo europe
		value 192.0.2.3 at 50.11,8.68
		order nearest
	}
	`+signs.Checks("a b c d"))
	const fromEquator = "203.0.113.128/26" // latitude 0, longitude 10
	rows := []struct {
		down, client, name string
		want               string // the answers in turn, again and again, from any of them on
	}{
		{"", server.FromCalifornia, "app", "1, 2"},
		{"", server.FromCalifornia6, "app", "1, 2"},
		{"", server.FromNewYork, "app", "3"},
		{"", server.FromGermany, "app", "4"},
		{"", server.FromLondon, "app", "4"},
		{"a", server.FromCalifornia, "app", "2"},
		{"a b", server.FromCalifornia, "app", "3"},
		{"a b c", server.FromCalifornia, "app", "4"},
		{"a b c d", server.FromCalifornia, "app", "1, 2"}, // as if all were up
		{"a b c d", server.FromGermany, "app", "4"},
		{"d", server.FromLondon, "app", "3"},
		{"", server.FromNowhere, "app", "1, 2, 3, 4"},
		{"", server.FromUS, "app", "1, 2, 3, 4"}, // a country, but no point in it
		{"", server.FromEmptyLabels, "app", "1, 2, 3, 4"},
		{"", server.FromZero, "app", "1, 2, 3, 4"},
		{"a b", server.FromNowhere, "app", "3, 4"},
		{"a b c d", server.FromNowhere, "app", "1, 2, 3, 4"},

		{"", server.FromCalifornia, "pair", "1 2, 2 1"},
		{"", server.FromNewYork, "pair", "3 1, 3 2"},
		{"a", server.FromCalifornia, "pair", "2 3"},
		{"a", server.FromGermany, "pair", "4 3"},
		{"a b c", server.FromGermany, "pair", "4"},
		{"d", server.FromLondon, "pair", "3 1, 3 2"},

		{"", server.FromCalifornia, "whole", "1 2 3 4, 2 1 3 4"},
		{"", server.FromGermany, "whole", "4 3 1 2, 4 3 2 1"},

		{"a b", fromEquator, "tie", "3"},
		{"c", fromEquator, "tie", "1, 2"},
		{"b c", fromEquator, "tie", "1"},

		{"", fromEquator, "far", "2"}, // the other is on the other side of the globe
		{"a", fromEquator, "far", "2"},

		{"", server.FromCalifornia, "strict", "1"},
		{"a", server.FromCalifornia, "strict", "2"},
		{"a b", server.FromCalifornia, "strict", ""},
		{"a b", server.FromNowhere, "strict", ""},

		{"", server.FromCalifornia, "tiers", "1"},
		{"a", server.FromCalifornia, "tiers", "2"},
		{"a b", server.FromCalifornia, "tiers", "3"},
		{"a b", server.FromGermany, "tiers", "4"},

		{"", server.FromCalifornia, "routed", "3"},
		{"", server.FromGermany, "routed", "2"},
	}
	for _, down := range []string{"", "a", "a b", "a b c", "a b c d", "b c", "c", "d"} {
		t.Run("without "+down, func(t *testing.T) {
			s := server.ServeWithout(t, corefile, signs, down)
			for _, row := range rows {
				if row.down == down {
					checkCycle(t, row.name+" from "+row.client, strings.Split(row.want, ", "), func() string {
						m := server.AskFrom(t, s, row.client, row.name+".example.org")
						_, length, _ := strings.Cut(row.client, "/")
						if got := server.EchoedSubnet(m); !strings.HasSuffix(got, "/"+length+"/"+length) {
							t.Errorf("%s from %s: the reply echoes %s, want all of the network as its scope", row.name, row.client, got)
						}
						return strings.ReplaceAll(strings.Join(server.Addresses(m), " "), "192.0.2.", "")
					})
				}
			}
		})
	}
}

// checkCycle asks for answers and wants these, in turn; the turns may slip once.
func checkCycle(t *testing.T, what string, want []string, ask func() string) {
	t.Helper()
	var got []string
	for range 3 * len(want) {
		got = append(got, ask())
	}
	slips := 0
	for i, answer := range got {
		switch {
		case !slices.Contains(want, answer):
			t.Errorf("%s: %q, want %q in turn", what, got, want)
			return
		case i > 0 && answer != server.Next(want, got[i-1]):
			slips++
		}
	}
	if slips > 1 {
		t.Errorf("%s: %q, want %q in turn", what, got, want)
	}
}

// TestNearestTieAnywhere guards ties against rounding: two values as far to the east as to the west take turns wherever
// the client is.
func TestNearestTieAnywhere(t *testing.T) {
	s := server.Serve(t, server.Located(server.GeoDatabasePath(t), `record california A {
		value 192.0.2.1 at 37.77,-132.42
		value 192.0.2.2 at 37.77,-112.42
		order nearest
	}
	record germany A {
		value 192.0.2.1 at 50.11,-1.32
		value 192.0.2.2 at 50.11,18.68
		order nearest
	}`))
	for name, client := range map[string]string{"california": server.FromCalifornia, "germany": server.FromGermany} {
		checkCycle(t, name, []string{"192.0.2.1", "192.0.2.2"}, func() string {
			return strings.Join(server.Addresses(server.AskFrom(t, s, client, name+".example.org")), " ")
		})
	}
}

// TestNearestToNoNumber guards against a database with a place that is none: such a client has no place.
func TestNearestToNoNumber(t *testing.T) {
	server.NoPanics(t)
	s := server.Serve(t, server.Located(server.GeoDatabasePath(t), "record app A {\nvalue 192.0.2.1 at 37.77,-122.42\nvalue 192.0.2.2 at 50.11,8.68\norder nearest\n}"))
	for _, client := range []string{"10.3.0.0/24", "10.4.0.0/24"} {
		checkCycle(t, "from "+client, []string{"192.0.2.1", "192.0.2.2"}, func() string {
			return strings.Join(server.Addresses(server.AskFrom(t, s, client, "app.example.org")), " ")
		})
	}
}

// TestNearestWithoutPlace is row 83 of the policy cases.
func TestNearestWithoutPlace(t *testing.T) {
	got := server.StartError(t, server.Located(server.GeoDatabasePath(t), "record app A {\nvalue 192.0.2.1 at 50.11,8.68\nvalue 192.0.2.2\norder nearest\n}"))
	if want := `Corefile:10 - Error during parsing: value: "192.0.2.2" has no at, which order nearest needs`; !strings.Contains(got, want) {
		t.Errorf("the error is %q, want %q in it", got, want)
	}
}
