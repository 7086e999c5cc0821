package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// TestSteeredCondition guards verdicts that are decided: they reach a check wherever it stands in a condition, and no other.
func TestSteeredCondition(t *testing.T) {
	two := &Condition{Check: "two", Need: 2, Of: []Condition{{Check: "a", Target: 0}, {Check: "b", Target: 1}, {Check: "c", Target: 2}}}
	for _, row := range []struct {
		checks map[string]Forced
		up     string
		want   bool
	}{
		{nil, "++-", true},
		{map[string]Forced{"a": {Source: "s:1"}}, "++-", false},
		{map[string]Forced{"c": {Up: true}}, "+--", true},
		{map[string]Forced{"two": {}}, "+++", false},
		{map[string]Forced{AllChecks: {Up: true}}, "---", true},
		{map[string]Forced{"d": {Up: true}}, "---", false},
	} {
		up := make([]bool, len(row.up))
		for i := range up {
			up[i] = row.up[i] == '+'
		}
		c := two.steered(row.checks)
		if got := c.holds(up); got != row.want {
			t.Errorf("%v, %s: %v, want %v", row.checks, row.up, got, row.want)
		}
		if blames := c.blames(up, nil); (len(blames) == 0) != row.want {
			t.Errorf("%v, %s: %v, blames %v", row.checks, row.up, row.want, blames)
		}
	}
	if blames := two.steered(map[string]Forced{"a": {Source: "s:1"}}).blames([]bool{true, true, false}, nil); blames[0].Forced != "s:1" || blames[1].Target != 2 {
		t.Errorf("blames %v", blames)
	}
}

// TestSteerLive guards decisions over a change of looked-up values: they are about addresses, not about places in a list.
func TestSteerLive(t *testing.T) {
	home, plain := liveSet("ab", 0, 1), twoValues(1)
	v := NewVerdicts([]*Set{home, plain}, 2, time.Now())
	steers := Steers{Key("192.0.2.98"): {Drain: "s:1"}}
	v.Steer(map[*Set]Steers{home: steers}, time.Now())
	if got := values(home, v.Board()); got != "a" {
		t.Errorf("values %q, want a", got)
	}
	v.Replace([]Replacement{{home, liveSet("bc", 0, 1)}}, nil, time.Now())
	if got := values(home, v.Board()); got != "c" {
		t.Errorf("values %q, want c", got)
	}
	if v.SteersOf(home) == nil || v.SteersOf(plain) != nil {
		t.Error("what is decided is not told")
	}
	v.Steer(nil, time.Now())
	if got := values(home, v.Board()); got != "bc" {
		t.Errorf("values %q, want bc", got)
	}
}

// TestSteerPlain guards the fast path's proofs of sets in which turns alone decide: how many values an answer has, and which.
func TestSteerPlain(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.97"), netip.MustParseAddr("192.0.2.98")}
	s := NewSet(pool.New(addresses, pool.RoundRobin, 0), 60)
	v := NewVerdicts(nil, 0, time.Now())
	if n := s.AnswersNow(v.Board()); n != 2 || !s.Allows(v.Board(), []uint16{1, 0}) || s.Allows(v.Board(), []uint16{1}) {
		t.Errorf("%d values of 2", n)
	}
	v.Steer(map[*Set]Steers{&s: {Key("192.0.2.97"): {Drain: "s:1"}}}, time.Now())
	b := v.Board()
	if n := s.AnswersNow(b); n != 1 || !s.Allows(b, []uint16{1}) || s.Allows(b, []uint16{1, 0}) {
		t.Errorf("%d values of which one is drained", n)
	}
	if got := values(&s, b); got != "b" {
		t.Errorf("values %q, want b", got)
	}
	if n := s.PlainCandidates(b); n != 1 {
		t.Errorf("%d candidates of two, one of which is drained", n)
	}
}

// TestSteerOneGroup guards the groups of a set that have no value of which something is decided: they stay as they are.
func TestSteerOneGroup(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.97"), netip.MustParseAddr("192.0.2.98")}
	s := NewSet(pool.New(addresses, pool.RoundRobin, 0), 60)
	groups := make([]*Group, len(addresses))
	for i := range groups {
		lines := []pool.Line{{First: i, Count: 1, Weight: 1, Priority: 1}}
		groups[i] = NewGroup(pool.NewGroup(pool.Rules{MinUp: 1}, lines, nil), ForAll, ForAll, make([]*Condition, len(addresses)))
	}
	s.SetChoosing(Choosing{Name: "app.example.org.", Groups: groups})
	v := NewVerdicts([]*Set{&s}, 0, time.Now())
	v.Steer(map[*Set]Steers{&s: {Key("192.0.2.98"): {Drain: "s:1"}}}, time.Now())
	if len(v.variants) != 1 || v.variants[groups[1].number] == nil || values(&s, v.Board()) != "a" {
		t.Errorf("variants %v, values %q", v.variants, values(&s, v.Board()))
	}
}

