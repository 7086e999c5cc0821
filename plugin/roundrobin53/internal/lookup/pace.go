package lookup

import (
	"math/rand/v2"
	"time"
)

const (
	// minInterval keeps names with a short TTL from making this process a load generator.
	minInterval = 5 * time.Second
	// maxInterval bounds how long a change stays unseen that came before its TTL allowed.
	maxInterval = time.Hour
	// maxEmptyInterval is maxInterval for names without addresses, whose line gives no answers.
	maxEmptyInterval = time.Minute
	// retryInterval is the time after the first failure. It doubles with each further one until
	// maxRetryInterval: a resolver that is back is found soon, and 10,000 names that wait for it send
	// it 350 queries a second.
	retryInterval    = 5 * time.Second
	maxRetryInterval = 30 * time.Second
	// firstRetryInterval is retryInterval for names that were never resolved, whose line gives no
	// answers.
	firstRetryInterval = time.Second
	// jitterPart is the part of an interval that chance adds. It spreads names with the same TTL,
	// which are all looked up at the start. Nothing is looked up early: before the TTL is over, a
	// resolver's cache has nothing new.
	jitterPart = 10
)

// state holds the set of a question, and when the question is looked up again.
type state struct {
	set       Set
	asked     bool // there was a result, be it a failure
	negatives int  // answers without addresses in a row
	failures  int  // lookups without an answer in a row
	due       time.Time
}

// learn takes in the result of a lookup that ended now. It reports whether addresses or state
// changed.
func (s *state) learn(a answer, err error, now time.Time) bool {
	before := s.set
	s.asked = true
	var interval time.Duration
	switch {
	case err != nil:
		interval = s.fail(err)
	case a.result == Success:
		s.negatives, s.failures = 0, 0
		s.set = Set{Addresses: a.addresses, State: OK, Left: a.left, Unusable: a.unusable, Path: a.path, When: now, TTL: a.ttl}
		interval = min(max(a.ttl, minInterval), maxInterval)
	default:
		interval = s.deny(a, now)
	}
	if s.set.Since = before.Since; s.set.State != before.State {
		s.set.Since = now
	}
	s.due = now.Add(jittered(interval))
	return !before.equal(s.set)
}

// fail counts a lookup without an answer. What is known stays. It returns the time to wait.
func (s *state) fail(err error) time.Duration {
	s.set.Err = err
	interval := retryInterval
	switch s.set.State {
	case Never:
		interval = firstRetryInterval
	case OK:
		s.set.State = Stale
	}
	if s.set.State != Empty {
		s.negatives = 0
	}
	interval = min(interval<<min(s.failures, 8), maxRetryInterval)
	s.failures++
	return interval
}

// deny counts an answer that there are no addresses. The second one in a row empties the set: a
// single one may come from a zone that is being loaded. Where nothing was known before, the first
// one tells the truth: an alias to a name of one family would else be a failure in the other one. It
// returns the time to wait.
func (s *state) deny(a answer, now time.Time) time.Duration {
	s.failures = 0
	s.negatives++
	err := errNXDomain
	if a.result == NoData {
		err = errNoData
	}
	if s.negatives == 1 && s.set.State != Never {
		s.set.Err = err
		return minInterval
	}
	s.set = Set{State: Empty, Path: a.path, When: now, TTL: a.ttl, Err: err}
	if s.negatives == 1 {
		return minInterval
	}
	return min(max(a.ttl, minInterval), maxEmptyInterval)
}

// jittered adds up to a jitterPart of an interval.
func jittered(interval time.Duration) time.Duration {
	return interval + rand.N(interval/jitterPart+1) //nolint:gosec // nobody gains by guessing it
}
