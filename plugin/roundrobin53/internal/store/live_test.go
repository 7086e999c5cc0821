package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// names holds what is known of names, as a test says: by name and type the addresses, "never", or
// "empty".
type names map[string]string

func (n names) get(q lookup.Question) lookup.Set {
	switch text := n[q.String()]; text {
	case "", "never":
		return lookup.Set{}
	case "empty":
		return lookup.Set{State: lookup.Empty}
	default:
		set := lookup.Set{State: lookup.OK, When: time.Unix(1000, 0), TTL: 30 * time.Second}
		for word := range strings.FieldsSeq(text) {
			set.Addresses = append(set.Addresses, netip.MustParseAddr(word))
		}
		return set
	}
}

var allUp = func(TargetKey) bool { return true }

// take gives a store what is known of all its names.
func (n names) take(s *Store) Taking {
	return s.Take(s.Questions(), n.get, allUp, time.Unix(1000, 0))
}

// answerOf returns the values of the next answer for app.example.org, sorted, or why there are none.
func answerOf(t *testing.T, s *Store, rrtype uint16) string {
	t.Helper()
	number, ok := s.Table.Glue("app.example.org.", rrtype)
	if !ok {
		return "no RRset"
	}
	set, board := s.Now(number)
	a := set.Take(board, turn.Datagram, &policy.Who{Network: netip.MustParsePrefix("198.51.100.1/32")}, nil)
	if len(a.Order) == 0 {
		if a.Choice == nil {
			return "nothing"
		}
		return a.Choice.Status().String()
	}
	var values []string
	for _, value := range a.Order {
		values = append(values, set.Value(int(value)))
	}
	slices.Sort(values)
	return strings.Join(values, " ")
}

const resolver = "resolver 192.0.2.53\n"