// namedSet makes a live set of values with the check a, each of which comes from a name of one letter, "" if it is written.
func namedSet(letters string, names ...string) *Set {
	s := liveSet(letters, make([]int, len(letters))...)
	for _, c := range s.Groups()[0].conditions {
		c.Check = "a"
	}
	s.more.Names = names
	return s
}

// TestSteerNames guards decisions about names: they are about the addresses that come from the name, and what is decided of
// an address counts before them.
func TestSteerNames(t *testing.T) {
	home := namedSet("abc", "x.", "x.", "")
	v := NewVerdicts([]*Set{home}, 1, time.Now())
	v.Steer(map[*Set]Steers{home: {"x.": {Drain: "s:1"}}}, time.Now())
	if got := values(home, v.Board()); got != "c" {
		t.Errorf("values %q, want c", got)
	}
	v.Replace([]Replacement{{home, namedSet("cda", "", "x.", "y.")}}, nil, time.Now())
	if got := values(home, v.Board()); got != "ac" {
		t.Errorf("values %q, want ac", got)
	}
	weight := &SteeredWeight{Weight: 2, Source: "s:2"}
	steers := Steers{
		"x.":              {Drain: "s:1", Weight: weight, Checks: map[string]Forced{AllChecks: {Source: "s:3"}, "a": {Source: "s:4"}}},
		Key("192.0.2.97"): {Checks: map[string]Forced{"a": {Up: true, Source: "s:5"}}},
		Key("192.0.2.98"): {Weight: &SteeredWeight{Weight: 9, Source: "s:6"}, Checks: map[string]Forced{AllChecks: {Up: true, Source: "s:7"}}},
	}
	s := namedSet("abc", "x.", "x.", "")
	for value, want := range []string{"drain at s:1; weight 2 at s:2; down * at s:3; up a at s:5", "drain at s:1; weight 9 at s:6; up * at s:7"} {
		if got := s.SteerOf(steers, value).String(); got != want {
			t.Errorf("%s: %s, want %s", s.Value(value), got, want)
		}
	}
	if got := s.SteerOf(steers, 2); got != nil {
		t.Errorf("a written value: %s", got)
	}
	steering := newSteering()
	for value := range 3 {
		if steer := s.SteerOf(steers, value); steer != nil {
			steering.add(value, steer, s.named(steers, value))
		}
	}
	if _, isShared := steering.Shared[1]; len(steering.Shared) != 1 || isShared || steering.Weights[0] != 2 || steering.Weights[1] != 9 {
		t.Errorf("weights %v, shared %v", steering.Weights, steering.Shared)
	}
}

// TestSteerOtherChecks guards what is told of values that do not have a check of which something is decided: nothing.
func TestSteerOtherChecks(t *testing.T) {
	home := namedSet("ab", "x.", "x.")
	home.Groups()[0].conditions[1] = nil
	v := NewVerdicts([]*Set{home}, 1, time.Now())
	for _, row := range []struct {
		steer Steer
		want  []string
	}{
		{Steer{Checks: map[string]Forced{"b": {Source: "s:1"}}}, []string{"", ""}},
		{Steer{Checks: map[string]Forced{"a": {Source: "s:1"}, "b": {Source: "s:2"}}}, []string{"down a at s:1", ""}},
		{Steer{Checks: map[string]Forced{AllChecks: {Source: "s:1"}}}, []string{"down * at s:1", ""}},
		{Steer{Drain: "s:1", Checks: map[string]Forced{"b": {Source: "s:2"}}}, []string{"drain at s:1", "drain at s:1"}},
	} {
		steers := Steers{"x.": &row.steer}
		for value, want := range row.want {
			got := ""
			if steer := home.SteerOf(steers, value); steer != nil {
				got = steer.String()
			}
			if got != want {
				t.Errorf("%s of %s: %q, want %q", row.steer.String(), home.Value(value), got, want)
			}
		}
		v.Steer(map[*Set]Steers{home: steers}, time.Now())
		if isSteered := len(v.variants) > 0; isSteered != (row.want[0]+row.want[1] != "") {
			t.Errorf("%s: variants %v", row.steer.String(), v.variants)
		}
	}
}
