package lookup

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// TestAdoptFromAnotherResolver guards whoever writes another resolver, since the old one is dead or
// wrong: addresses stay until the new one has answered, which is asked at once.
func TestAdoptFromAnotherResolver(t *testing.T) {
	inside, outside := resolverAt(t, "192.0.2.53"), resolverAt(t, "198.51.100.53")
	both := resolverAt(t, "192.0.2.53", "203.0.113.53")
	for _, row := range []struct {
		name     string
		old, now []Resolver
		words    string
		want     string // of the first question now
	}{
		{"another resolver", []Resolver{inside}, []Resolver{both}, "192.0.2.1/1h", "ok[192.0.2.1]"},
		{"a resolver that is still asked", []Resolver{inside}, []Resolver{outside, inside}, "192.0.2.1/1h", "never[]"},
		{"two resolvers", []Resolver{inside, outside}, []Resolver{both}, "192.0.2.1/1h", "never[]"},
		{"one of two resolvers", []Resolver{inside, outside}, []Resolver{both, outside}, "192.0.2.1/1h", "ok[192.0.2.1]"},
		{"no address", []Resolver{inside}, []Resolver{both}, "nx", "never[]"},
		{"no answer", []Resolver{inside}, []Resolver{both}, "fail", "never[]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript()
				s.words["a."] = []string{row.words}
				old := s.lookupsAt("a.", row.old...)
				old.Start()
				time.Sleep(time.Minute)
				old.Stop()
				now := s.lookupsAt("a.", row.now...)
				now.Adopt(old)
				if got := summary(now.Get(now.Questions()[0])); got != row.want {
					t.Errorf("adopted %s, want %s", got, row.want)
				}
				asked := len(s.asked["a."])
				now.Start()
				time.Sleep(time.Second)
				now.Stop()
				if len(s.asked["a."]) == asked {
					t.Error("the new resolver is not asked at once")
				}
			})
		})
	}
}

func resolverAt(t *testing.T, addresses ...string) Resolver {
	t.Helper()
	var servers []Server
	for _, text := range addresses {
		s, err := ParseServer(text)
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, s)
	}
	return NewResolver(servers...)
}

// lookupsAt makes lookups of one name at resolvers, which a script answers.
func (s *script) lookupsAt(name string, resolvers ...Resolver) *Lookups {
	var questions []Question
	for _, r := range resolvers {
		questions = append(questions, Question{Name: name, Type: dns.TypeA, Resolver: r})
	}
	l := New(questions, Observer{})
	l.newAsker = func(Resolver) asker { return s }
	return l
}
