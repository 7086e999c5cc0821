package roundrobin53

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// names looks up the names that are values, for all handlers of an instance: each name once. The
// sets found go to the stores, and from there to the prober.
//
// A reload hands on the sets. The next instance begins with them, and hears of each change until it
// serves and looks names up itself.
type names struct {
	handlers []*Handler
	prober   *prober
	lookups  *lookup.Lookups
	next     atomic.Pointer[names] // those of the next instance
	early    []earlyLookup         // what a reload looked up before it served
	several  map[string]bool       // by name and type: several resolvers are asked

	mu      sync.Mutex // held while sets are taken
	running sync.WaitGroup
	ended   chan struct{} // closed by stop
	stopped bool
}

// An earlyLookup is a lookup before its instance serves: log and metrics have it later.
type earlyLookup struct {
	question lookup.Question
	result   lookup.Result
}

// prepare makes the lookups of all handlers, which have the values that the previous instance knows
// from then on. It returns an error if a name leads back to itself.
func (n *names) prepare(handlers []*Handler, p *prober, before *names) error {
	n.handlers, n.prober, n.ended = handlers, p, make(chan struct{})
	for _, h := range handlers {
		h.notifier.tell = h.tellSecondaries
	}
	if circles := n.circles(); len(circles) > 0 {
		return circles[0]
	}
	var questions []lookup.Question
	for _, s := range n.stores() {
		questions = append(questions, s.Questions()...)
	}
	n.lookups = lookup.New(questions, lookup.Observer{Changed: n.changed, Looked: n.count})
	n.several = ofSeveral(n.lookups.Questions())
	if before.lookups != nil {
		n.lookups.Adopt(before.lookups)
		n.lookUpNew()
		n.take(n.lookups.Questions(), before.prober.isUp)
	}
	return nil
}

// reloadLimit bounds how long a reload waits for new names, while the old configuration serves.
const reloadLimit = time.Second

// lookUpNew looks up the names that the previous instance does not know, so that a line which now
// has a name in place of an address does not begin without answers.
func (n *names) lookUpNew() {
	first := lookup.New(n.lookups.Unasked(), lookup.Observer{Looked: func(q lookup.Question, result lookup.Result) {
		n.early = append(n.early, earlyLookup{q, result})
	}})
	first.Start()
	select {
	case <-first.First():
	case <-time.After(reloadLimit):
	}
	first.Stop()
	n.lookups.Adopt(first)
}

// circles returns an error for each circle of names that are looked up for each other.
func (n *names) circles() []error {
	circles := store.Circles(n.stores())
	errs := make([]error, 0, len(circles))
	for _, c := range circles {
		errs = append(errs, errorAt(c.Source, "record: %s is looked up for itself: %s; nobody would ever know its addresses: write them for one of these names",
			c.Way[0], strings.Join(c.Way, " to ")))
	}
	return errs
}

// stores returns the stores of all handlers.
func (n *names) stores() []*store.Store {
	stores := make([]*store.Store, len(n.handlers))
	for i, h := range n.handlers {
		stores[i] = h.store.Load()
	}
	return stores
}

// get returns the set of a question. If a name on the way to the addresses leads back to the
// question, the set has only an error.
func (n *names) get(q lookup.Question) lookup.Set {
	set := n.lookups.Get(q)
	for _, name := range set.Path {
		if way := store.WayBack(n.stores(), name, q); way != nil {
			return lookup.Set{Err: fmt.Errorf("it leads back to itself, by %s", strings.Join(way, " to "))}
		}
	}
	return set
}

// take gives the stores the sets of questions. IsUp says whether a target is up. It returns the
// values that came and that state files steer.
func (n *names) take(questions []lookup.Question, isUp func(store.TargetKey) bool) (steered []store.SteeredValue) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, h := range n.handlers {
		taken := h.store.Load().Take(questions, n.get, isUp, now)
		if n.prober.monitor.Load() != nil { // else the prober asks for all targets
			n.prober.follow(h, taken)
		}
		h.noteChanged(taken.Zones)
		steered = append(steered, taken.Steered...)
	}
	return steered
}

// attach makes the lookups hear of what the previous instance finds.
func (n *names) attach(before *names) {
	if before.lookups != nil {
		before.next.Store(n) // from here on nothing is missed
		n.follow(before, n.lookups.Questions())
	}
}

