package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// A SteeredValue is a value that a state file steers.
type SteeredValue struct {
	Zone, Name string
	Type       uint16
	Value      string
	Action     override.Action
	Source     string // FILE:LINE
}

// Steer replaces the entries of all state files, by file. Each file is about the zones of the
// directives that name it. Steer returns a text, with file and line, for each entry about a name,
// check or value that is not there.
func (s *Store) Steer(files map[string][]override.Entry, now time.Time) (unknown []string) {
	s.steered.Lock()
	defer s.steered.Unlock()
	st := steerer{s: s, steers: make(map[*policy.Set]policy.Steers), rules: make(map[string]map[string][]*rule)}
	for _, file := range s.StateFiles() {
		st.rules[file] = make(map[string][]*rule)
		for i := range files[file] {
			r := &rule{Entry: &files[file][i], source: fmt.Sprintf("%s:%d", file, files[file][i].Line)}
			key := policy.Key(r.Value)
			st.rules[file][key] = append(st.rules[file][key], r)
			st.all = append(st.all, r)
		}
	}
	s.steered.rules, s.steered.written = st.rules, nil
	if len(st.all) > 0 {
		for rrset, set := range s.All() {
			st.steer(rrset, set)
		}
	}
	s.Verdicts.Steer(st.steers, now)
	s.steeredLocked() // marks the rules about addresses that are looked up
	s.steered.open = st.all
	return s.unknownLocked()
}

// steered holds the rules of state files for the values that come and go.
type steered struct {
	sync.Mutex
	rules   map[string]map[string][]*rule // by file and policy.Key
	written []SteeredValue                // the values of sets whose values stay
	open    []*rule                       // that may be about values that have not come yet
}

// Steered returns the values that state files steer now, one for each value and entry.
func (s *Store) Steered() []SteeredValue {
	s.steered.Lock()
	defer s.steered.Unlock()
	return s.steeredLocked()
}

func (s *Store) steeredLocked() []SteeredValue {
	values := slices.Clone(s.steered.written)
	for _, l := range s.live.rrsets {
		values = append(values, s.steeredOfLocked(l, l.home.On(s.Verdicts.Board()))...)
	}
	return values
}

// steeredOfLocked returns the values of an RRset's set that state files steer.
func (s *Store) steeredOfLocked(l *liveRRset, set *policy.Set) []SteeredValue {
	rules := s.steered.rules[s.Zones[l.zone].State]
	if len(rules) == 0 {
		return nil
	}
	return steeredOf(rules, &SteeredValue{Zone: l.zoneName, Name: l.owner, Type: l.rrset.Type}, set)
}

// steeredAnew returns the values that state files steer in one set of an RRset, and did not in the
// set before.
func (s *Store) steeredAnew(l *liveRRset, before, after *policy.Set) []SteeredValue {
	s.steered.Lock()
	defer s.steered.Unlock()
	was := s.steeredOfLocked(l, before)
	return slices.DeleteFunc(s.steeredOfLocked(l, after), func(v SteeredValue) bool { return slices.Contains(was, v) })
}

// steeredOf returns the values of a set that rules steer. Like gives their zone, name and type.
func steeredOf(rules map[string][]*rule, like *SteeredValue, set *policy.Set) []SteeredValue {
	var values []SteeredValue
	for i := range set.Values() {
		for _, r := range rulesOf(rules, set, i) {
			if r.isAboutValue(like.Zone, like.Name, set, i) {
				r.known = true
				value := *like
				value.Value, value.Action, value.Source = set.Value(i), r.Action, r.source
				values = append(values, value)
			}
		}
	}
	return values
}

// rulesOf returns the rules that are about a value of a set by what they call the value: itself, or
// the name that it was looked up under.
func rulesOf(rules map[string][]*rule, set *policy.Set, value int) []*rule {
	name := set.FromName(value)
	if name == "" {
		return rules[set.KeyOf(value)]
	}
	return slices.Concat(rules[set.KeyOf(value)], rules[name])
}

