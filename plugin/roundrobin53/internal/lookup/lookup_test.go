package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// script is an asker that answers from a list, in fake time. The last word stays. Words are
// addresses joined by commas, with a TTL behind a slash, or nx, nodata, fail, hang.
type script struct {
	mu    sync.Mutex
	start time.Time
	words map[string][]string // by name
	asked map[string][]time.Duration
	most  int // lookups at the same time
	now   int
	ended bool
}

func newScript() *script {
	return &script{start: time.Now(), words: make(map[string][]string), asked: make(map[string][]time.Duration)}
}

func (s *script) next(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[name] = append(s.asked[name], time.Since(s.start))
	words := s.words[name]
	if len(words) > 1 {
		s.words[name] = words[1:]
	}
	return words[0]
}

func (s *script) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.most = max(s.most, s.now)
}

// ask implements asker.
func (s *script) ask(ctx context.Context, q Question) (answer, error) {
	s.count(1)
	defer s.count(-1)
	word := s.next(q.Name)
	switch word {
	case "hang":
		select {
		case <-time.After(lookupTimeout):
		case <-ctx.Done():
		}
		return answer{}, failed(Timeout, errors.New("no answer in time"))
	case "fail":
		return answer{}, errServFail
	case "nx":
		return answer{result: NXDomain, ttl: 20 * time.Second}, nil
	case "nodata":
		return answer{result: NoData, ttl: time.Hour}, nil
	}
	list, ttl, _ := strings.Cut(word, "/")
	var a answer
	for text := range strings.SplitSeq(list, ",") {
		a.addresses = append(a.addresses, netip.MustParseAddr(text))
	}
	a.ttl, _ = time.ParseDuration(ttl)
	return a, nil
}

// close implements asker.
func (s *script) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// scripted makes lookups that a script answers.
func (s *script) lookups(observer Observer, names ...string) *Lookups {
	var questions []Question
	for _, name := range names {
		questions = append(questions, Question{Name: name, Type: dns.TypeA})
	}
	l := New(questions, observer)
	l.newAsker = func(Resolver) asker { return s }
	return l
}

// summary writes a set as a test compares it.
func summary(s Set) string { return fmt.Sprintf("%s%v", s.State, s.Addresses) }

func isFirstFailure(c Change) bool {
	return c.After.State == Never && c.Before.Err == nil && c.After.Err != nil
}

// TestFirstFailureIsTold guards the log: a name that nobody could resolve so far is told of once.
func TestFirstFailureIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.words["a."] = strings.Fields("fail hang fail 192.0.2.1/5s")
		var changes []string
		l := s.lookups(Observer{Changed: func(c []Change) {
			changes = append(changes, fmt.Sprintf("%s %v", summary(c[0].After), c[0].After.Err))
		}}, "a.")
		l.Start()
		time.Sleep(time.Minute)
		l.Stop()
		if want := []string{"never[] SERVFAIL", "ok[192.0.2.1] <nil>"}; !slices.Equal(changes, want) {
			t.Errorf("changes %q, want %q", changes, want)
		}
	})
}

// TestSince guards what is told of a set: it is in its state since the lookup that changed it.
func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.words["a."] = strings.Fields("fail 192.0.2.1/5s 192.0.2.2/5s fail fail nx nx nx 192.0.2.1/5s")
		var l *Lookups
		since, state := time.Time{}, Never
		l = s.lookups(Observer{Looked: func(q Question, _ Result) {
			set := l.Get(q)
			if set.State != state {
				since, state = time.Now(), set.State
			}
			if !set.Since.Equal(since) {
				t.Errorf("%s since %s, want %s", set.State, set.Since, since)
			}
		}}, "a.")
		l.Start()
		time.Sleep(10 * time.Minute)
		l.Stop()
		if state != OK || time.Since(since) < time.Minute {
			t.Errorf("%s since %s", state, since)
		}
	})
}