// follow takes over what the previous instance has found since.
func (n *names) follow(before *names, questions []lookup.Question) {
	n.lookups.Adopt(before.lookups)
	n.take(questions, n.prober.isUp)
}

// start begins to look names up.
func (n *names) start(before *names) {
	before.next.Store(nil)
	if before.lookups != nil {
		n.follow(before, n.lookups.Questions())
		forgetLookups(before.lookups.Questions(), n.lookups.Questions())
	}
	for _, early := range n.early {
		n.count(early.question, early.result)
		n.report(&lookup.Change{Question: early.question, After: n.lookups.Get(early.question)})
	}
	n.early = nil
	n.lookups.Start()
	if slices.ContainsFunc(n.handlers, func(h *Handler) bool { return h.store.Load().HasRemaining() }) {
		n.running.Go(n.age)
	}
}

// age gives answers the TTL that remains, every second.
func (n *names) age() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-n.ended:
			return
		case now := <-ticker.C:
			for _, h := range n.handlers {
				h.store.Load().Age(n.lookups.Get, now)
			}
		}
	}
}

// stop ends everything that start began.
func (n *names) stop() {
	if n.lookups == nil || n.stopped {
		return
	}
	n.stopped = true
	close(n.ended)
	n.lookups.Stop()
	n.running.Wait()
	for _, h := range n.handlers {
		h.notifier.stop()
	}
}

// dropNext stops the lookups that were to follow, if there are any.
func (n *names) dropNext() {
	if next := n.next.Swap(nil); next != nil {
		next.stop()
	}
}

// isReady reports whether each name has had a result.
func (n *names) isReady() bool {
	select {
	case <-n.lookups.First():
		return true
	default:
		return false
	}
}

// changed hands on the changed sets, and logs them.
func (n *names) changed(changes []lookup.Change) {
	questions := make([]lookup.Question, len(changes))
	for i := range changes {
		questions[i] = changes[i].Question
	}
	steered := n.take(questions, n.prober.isUp)
	if next := n.next.Load(); next != nil {
		next.follow(n, questions)
	}
	for i := range changes {
		n.report(&changes[i])
	}
	logSteering(nil, steered)
}

// report logs what changed about a name.
func (n *names) report(c *lookup.Change) {
	before, after := &c.Before, &c.After
	subject := n.subject(c.Question)
	for _, name := range after.Path {
		if way := store.WayBack(n.stores(), name, c.Question); way != nil {
			log.Errorf("lookups: %s leads back to itself, by %s: its addresses are not used", subject, strings.Join(way, " to "))
			return
		}
	}
	if words := c.Difference(); words != "" {
		log.Infof("lookups: %s: %s", subject, words)
	}
	if after.Left > 0 && after.Left != before.Left {
		log.Warningf("lookups: %s has %d addresses: %d are used", subject, len(after.Addresses)+after.Left, len(after.Addresses))
	}
	if len(after.Unusable) > 0 && !slices.Equal(after.Unusable, before.Unusable) {
		log.Warningf("lookups: %s has addresses that no host can have, which are not used: %s", subject, lookup.Join(after.Unusable))
	}
	switch {
	case after.State == lookup.Never:
		log.Warningf("lookups: %s: no answer, and nothing is known of it: %v", subject, after.Err)
	case after.State == before.State:
	case after.State == lookup.Stale:
		log.Warningf("lookups: %s: no answer, and what was known stays: %v", subject, after.Err)
	case after.State == lookup.Empty:
		log.Warningf("lookups: %s has no address: %v", subject, after.Err)
	case before.State == lookup.Stale:
		log.Infof("lookups: %s is answered again", c.Question)
	}
}

// ofSeveral returns the names and types that several resolvers are asked for, of questions that stand
// once each.
func ofSeveral(questions []lookup.Question) map[string]bool {
	seen, several := make(map[string]bool, len(questions)), make(map[string]bool)
	for _, q := range questions {
		text := q.String()
		if seen[text] {
			several[text] = true
		}
		seen[text] = true
	}
	return several
}

// subject names a question in the log: with its resolver only where several are asked for it, as views
// do.
func (n *names) subject(q lookup.Question) string {
	if n.several[q.String()] {
		return fmt.Sprintf("%s at %s", q, q.Resolver)
	}
	return q.String()
}

// count counts a lookup by its result.
func (n *names) count(q lookup.Question, result lookup.Result) {
	lookupsTotal.WithLabelValues(q.Name, result.String()).Inc()
}