func TestLookedUpValues(t *testing.T) {
	const twoTiers = "record app A {\nvalue lb.example.net.\nvalue 192.0.2.9 priority 2\n}\n"
	for _, row := range []struct{ name, records, known, a, aaaa string }{
		{"one name", "record app lb.example.net.", "lb.example.net. A=192.0.2.1 192.0.2.2|lb.example.net. AAAA=2001:db8::1", "192.0.2.1 192.0.2.2", "2001:db8::1"},
		{"one family", "record app A lb.example.net.", "lb.example.net. A=192.0.2.1|lb.example.net. AAAA=2001:db8::1", "192.0.2.1", "no RRset"},
		{"alias", "record app ALIAS lb.example.net.", "lb.example.net. A=192.0.2.1|lb.example.net. AAAA=empty", "192.0.2.1", "none"},
		{"alias of an alias", "record other ALIAS lb.example.net.\nrecord app ALIAS other", "lb.example.net. A=192.0.2.1", "192.0.2.1", "none known yet"},
		{"never resolved", "record app lb.example.net.", "", "none known yet", "none known yet"},
		{"never resolved beside an address", "record app A lb.example.net. 192.0.2.9", "", "192.0.2.9", "no RRset"},
		{"never resolved above another tier", twoTiers, "", "192.0.2.9", "no RRset"},
		{"emptied", "record app A lb.example.net.", "lb.example.net. A=empty", "none", "no RRset"},
		{"emptied above another tier", twoTiers, "lb.example.net. A=empty", "192.0.2.9", "no RRset"},
		{"in tiers", twoTiers, "lb.example.net. A=192.0.2.1", "192.0.2.1", "no RRset"},
		{"emptied beside one never resolved", "record app A lb.example.net. web.example.net.", "lb.example.net. A=empty", "none known yet", "no RRset"},
		{"drained", "record app A lb.example.net. drain", "lb.example.net. A=192.0.2.1", "all drained", "no RRset"},
		{"never resolved and drained", "record app A lb.example.net. drain", "", "all drained", "no RRset"},
		{"the same address from two names", "record app A lb.example.net. web.example.net.", "lb.example.net. A=192.0.2.1|web.example.net. A=192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2", "no RRset"},
		{"an address is drained by its line", "record app A {\nvalue lb.example.net.\nvalue 192.0.2.1 drain\n}", "lb.example.net. A=192.0.2.1 192.0.2.2", "192.0.2.2", "no RRset"},
		{"the same address in two tiers", twoTiers, "lb.example.net. A=192.0.2.9", "192.0.2.9", "no RRset"},
		{"a quorum counts a line without addresses", "record app A min_up 2 {\nvalue lb.example.net.\nvalue 192.0.2.1\nvalue 192.0.2.8 192.0.2.9 priority 2\n}", "lb.example.net. A=empty", "192.0.2.8 192.0.2.9", "no RRset"},
		{"by line", "record app A answers line {\nvalue lb.example.net.\nvalue web.example.net.\n}", "lb.example.net. A=192.0.2.1 192.0.2.2|web.example.net. A=empty", "192.0.2.1 192.0.2.2", "no RRset"},
		{"nearest", "record app A order nearest {\nvalue lb.example.net. at 50,8\nvalue web.example.net. at 40,-74\n}", "lb.example.net. A=empty|web.example.net. A=192.0.2.1", "192.0.2.1", "no RRset"},
		{"sticky", "record app A lb.example.net. order sticky", "lb.example.net. A=192.0.2.1", "192.0.2.1", "no RRset"},
		{"random", "record app A lb.example.net. order random", "lb.example.net. A=192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2", "no RRset"},
		{"the place has none known, the rest is emptied", "record app A {\nvalue lb.example.net. from 0.0.0.0/0\nvalue web.example.net.\n}", "web.example.net. A=empty", "none known yet", "no RRset"},
		{"the place has none known, the rest has", "record app A {\nvalue lb.example.net. from 0.0.0.0/0\nvalue web.example.net.\n}", "web.example.net. A=192.0.2.1", "192.0.2.1", "no RRset"},
		{"the place is emptied, the rest is not known", "record app A {\nvalue lb.example.net. from 0.0.0.0/0\nvalue web.example.net.\n}", "lb.example.net. A=empty", "none known yet", "no RRset"},
		{"place and rest are emptied", "record app A {\nvalue lb.example.net. from 0.0.0.0/0\nvalue web.example.net.\n}", "lb.example.net. A=empty|web.example.net. A=empty", "nothing", "no RRset"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := build(t, "roundrobin53 {\n"+resolver+row.records+"\n}", "example.org.")
			known := names{}
			for pair := range strings.SplitSeq(row.known, "|") {
				question, addresses, _ := strings.Cut(pair, "=")
				known[question] = addresses
			}
			known.take(s)
			for rrtype, want := range map[uint16]string{dns.TypeA: row.a, dns.TypeAAAA: row.aaaa} {
				if got := answerOf(t, s, rrtype); got != want {
					t.Errorf("%s: got %q, want %q", dns.TypeToString[rrtype], got, want)
				}
			}
		})
	}
}

// TestFailOpenWithNames guards the last answer: an emptied tier has nothing to fail open to, so the
// next tier with values does.
func TestFailOpenWithNames(t *testing.T) {
	s := build(t, "roundrobin53 {\n"+resolver+`check web tcp://:80
		record app A check web {
			value lb.example.net.
			value 192.0.2.9 priority 2
		}
	}`, "example.org.")
	known := names{"lb.example.net. A": "192.0.2.1"}
	taken := known.take(s)
	if len(taken.Added) != 1 || taken.Added[0].Number != 1 || taken.Added[0].Address != netip.MustParseAddr("192.0.2.1") || len(taken.Gone) > 0 {
		t.Fatalf("a first address: %+v, want its target", taken)
	}
	s.Verdicts.Update([]policy.Verdict{{Target: 0}, {Target: 1}}, time.Now())
	if got := answerOf(t, s, dns.TypeA); got != "192.0.2.1" {
		t.Errorf("all down: %q, want the first tier", got)
	}
	known["lb.example.net. A"] = "empty"
	if taken := known.take(s); len(taken.Added) > 0 || len(taken.Gone) != 1 || taken.Gone[0].Number != 1 {
		t.Errorf("emptied: %+v, want target 1 gone", taken)
	}
	if got := answerOf(t, s, dns.TypeA); got != "192.0.2.9" {
		t.Errorf("emptied, the rest down: %q, want the second tier", got)
	}
}

