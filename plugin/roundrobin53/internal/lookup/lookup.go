// Package lookup looks up names in the background and keeps the addresses that they have.
//
// Lookups asks each Question at once and again after each TTL, and tells its Observer which sets of
// addresses changed. What was known last stays while a resolver does not answer. A set can be read
// at any time.
//
//	lookup.go  set.go           Lookups, Observer; Question, Set and State
//	adopt.go                    what other lookups know is taken over
//	loop.go                     which question is looked up next
//	pace.go                     what a result does to a set, and when to ask again
//	server.go  resolvconf.go    servers as the Corefile and /etc/resolv.conf write them
//	resolver.go                 servers are asked in turn
//	batch.go                    queries go out together, and their answers come in
//	udp.go  stream.go           a query goes out and its answer comes in: UDP; TCP and TLS
//	connection.go               connections that wait for the next lookup
//	message.go  answer.go       queries and answers in wire format
//	reason.go                   why a lookup failed, for logs and pages
//
// The package leaves to others what a set means for answers, logs and metrics.
package lookup

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"sync"
)

// Change is the change of one set: of its addresses or its state, or the first failure of a name
// that was never resolved.
type Change struct {
	Question      Question
	Before, After Set
}

// Difference writes the addresses that came and went, as in "+192.0.2.1 -192.0.2.2".
func (c *Change) Difference() string {
	var words []string
	for _, addr := range c.After.Addresses {
		if !slices.Contains(c.Before.Addresses, addr) {
			words = append(words, "+"+addr.String())
		}
	}
	for _, addr := range c.Before.Addresses {
		if !slices.Contains(c.After.Addresses, addr) {
			words = append(words, "-"+addr.String())
		}
	}
	return strings.Join(words, " ")
}

// Observer learns what is found. Its functions are called one at a time, and lookups wait for them.
// They must not call Stop, nor wait for someone who does. Each may be nil.
type Observer struct {
	// Changed gets the sets that changed, as many at once as are known. Get agrees with them already.
	Changed func([]Change)
	// Looked gets the result of each lookup that ended. Get agrees with it already, and Changed has
	// returned.
	Looked func(Question, Result)
}

// Lookups looks up questions, each at its own time. Its methods are safe for concurrent use.
type Lookups struct {
	questions []Question // without duplicates
	index     map[Question]int
	observer  Observer
	roots     *x509.CertPool // who may sign the certificates of resolvers; nil: the system's
	newAsker  func(Resolver) asker

	context context.Context // ends with Stop
	cancel  context.CancelFunc
	running sync.WaitGroup
	first   chan struct{}

	telling sync.Mutex // held while the observer is called
	waiting int        // questions that had no result yet; guarded by telling

	mu      sync.Mutex // guards what follows
	started bool
	states  []state // by question; after Start only the loops write them
}

// New makes the lookups of questions, which begin with Start. Equal questions are looked up once.
func New(questions []Question, observer Observer) *Lookups {
	l := &Lookups{index: make(map[Question]int, len(questions)), observer: observer, first: make(chan struct{})}
	l.newAsker = func(r Resolver) asker { return newResolver(r.Servers(), l.roots) }
	for _, q := range questions {
		if _, ok := l.index[q]; !ok {
			l.index[q] = len(l.questions)
			l.questions = append(l.questions, q)
		}
	}
	l.states = make([]state, len(l.questions))
	l.context, l.cancel = context.WithCancel(context.Background())
	return l
}

// Start begins to look up. It must be called at most once; after Stop it does nothing.
func (l *Lookups) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.context.Err() != nil {
		return
	}
	l.started = true
	byResolver := make(map[Resolver][]int)
	for i, q := range l.questions {
		byResolver[q.Resolver] = append(byResolver[q.Resolver], i)
		if !l.states[i].asked {
			l.waiting++
		}
	}
	if l.waiting == 0 {
		close(l.first)
	}
	for r, questions := range byResolver {
		p := newLoop(l, r, questions)
		l.running.Go(func() { p.run(l.context) })
	}
}

// Stop ends all lookups, closes their connections and waits until every goroutine has ended. It may
// be called repeatedly, and without Start. The sets stay readable.
func (l *Lookups) Stop() {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.running.Wait()
}

// First returns a channel that is closed when every question has had a result, be it a failure, and
// Changed has returned. Questions whose sets were adopted have had one. If Stop comes first, the
// channel stays open.
func (l *Lookups) First() <-chan struct{} { return l.first }

// Get returns the set of a question: the zero Set if there was no result, or if the question is not
// looked up.
func (l *Lookups) Get(q Question) Set {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.index[q]; ok {
		return l.states[i].set
	}
	return Set{}
}

// Questions returns the questions that are looked up, each once. The caller must not change them.
func (l *Lookups) Questions() []Question { return l.questions }