// TestSets runs scripts of results, each a lookup, and compares the set after each.
func TestSets(t *testing.T) {
	for _, row := range []struct{ name, words, want string }{
		{"changes", "192.0.2.1/5s 192.0.2.1,192.0.2.2/5s 192.0.2.2/5s", "ok[192.0.2.1] ok[192.0.2.1 192.0.2.2] ok[192.0.2.2]"},
		{"failures keep", "192.0.2.1/5s fail hang 192.0.2.2/5s", "ok[192.0.2.1] stale[192.0.2.1] stale[192.0.2.1] ok[192.0.2.2]"},
		{"one negative keeps", "192.0.2.1/5s nx 192.0.2.1/5s nodata 192.0.2.1/5s", "ok[192.0.2.1] ok[192.0.2.1] ok[192.0.2.1] ok[192.0.2.1] ok[192.0.2.1]"},
		{"two negatives empty", "192.0.2.1/5s nx nodata fail 192.0.2.1/5s", "ok[192.0.2.1] ok[192.0.2.1] empty[] empty[] ok[192.0.2.1]"},
		{"a failure between is no row", "192.0.2.1/5s nx fail nx fail nx nx", "ok[192.0.2.1] ok[192.0.2.1] stale[192.0.2.1] stale[192.0.2.1] stale[192.0.2.1] stale[192.0.2.1] empty[]"},
		{"never", "fail hang nx fail 192.0.2.1/5s", "never[] never[] empty[] empty[] ok[192.0.2.1]"},
		{"never, then empty", "nodata nodata 192.0.2.1/5s", "empty[] empty[] ok[192.0.2.1]"},
		{"empty stays", "nx nx fail nx", "empty[] empty[] empty[] empty[]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript()
				s.words["a."] = strings.Fields(row.words)
				want := strings.SplitAfter(row.want, "] ")
				var got []string
				var l *Lookups
				changed := 0
				l = s.lookups(Observer{
					Changed: func(c []Change) {
						if !isFirstFailure(c[0]) {
							changed++
						}
						if got := summary(l.Get(c[0].Question)); got != summary(c[0].After) || got == summary(c[0].Before) && !isFirstFailure(c[0]) {
							t.Errorf("change from %s to %s, but Get says %s", summary(c[0].Before), summary(c[0].After), got)
						}
					},
					Looked: func(q Question, _ Result) {
						if len(got) < len(want) {
							got = append(got, summary(l.Get(q)))
						}
					},
				}, "a.")
				l.Start()
				time.Sleep(10 * time.Minute)
				l.Stop()
				for i := range want {
					want[i] = strings.TrimSpace(want[i])
				}
				if !slices.Equal(got, want) {
					t.Errorf("sets %q, want %q", got, want)
				}
				if distinct := slices.Compact(append([]string{"never[]"}, want...)); changed != len(distinct)-1 {
					t.Errorf("%d changes, want %d", changed, len(distinct)-1)
				}
				if !s.ended {
					t.Error("Stop left the asker open")
				}
			})
		})
	}
}

// TestPace runs results of one kind and compares the intervals between lookups, to which chance adds
// a tenth and the loop a beat.
func TestPace(t *testing.T) {
	for _, row := range []struct{ name, words, want string }{
		{"TTL", "192.0.2.1/30s", "30s 30s 30s"},
		{"TTL 0", "192.0.2.1/0s", "5s 5s 5s"},
		{"TTL below the bound", "192.0.2.1/4s", "5s 5s 5s"},
		{"TTL of years", "192.0.2.1/596523h14m7s", "1h 1h 1h"},
		{"failures", "192.0.2.1/1h fail", "1h 5s 10s 20s 30s 30s"},
		{"failures before any answer", "fail", "1s 2s 4s 8s 16s 30s 30s"},
		{"after a failure", "fail 192.0.2.1/10s fail fail 192.0.2.1/10s fail", "1s 10s 5s 10s 10s 5s 10s 20s"},
		{"NXDOMAIN", "nx", "5s 20s 20s"},
		{"NODATA for long", "192.0.2.1/10s nodata", "10s 5s 1m 1m 1m"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript()
				s.words["a."] = strings.Fields(row.words)
				l := s.lookups(Observer{}, "a.")
				l.Start()
				time.Sleep(5 * time.Hour)
				l.Stop()
				asked := s.asked["a."]
				if asked[0] != 0 {
					t.Errorf("the first lookup came after %s, want at once", asked[0])
				}
				for i, text := range strings.Fields(row.want) {
					want, _ := time.ParseDuration(text)
					if got := asked[i+1] - asked[i]; got < want || got > want+want/jitterPart+beat {
						t.Errorf("interval %d is %s, want %s and at most a tenth more", i, got, want)
					}
				}
			})
		})
	}
}

