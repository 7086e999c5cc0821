package store

import (
	"slices"
	"sync"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// Values that are names make their RRset live: Take builds its set anew when a lookup changes what
// is known of a name, and puts it onto the board of Verdicts. The written values, options and routes
// stay as Build found them.

// live holds the live RRsets of a store and what they need beside it.
type live struct {
	rrsets    []*liveRRset // in the order of their sets
	questions []lookup.Question
	byHome    map[*policy.Set]*liveRRset

	mu      sync.Mutex // guards what follows; a query does not take it
	uses    map[lookup.Question][]*liveRRset
	known   map[lookup.Question]lookup.Set
	targets targetBook
}

// A liveRRset is an RRset with values that are looked up.
type liveRRset struct {
	home     *policy.Set
	owner    string
	zone     int
	zoneName string
	rrset    *config.RRset // as written
	routes   *route.Routes
	resolver lookup.Resolver
	sources  []policy.Source // by line

	values  values // at present
	targets []int  // that the present values depend on, beside those of written values
	watches []Watch
	ends    time.Time // when the TTL of what was looked up ends
}

// add adds an RRset of a block that is being built, and returns its set as long as no name of it is
// resolved.
func (v *live) add(b *choosingBuilder, owner *config.Owner, rrset *config.RRset, resolver lookup.Resolver) policy.Set {
	l := &liveRRset{
		owner: owner.Name, zone: owner.Zone.Index, zoneName: owner.Zone.Name,
		rrset: rrset.Detached(), routes: b.routes(rrset.Routing), resolver: resolver, sources: b.sourcesOf(rrset),
	}
	v.rrsets = append(v.rrsets, l)
	for i := range rrset.Lines {
		for _, name := range rrset.Lines[i].Names {
			q := lookup.Question{Name: name, Type: rrset.Type, Resolver: resolver}
			if v.uses == nil {
				v.uses, v.known = make(map[lookup.Question][]*liveRRset), make(map[lookup.Question]lookup.Set)
			}
			if v.uses[q] == nil {
				v.questions = append(v.questions, q)
			}
			v.uses[q] = append(v.uses[q], l)
		}
	}
	l.values = l.valuesOf(v.known)
	return l.set(b, rrset.TTL)
}

// place notes where the set of the RRset that was added last lies.
func (v *live) place(home *policy.Set) {
	if v.byHome == nil {
		v.byHome = make(map[*policy.Set]*liveRRset)
	}
	last := v.rrsets[len(v.rrsets)-1]
	last.home, v.byHome[home] = home, last
}

// settle begins the life of live RRsets when everything else of the store is built.
func (v *live) settle(b *choosingBuilder, targets int) {
	if len(v.rrsets) > 0 {
		v.targets = targetBook{first: targets, numbers: b.targets, keys: b.keys}
	}
}

// resolverOf returns who is asked for the names of a directive.
func (b *builder) resolverOf(rrset *config.RRset) (lookup.Resolver, error) {
	if servers := rrset.Directive.Servers(); servers != nil {
		return lookup.NewResolver(servers...), nil
	}
	if b.system == (lookup.Resolver{}) {
		servers, err := lookup.ReadServers(lookup.SystemFile)
		if err != nil {
			return lookup.Resolver{}, rrset.Errorf("record: no servers to look names up: %w; write resolver ADDRESS...", err)
		}
		b.system = lookup.NewResolver(servers...)
	}
	return b.system, nil
}

// Questions returns the questions to look up for the store, each once.
func (s *Store) Questions() []lookup.Question { return s.live.questions }

// IsLive reports whether values of the store are looked up.
func (s *Store) IsLive() bool { return len(s.live.rrsets) > 0 }

// A Taking tells those who probe what a change of looked-up values requires of them.
type Taking struct {
	Added []NumberedTarget // targets that have to be probed from now on
	Gone  []NumberedTarget // targets that have to be probed no longer
	Zones []int            // the zones whose values changed, by record.Zone.Index

	Steered []SteeredValue // values that came and that state files steer
}

// Take gets the sets of questions, and gives the RRsets concerned the values that follow, all at
// once. IsUp says whether a target is up that may be probed already.
func (s *Store) Take(questions []lookup.Question, get func(lookup.Question) lookup.Set, isUp func(TargetKey) bool, now time.Time) Taking {
	v := &s.live
	v.mu.Lock()
	defer v.mu.Unlock()
	concerned := v.noteLocked(questions, get)
	var taken Taking
	var replacements []policy.Replacement
	var verdicts []policy.Verdict
	var left []int
	for _, l := range concerned {
		l.ends = l.endOf(v.known)
		next := l.valuesOf(v.known)
		if next.equal(&l.values) {
			continue
		}
		l.values = next
		left = append(left, l.targets...)
		before, made := l.home.On(s.Verdicts.Board()), v.build(l, now)
		taken.Steered = append(taken.Steered, s.steeredAnew(l, before, made)...)
		if !slices.Contains(taken.Zones, l.zone) {
			taken.Zones = append(taken.Zones, l.zone)
		}
		for _, number := range v.targets.hold(l.targets) {
			t := v.targets.numbered(number)
			t.Watch = l.watchOf(number)
			taken.Added = append(taken.Added, t)
			verdicts = append(verdicts, policy.Verdict{Target: number, Up: isUp(t.Key)})
		}
		replacements = append(replacements, policy.Replacement{Home: l.home, Set: made})
	}
	if len(replacements) > 0 {
		s.Verdicts.Replace(replacements, verdicts, now)
	}
	for _, number := range v.targets.drop(left) {
		taken.Gone = append(taken.Gone, v.targets.numbered(number))
		v.targets.free = append(v.targets.free, number)
	}
	s.setTTLs(concerned, now)
	return taken
}

// noteLocked keeps the present sets of questions, and returns the RRsets concerned in their order.
func (v *live) noteLocked(questions []lookup.Question, get func(lookup.Question) lookup.Set) []*liveRRset {
	seen := make(map[*liveRRset]bool)
	var concerned []*liveRRset
	for _, q := range questions {
		if v.uses[q] == nil {
			continue
		}
		v.known[q] = get(q)
		for _, l := range v.uses[q] {
			if !seen[l] {
				seen[l], concerned = true, append(concerned, l)
			}
		}
	}
	return concerned
}

// build makes the set of the present values of an RRset, and notes its targets and watches.
func (v *live) build(l *liveRRset, now time.Time) *policy.Set {
	l.targets, l.watches = nil, nil
	b := &choosingBuilder{
		targets: v.targets.numbers, keys: v.targets.keys,
		conditions: make(map[conditionKey]*policy.Condition), watches: make(map[Watch]bool),
		addTarget: v.targets.add,
		addWatch:  func(w Watch) { l.watches = append(l.watches, w) },
		uses: func(number int) {
			if number >= v.targets.first && !slices.Contains(l.targets, number) {
				l.targets = append(l.targets, number)
			}
		},
	}
	made := l.set(b, l.ttl(now))
	if l.rrset.Metrics {
		made.CountPicks()
	}
	return &made
}