// TestTargetsOfNames guards the probes: each address has one as long as some RRset has it, its number
// is used again, and what is down stays so.
func TestTargetsOfNames(t *testing.T) {
	s := build(t, "roundrobin53 {\n"+resolver+`check web tcp://:80
		record app A lb.example.net. check web
		record www A lb.example.net. web.example.net. check web
	}`, "example.org.")
	known := names{"lb.example.net. A": "192.0.2.1 192.0.2.2", "web.example.net. A": "192.0.2.3"}
	step := func(when string, wantAdded, wantGone string) {
		t.Helper()
		taken := known.take(s)
		var added []string
		for _, target := range taken.Added {
			added = append(added, fmt.Sprint(target.Number, " ", target.Address))
		}
		gone := []int{}
		for _, target := range taken.Gone {
			gone = append(gone, target.Number)
		}
		if got := strings.Join(added, ", "); got != wantAdded || fmt.Sprint(gone) != wantGone {
			t.Errorf("%s: added %q, gone %v; want %q and %s", when, got, gone, wantAdded, wantGone)
		}
	}
	step("first", "0 192.0.2.1, 1 192.0.2.2, 2 192.0.2.3", "[]")
	s.Verdicts.Update([]policy.Verdict{{Target: 1}}, time.Now())
	step("again", "", "[]")
	known["lb.example.net. A"] = "192.0.2.2 192.0.2.3"
	step("one went, another is shared", "", "[0]")
	if got := answerOf(t, s, dns.TypeA); got != "192.0.2.3" {
		t.Errorf("after the change: %q; 192.0.2.2 was down and stays so", got)
	}
	s.Verdicts.Update([]policy.Verdict{{Target: 1, Up: true}}, time.Now())
	if got := answerOf(t, s, dns.TypeA); got != "192.0.2.2 192.0.2.3" {
		t.Errorf("after it came up: %q", got)
	}
	known["web.example.net. A"] = "192.0.2.4"
	step("a number is used again", "0 192.0.2.4", "[]")
	if got := len(s.LiveTargets()); got != 3 {
		t.Errorf("%d targets, want 3", got)
	}
	var watched []string
	for _, w := range s.AllWatches() {
		watched = append(watched, w.Value+" "+w.Key.Address.String())
	}
	if want := []string{"192.0.2.2 192.0.2.2", "192.0.2.3 192.0.2.3", "192.0.2.2 192.0.2.2", "192.0.2.3 192.0.2.3", "192.0.2.4 192.0.2.4"}; !slices.Equal(watched, want) {
		t.Errorf("watched %q, want %q", watched, want)
	}
	known["lb.example.net. A"], known["web.example.net. A"] = "empty", "empty"
	step("all emptied", "", "[1 2 0]")
}