// TestFirst guards readiness: one failure is a result, and Changed has returned by then.
func TestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.words["ok."], s.words["hangs."] = []string{"192.0.2.1/5s"}, []string{"hang"}
		seen := false
		l := s.lookups(Observer{Changed: func([]Change) { seen = true }}, "ok.", "hangs.", "ok.")
		l.Start()
		time.Sleep(lookupTimeout - time.Second)
		select {
		case <-l.First():
			t.Error("First is closed before each question had a result")
		default:
		}
		<-l.First()
		if took := time.Since(s.start); took != lookupTimeout || !seen {
			t.Errorf("first results after %s, changed %v, want %s, true", took, seen, lookupTimeout)
		}
		l.Stop()
		if n := len(l.Questions()); n != 2 {
			t.Errorf("%d questions, want 2: one was there twice", n)
		}
	})
	l := New(nil, Observer{})
	l.Start()
	<-l.First()
	l.Stop()
}

// TestStopBeforeFirst guards a start that fails: nothing is left, and nothing pretends to be ready.
func TestStopBeforeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.words["a."] = []string{"hang"}
		l := s.lookups(Observer{Looked: func(_ Question, r Result) { t.Errorf("result %s of a lookup that Stop cut off", r) }}, "a.")
		l.Start()
		synctest.Wait()
		began := time.Now()
		l.Stop()
		l.Stop()
		l.Start()
		if took := time.Since(began); took != 0 {
			t.Errorf("Stop took %s", took)
		}
		select {
		case <-l.First():
			t.Error("First is closed")
		default:
		}
	})
}

// TestAdopt guards a reload: sets, ages, failures and the next lookup stay, and what is new is
// looked up at once.
func TestAdopt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.words["kept."], s.words["new."], s.words["gone."] = []string{"192.0.2.1/1m", "fail"}, []string{"192.0.2.9/1m"}, []string{"192.0.2.8/1m"}
		old := s.lookups(Observer{}, "kept.", "gone.")
		old.Start()
		time.Sleep(20 * time.Second)
		next := s.lookups(Observer{Changed: func(c []Change) {
			if c[0].Question.Name != "new." && c[0].After.State != Stale {
				t.Errorf("%s changed to %s", c[0].Question, summary(c[0].After))
			}
		}}, "new.", "kept.")
		next.Adopt(old)
		kept := next.Get(Question{Name: "kept.", Type: dns.TypeA})
		if got := summary(kept); got != "ok[192.0.2.1]" || time.Since(kept.When) != 20*time.Second || kept.TTL != time.Minute {
			t.Errorf("adopted %s of %s, TTL %s", got, time.Since(kept.When), kept.TTL)
		}
		next.Start()
		old.Stop()
		<-next.First()
		time.Sleep(80 * time.Second)
		next.Stop()
		if asked := s.asked["kept."]; len(asked) < 3 || asked[1] < time.Minute || asked[1] > 66*time.Second+beat {
			t.Errorf("kept. was looked up at %v, want 1m after the start", asked)
		}
		if asked := s.asked["new."]; asked[0] != 20*time.Second {
			t.Errorf("new. was looked up at %v, want at once", asked)
		}
		if got := next.Get(Question{Name: "gone.", Type: dns.TypeA}); got.State != Never {
			t.Errorf("a question that is gone has %s", summary(got))
		}
		if got := old.Get(Question{Name: "gone.", Type: dns.TypeA}); got.State != OK {
			t.Errorf("after Stop the old lookups have %s", summary(got))
		}
	})
}

