package lookup

import (
	"context"
	"sync"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/schedule"
)

const (
	// inFlightLimit bounds the lookups under way at one resolver, and so its sockets and goroutines.
	// A resolver that does not answer delays nothing but its own names.
	inFlightLimit = 64
	// beat is the least time between two wake-ups to start lookups: 2,000 lookups a second cost 20
	// wake-ups.
	beat = 50 * time.Millisecond
)

// loop is the state of the one goroutine that schedules the lookups at one resolver. Workers, as many
// as there were batches at a time, ask the resolver: a goroutine for each lookup would grow a stack
// each time. Only what a batch does not settle has one.
type loop struct {
	*Lookups
	asker    asker
	schedule schedule.Schedule
	batcher  batcher // asker, if it asks several questions at once
	results  chan []result
	batch    []result // reused
	inFlight int
	work     chan []lookup
	workers  int
	asking   sync.WaitGroup
	timer    *time.Timer
	launched time.Time // when lookups were started last
}

// result is the result of one lookup.
type result struct {
	question int
	answer   answer
	err      error
}

// newLoop makes the loop of the questions of a resolver.
func newLoop(l *Lookups, r Resolver, questions []int) *loop {
	p := &loop{
		Lookups: l, asker: l.newAsker(r), timer: time.NewTimer(0),
		work: make(chan []lookup), results: make(chan []result, inFlightLimit), // there is room for all under way
	}
	if b, ok := p.asker.(batcher); ok && b.isTogether() {
		p.batcher = b
	}
	for _, question := range questions {
		p.schedule.Enter(l.states[question].due, question)
	}
	return p
}

// run works until ctx ends, and then waits for the lookups under way.
func (p *loop) run(ctx context.Context) {
	defer p.leave()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.timer.C:
		case first := <-p.results:
			p.gather(first)
			if ctx.Err() != nil {
				return // Stop cut these lookups off
			}
			p.digest()
		}
		p.launch(ctx)
	}
}

func (p *loop) leave() {
	p.timer.Stop()
	close(p.work)
	p.asker.close()
	p.asking.Wait()
}

// launch starts the lookups that are due, as far as the bound allows, and sets the timer for the
// next ones. With too many under way, the next result wakes the loop up.
func (p *loop) launch(ctx context.Context) {
	now := time.Now()
	for p.inFlight < inFlightLimit && p.schedule.IsDue(now) {
		due := p.takeDue(now)
		p.inFlight += len(due)
		p.launched = now
		p.assign(ctx, due)
	}
	if wake, ok := p.schedule.Next(); ok && p.inFlight < inFlightLimit {
		if earliest := p.launched.Add(beat); wake.Before(earliest) {
			wake = earliest
		}
		p.timer.Reset(wake.Sub(now))
	}
}

// assign gives questions to a worker that has nothing to do, or to a new one.
func (p *loop) assign(ctx context.Context, due []lookup) {
	if p.workers < inFlightLimit {
		select {
		case p.work <- due:
			return
		default:
			p.workers++
			p.asking.Go(func() { p.ask(ctx) })
		}
	}
	p.work <- due
}

// takeDue takes questions that are due, as many as are asked at once.
func (p *loop) takeDue(now time.Time) []lookup {
	limit := 1
	if p.batcher != nil {
		limit = min(batchLimit, inFlightLimit-p.inFlight)
	}
	due := make([]lookup, 0, limit)
	for len(due) < limit && p.schedule.IsDue(now) {
		_, number := p.schedule.Take()
		due = append(due, lookup{number, p.questions[number]})
	}
	return due
}

// ask looks up questions, some after others, until there will be no more.
func (p *loop) ask(ctx context.Context) {
	hand := func(found []result) { p.results <- found }
	for due := range p.work {
		if p.batcher == nil {
			a, err := p.asker.ask(ctx, due[0].question)
			hand([]result{{due[0].number, a, err}})
			continue
		}
		for _, u := range p.batcher.askTogether(ctx, due, hand) {
			p.asking.Go(func() {
				a, err := p.batcher.askOn(ctx, u)
				hand([]result{{u.number, a, err}})
			})
		}
	}
}

// gather collects the results that have come by now, so that many are digested at once.
func (p *loop) gather(first []result) {
	p.batch = append(p.batch[:0], first...)
	for range len(p.results) {
		p.batch = append(p.batch, <-p.results...)
	}
	p.inFlight -= len(p.batch)
}

// digest takes in the results of a batch and tells the observer.
func (p *loop) digest() {
	changes, firsts := p.learn(time.Now())
	p.telling.Lock()
	defer p.telling.Unlock()
	if len(changes) > 0 && p.observer.Changed != nil {
		p.observer.Changed(changes)
	}
	if p.observer.Looked != nil {
		for _, r := range p.batch {
			p.observer.Looked(p.questions[r.question], r.kind())
		}
	}
	if p.waiting -= firsts; firsts > 0 && p.waiting == 0 {
		close(p.first)
	}
}

// learn takes in the results of a batch and schedules the next lookups. It returns what changed, and
// how many questions had their first result.
func (p *loop) learn(now time.Time) (changes []Change, firsts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.batch {
		s := &p.states[r.question]
		before := s.set
		if !s.asked {
			firsts++
		}
		if s.learn(r.answer, r.err, now) {
			changes = append(changes, Change{p.questions[r.question], before, s.set})
		}
		p.schedule.Enter(s.due, r.question)
	}
	return changes, firsts
}

func (r *result) kind() Result {
	if r.err != nil {
		return resultOf(r.err)
	}
	return r.answer.result
}