// StateFiles returns the state files that the zones of the store name, each once.
func (s *Store) StateFiles() []string {
	var files []string
	for i := range s.Zones {
		if file := s.Zones[i].State; file != "" && !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	return files
}

// A rule is an entry of a state file.
type rule struct {
	*override.Entry
	source string
	known  bool // it is about a value that is here
}

// isOfCheck reports whether the rule is about a check, not about a name.
func (r *rule) isOfCheck() bool { return r.Action == override.Down || r.Action == override.Up }

func (r *rule) subject() string {
	if r.isOfCheck() {
		return "check"
	}
	return "name"
}

// A steerer finds out what rules mean for the sets of a store.
type steerer struct {
	s      *Store
	steers map[*policy.Set]policy.Steers
	rules  map[string]map[string][]*rule // by file and policy.Key
	all    []*rule
}

// steer notes the decisions about the values of an RRset.
func (st *steerer) steer(rrset RRset, home *policy.Set) {
	z := &st.s.Zones[rrset.Zone.Index]
	rules := st.rules[z.State]
	if len(rules) == 0 {
		return
	}
	steers := make(policy.Steers)
	if home.IsLive() {
		steerAll(steers, rules, z.Name, rrset.Name)
		st.s.live.byHome[home].know(rules)
	} else {
		st.steerWritten(steers, rules, &SteeredValue{Zone: z.Name, Name: rrset.Name, Type: rrset.Type}, home)
	}
	if len(steers) == 0 {
		return
	}
	st.steers[home] = steers
	if rrset.Type == dns.TypeCNAME {
		for _, twin := range st.s.cnames[rrset.Number].Sets() {
			st.steers[twin] = steers
		}
	}
}

// steerWritten notes the decisions about the values of a set whose values stay.
func (st *steerer) steerWritten(steers policy.Steers, rules map[string][]*rule, like *SteeredValue, set *policy.Set) {
	for i := range set.Values() {
		for _, r := range rules[set.KeyOf(i)] {
			if r.isAboutValue(like.Zone, like.Name, set, i) {
				r.addTo(steers)
			}
		}
	}
	st.s.steered.written = append(st.s.steered.written, steeredOf(rules, like, set)...)
}

// know marks the rules about names that are values of the RRset, whether they have addresses now or
// not.
func (l *liveRRset) know(rules map[string][]*rule) {
	for i := range l.rrset.Lines {
		line := &l.rrset.Lines[i]
		for _, name := range line.Names {
			for _, r := range rules[name] {
				r.known = r.known || r.isAboutLine(l, line)
			}
		}
	}
}

// isAboutLine reports whether a rule is about a name on a line of an RRset.
func (r *rule) isAboutLine(l *liveRRset, line *config.RRsetLine) bool {
	switch {
	case !r.isOfCheck():
		return r.isAbout(l.zoneName, l.owner)
	case r.Name == override.Any:
		return len(line.Checks) > 0
	}
	return l.rrset.Directive.HasCheck(line.Checks, r.Name)
}

// isAboutValue reports whether a rule is about a value of a set.
func (r *rule) isAboutValue(zone, owner string, set *policy.Set, value int) bool {
	return r.isAbout(zone, owner) && (!r.isOfCheck() || set.HasCheck(value, r.Name))
}

// steerAll adds all rules about an owner name, whatever the value: those of a live set come and go.
func steerAll(steers policy.Steers, rules map[string][]*rule, zone, owner string) {
	for _, said := range rules {
		for _, r := range said {
			if r.isAbout(zone, owner) {
				r.addTo(steers)
			}
		}
	}
}

// isAbout reports whether a rule can be about values of an owner name in a zone.
func (r *rule) isAbout(zone, owner string) bool {
	name := strings.ToLower(r.Name)
	switch {
	case r.isOfCheck(), name == override.Any:
		return true
	case name == "@":
		return owner == zone
	case dns.IsFqdn(name):
		return owner == name
	case zone == ".":
		return owner == dns.Fqdn(name)
	}
	return owner == name+"."+zone || owner == dns.Fqdn(name) // as in a record line: relative, or whole without its dot
}

// addTo adds a rule to the decisions about the values of a set.
func (r *rule) addTo(steers policy.Steers) {
	key := policy.Key(r.Value)
	steer := steers[key]
	if steer == nil {
		steer = new(policy.Steer)
		steers[key] = steer
	}
	switch r.Action {
	case override.Drain:
		steer.Drain = r.source
	case override.Weight:
		steer.Weight = &policy.SteeredWeight{Weight: r.Weight, Source: r.source}
	case override.Down, override.Up:
		if steer.Checks == nil {
			steer.Checks = make(map[string]policy.Forced)
		}
		steer.Checks[r.Name] = policy.Forced{Up: r.Action == override.Up, Source: r.source}
	}
}

// DrainedValues returns the values that are drained in the Corefile.
func (s *Store) DrainedValues() []SteeredValue {
	var values []SteeredValue
	for _, d := range s.drained {
		set := d.Set.On(s.Verdicts.Board())
		for i := range set.Values() {
			if set.IsDrained(i) {
				values = append(values, SteeredValue{Zone: d.Zone, Name: d.Name, Type: d.Type, Value: set.Value(i), Action: override.Drain})
			}
		}
	}
	return values
}