// TestLookupsAreSpread guards the load: names that were all looked up at the start drift apart.
func TestLookupsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names, hour = 500, 60
		s := newScript()
		list := make([]string, names)
		for i := range list {
			list[i] = fmt.Sprintf("n%d.", i)
			s.words[list[i]] = []string{"192.0.2.1/60s"}
		}
		l := s.lookups(Observer{}, list...)
		l.Start()
		time.Sleep(hour * time.Minute)
		l.Stop()
		var second [60]int // of the last five minutes
		for _, asked := range s.asked {
			if n := len(asked); n < hour*10/11 || n > hour+1 {
				t.Errorf("%d lookups in %d minutes", n, hour)
			}
			for _, at := range asked {
				if at > (hour-5)*time.Minute {
					second[int(at.Seconds())%60]++
				}
			}
		}
		if most := slices.Max(second[:]); most > 5*names/60*3 {
			t.Errorf("%d lookups in one second of the minute, want about %d: %v", most, 5*names/60, second)
		}
	})
}

// TestInFlightIsBounded has a resolver that hangs, and one beside it that does not.
func TestInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 1000
		hanging, healthy := newScript(), newScript()
		slow, quick := Resolver{"192.0.2.1:53"}, Resolver{"192.0.2.2:53"}
		var questions []Question
		for i := range names {
			name := fmt.Sprintf("n%d.", i)
			hanging.words[name], healthy.words[name] = []string{"hang"}, []string{"192.0.2.1/30s"}
			questions = append(questions, Question{name, dns.TypeA, slow}, Question{name, dns.TypeA, quick})
		}
		l := New(questions, Observer{})
		l.newAsker = func(r Resolver) asker {
			if r == slow {
				return hanging
			}
			return healthy
		}
		l.Start()
		time.Sleep(beat)
		healthy.mu.Lock()
		n := len(healthy.asked)
		healthy.mu.Unlock()
		if n != names {
			t.Errorf("%d of %d names of the healthy resolver were looked up", n, names)
		}
		time.Sleep(10 * time.Minute)
		l.Stop()
		if hanging.most != inFlightLimit {
			t.Errorf("%d lookups at a time at the resolver that hangs, want %d", hanging.most, inFlightLimit)
		}
		for name, asked := range hanging.asked { // none starves
			if len(asked) < 5 {
				t.Errorf("%s was looked up %d times in 10 minutes", name, len(asked))
			}
		}
		if len(hanging.asked) != names {
			t.Errorf("%d of %d names were looked up", len(hanging.asked), names)
		}
	})
}

// TestResolverReturns guards recovery: once the resolver answers again, every name is known within
// the longest retry interval.
func TestResolverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 300
		s := newScript()
		list := make([]string, names)
		for i := range list {
			list[i] = fmt.Sprintf("n%d.", i)
			s.words[list[i]] = []string{"hang"}
		}
		l := s.lookups(Observer{}, list...)
		l.Start()
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		for _, name := range list {
			s.words[name] = []string{"192.0.2.1/1h"}
		}
		s.mu.Unlock()
		time.Sleep(maxRetryInterval + maxRetryInterval/jitterPart + lookupTimeout + beat)
		for _, q := range l.Questions() {
			if got := l.Get(q); got.State != OK {
				t.Errorf("%s is %s", q.Name, summary(got))
			}
		}
		l.Stop()
	})
}

func TestNames(t *testing.T) {
	var results []string
	for _, r := range Results() {
		results = append(results, r.String())
	}
	if got := strings.Join(results, " "); got != "success nxdomain nodata servfail refused timeout unreachable bad_answer" {
		t.Errorf("results %s", got)
	}
	if got := fmt.Sprint(Never, OK, Stale, Empty); got != "never ok stale empty" {
		t.Errorf("states %s", got)
	}
	if got := (Question{Name: "lb.example.net.", Type: dns.TypeAAAA}).String(); got != "lb.example.net. AAAA" {
		t.Errorf("question %s", got)
	}
}

// TestDifference guards the line of the log that tells of a change.
func TestDifference(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	change := Change{Before: Set{Addresses: []netip.Addr{a, b}}, After: Set{Addresses: []netip.Addr{b, c}}}
	if got := change.Difference(); got != "+192.0.2.3 -192.0.2.1" {
		t.Errorf("got %q", got)
	}
}