// TestTurnsGoOnOverAChange guards exact turns: a change of addresses goes on with the same counter,
// and a reload with the one of the present set.
func TestTurnsGoOnOverAChange(t *testing.T) {
	const text = "roundrobin53 {\n" + resolver + "record app A lb.example.net. metrics\n}"
	s := build(t, text, "example.org.")
	s.Adopt(&Store{Verdicts: policy.NewVerdicts(nil, 0, time.Now())}, time.Now())
	known := names{"lb.example.net. A": "192.0.2.1 192.0.2.2 192.0.2.3"}
	known.take(s)
	number, _ := s.Table.Glue("app.example.org.", dns.TypeA)
	counts := func(s *Store) map[string]int {
		first := make(map[string]int)
		set, board := s.Now(number)
		for range set.Len() * 10 {
			a := set.Take(board, turn.Datagram, new(policy.Who), nil)
			set.Count(&a)
			first[set.Value(int(a.Order[0]))]++
		}
		return first
	}
	for value, n := range counts(s) {
		if n != 10 {
			t.Errorf("%s was first %d times of 30", value, n)
		}
	}
	set, _ := s.Now(number)
	before := set.Groups()[0].Counters()
	known["lb.example.net. A"] = "192.0.2.1 192.0.2.2 192.0.2.4 192.0.2.5"
	known.take(s)
	set, _ = s.Now(number)
	if set.Groups()[0].Counters() != before {
		t.Error("a change of addresses begins another rotation")
	}
	if picks := set.Picks(); picks[0].Load() != 10 || picks[2].Load() != 0 {
		t.Errorf("picks %d and %d, want those of the value that stayed, and none of the new one", picks[0].Load(), picks[2].Load())
	}
	next := build(t, text, "example.org.")
	known.take(next)
	next.Adopt(s, time.Now())
	set, _ = next.Now(number)
	if set.Groups()[0].Counters() != before || set.Picks()[0].Load() != 10 {
		t.Error("a reload begins another rotation, or counts anew")
	}
	if len(set.Undrained()) != 4 {
		t.Errorf("%d values after a reload, want 4", len(set.Undrained()))
	}
}

// TestRemainingTTL guards what resolvers may keep of an alias: no longer than the other name's own
// answer, within bounds.
func TestRemainingTTL(t *testing.T) {
	s := build(t, "roundrobin53 {\n"+resolver+"ttl 20\nrecord app ALIAS lb.example.net. A\nrecord own 7 ALIAS lb.example.net. A\nrecord value A lb.example.net.\n}", "example.org.")
	known := names{"lb.example.net. A": "192.0.2.1"} // at 1000, for 30 s
	known.take(s)
	ttl := func(name string) uint32 {
		number, _ := s.Table.Glue(name+".example.org.", dns.TypeA)
		set, _ := s.Now(number)
		return set.TTL
	}
	if !s.HasRemaining() {
		t.Error("nothing has a TTL that passes")
	}
	for _, row := range []struct {
		at, answered int64 // answered is when the name was looked up last, with the same addresses
		want         uint32
	}{{1000, 1000, 20}, {1010, 1000, 20}, {1011, 1000, 19}, {1011, 1000, 19}, {1024, 1000, 6}, {1025, 1000, 5}, {1033, 1031, 20}, {1045, 1031, 16}, {1500, 1031, 5}} {
		s.Age(func(q lookup.Question) lookup.Set {
			set := known.get(q)
			set.When = time.Unix(row.answered, 0)
			return set
		}, time.Unix(row.at, 0))
		if got := ttl("app"); got != row.want {
			t.Errorf("at %d: TTL %d, want %d", row.at, got, row.want)
		}
	}
	if ttl("own") != 7 || ttl("value") != 20 {
		t.Errorf("TTLs %d and %d of a record with a TTL and of a value, want 7 and 20", ttl("own"), ttl("value"))
	}
	known["lb.example.net. A"] = "empty"
	known.take(s)
	if got := ttl("app"); got != 20 {
		t.Errorf("TTL %d of an emptied name, want the record's", got)
	}
}

// BenchmarkTake measures the change of one name among 100,000.
func BenchmarkTake(b *testing.B) {
	var text strings.Builder
	text.WriteString("roundrobin53 {\n" + resolver + "check web tcp://:80\n")
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&text, "record app%d A lb%d.example.net. check web\n", i, i)
	}
	text.WriteString("}")
	s := build(b, text.String(), "example.org.")
	known := names{}
	for i := range n {
		known[fmt.Sprintf("lb%d.example.net. A", i)] = fmt.Sprintf("10.%[1]d.%[2]d.%[3]d 11.%[1]d.%[2]d.%[3]d", i>>16, i>>8&255, i&255)
	}
	known.take(s)
	one := s.Questions()[n/2 : n/2+1]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		known[one[0].String()] = fmt.Sprintf("192.0.2.%d 192.0.2.250", i%200)
		s.Take(one, known.get, allUp, time.Now())
	}
}
