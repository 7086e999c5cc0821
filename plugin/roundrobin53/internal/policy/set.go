// Package policy decides which values of an RRset are answered now.
//
// A Set holds the values of one RRset. Most sets only take turns; others choose among their values:
// by who asks (routes), by what is up (conditions), by tier and weight. The Board holds their
// choices under the verdicts of one moment. Verdicts owns the board, and publishes a new one when a
// verdict changes or a wait ends. Everything else here is immutable, except the counters of turns
// and of first picks.
//
// Package pool has the arithmetic of tiers, weights and distance; package route matches networks
// and places. This package knows neither messages nor probes: clients and verdicts are handed in.
package policy

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// A Set holds the values of one RRset and how they are chosen: the addresses of an A or AAAA RRset,
// or the CNAMEs of a name for one class of QTYPE. It is safe for concurrent use.
type Set struct {
	pool.Pool        // the addresses and their turns; the zero Pool if the values are CNAMEs
	TTL       uint32 // in seconds
	more      *more  // nil where an answer is the next turn of all values, as in most sets
}

// more holds the further parts of a set that chooses among its values, or counts them. It is apart
// from Set because there may be a million sets.
type more struct {
	Choosing
	cnames []dns.RR // the values, if they are no addresses
	picks  Picks    // nil if first picks are not counted
	isTwin bool     // another set speaks for the RRset: see CNAMEs
	isLive bool     // the present values are on the board: see MakeLive
	number int      // of a live set on the board
}

// NewSet makes the set of an A or AAAA RRset whose answers turns alone decide.
func NewSet(p pool.Pool, ttl uint32) Set { return Set{Pool: p, TTL: ttl} }

// SetChoosing makes the set choose among its values. It may be called only before the set is used.
func (s *Set) SetChoosing(c Choosing) {
	c.needs = c.findNeeds()
	s.addMore().Choosing = c
}

// CountPicks makes the set count first picks. It may be called only before the set is used.
func (s *Set) CountPicks() {
	m := s.addMore()
	m.picks = newPicks(s.Values())
}

func (s *Set) addMore() *more {
	if s.more == nil {
		s.more = new(more)
	}
	return s.more
}

// An Answer holds the values that a query gets from a set.
type Answer struct {
	Order  []uint16     // the values by position, in the order of the answer; empty if none is answered now
	Choice *pool.Choice // the choice they come from; nil if turns alone decide, or no group is for the client
	Scope  int          // how many bits of the client's prefix the answer depends on (RFC 7871 §7.2.1); 0 without ECS
}

// FailsOpen reports whether the values are down, and answered because none is up.
func (a *Answer) FailsOpen() bool { return a.Choice != nil && a.Choice.Status() == pool.FailOpen }

// Take takes the next turn in a class of queries and returns the answer; it appends the values'
// positions to dst. Everything that depends on verdicts is read from one board, so that the answer
// is of one moment. Who may be nil if the set needs nothing of it.
func (s *Set) Take(b *Board, class turn.Class, who *Who, dst []uint16) Answer {
	switch {
	case s.Chooses() && s.more.needs > 0:
		return s.takeFor(b, class, who, dst)
	case s.Chooses():
		choice := b.choice(s.more.Groups[0].number)
		return Answer{Order: choice.Take(class, nil, dst), Choice: choice}
	case b.HasPlain():
		return s.takeSteered(b, class, dst)
	}
	return Answer{Order: s.Pool.Take(class, dst)}
}

// takeSteered is Take for a set in which turns alone decide, unless an operator does. It is never
// inlined: the goroutine of a query begins with a small stack, and a look into a map takes much of
// it.
//
//go:noinline
func (s *Set) takeSteered(b *Board, class turn.Class, dst []uint16) Answer {
	if choice := b.PlainChoice(s); choice != nil {
		return Answer{Order: choice.Take(class, nil, dst), Choice: choice}
	}
	return Answer{Order: s.Pool.Take(class, dst)}
}

// takeFor is Take for a set that is not the same for all clients. It is never inlined, since a
// client takes much of the stack.
//
//go:noinline
func (s *Set) takeFor(b *Board, class turn.Class, who *Who, dst []uint16) Answer {
	a := s.more.answer(b, who)
	if a.Choice != nil {
		client := who.client(s.more.Order)
		a.Order = a.Choice.Take(class, &client, dst)
	}
	return a
}

// See returns the answer that Take would, but leaves the turn to the next query.
func (s *Set) See(b *Board, class turn.Class, who *Who) Answer {
	if !s.Chooses() {
		if choice := b.PlainChoice(s); choice != nil {
			return Answer{Order: choice.See(class, new(pool.Client), nil), Choice: choice}
		}
		return Answer{Order: s.Pool.See(class, nil)}
	}
	a := s.more.answer(b, who)
	if a.Choice != nil {
		client := who.client(s.more.Order)
		a.Order = a.Choice.See(class, &client, nil)
	}
	return a
}

// IsUnknown reports whether there is no value because names have not been resolved yet.
func (a *Answer) IsUnknown() bool { return a.Choice != nil && a.Choice.Status() == pool.Unknown }

// AnswersNow returns how many values each answer has under a board. It may be called only for sets
// that are not personal.
func (s *Set) AnswersNow(b *Board) int {
	if !s.Chooses() {
		if choice := b.PlainChoice(s); choice != nil {
			return choice.Answers()
		}
		return s.Answers()
	}
	return b.choice(s.more.Groups[0].number).Answers()
}

// Allows reports whether an answer can have exactly these values under a board. It may be called
// only for sets that are not personal.
func (s *Set) Allows(b *Board, values []uint16) bool {
	if !s.Chooses() {
		if choice := b.PlainChoice(s); choice != nil {
			return choice.Allows(values)
		}
		return len(values) == s.Answers()
	}
	return b.choice(s.more.Groups[0].number).Allows(values)
}

// HasPlace reports whether is returns true for a place that some of the values are for.
func (s *Set) HasPlace(is func(place string) bool) bool {
	if s.more == nil || s.more.Routes == nil {
		return false
	}
	for place := range s.more.Routes.Places {
		if is(place) {
			return true
		}
	}
	return false
}

// Needs returns the parts of Who that the set needs.
func (s *Set) Needs() Needs {
	if s.more == nil {
		return 0
	}
	return s.more.needs
}

// IsPersonal reports whether answers depend on the client, and not only on verdicts and turns.
func (s *Set) IsPersonal() bool { return s.Needs() != 0 }

// Chooses reports whether the set chooses among its values. Otherwise turns alone decide.
func (s *Set) Chooses() bool { return s.more != nil && s.more.Groups != nil }

// Groups returns the groups that the set chooses from, none if turns alone decide.
func (s *Set) Groups() []*Group {
	if s.more == nil {
		return nil
	}
	return s.more.Groups
}

// Choosing returns how the set chooses, the zero Choosing if turns alone decide.
func (s *Set) Choosing() Choosing {
	if s.more == nil {
		return Choosing{}
	}
	return s.more.Choosing
}

// Candidates returns the values that a group chooses among under a board.
func (b *Board) Candidates(g *Group) []uint16 { return b.choice(g.number).Candidates() }

// PlainCandidates returns how many values answers choose among, of a set in which turns alone decide.
func (s *Set) PlainCandidates(b *Board) int {
	if choice := b.PlainChoice(s); choice != nil {
		return len(choice.Candidates())
	}
	return s.Len()
}

// Value returns value i as text: an address, or the target of a CNAME.
func (s *Set) Value(i int) string {
	if s.more != nil && s.more.cnames != nil {
		return s.more.cnames[i].(*dns.CNAME).Target
	}
	addr, _ := netip.AddrFromSlice(s.Address(i)) // its octets came from an address
	return addr.String()
}

// FromName returns the name that value i was looked up under, "" if it is written.
func (s *Set) FromName(i int) string {
	if s.more == nil || s.more.Names == nil {
		return ""
	}
	return s.more.Names[i]
}

// Undrained returns the values that answers can have, in the order of the Corefile.
func (s *Set) Undrained() []int {
	var values []int
	if !s.Chooses() {
		for i := range s.Len() {
			values = append(values, i)
		}
		return values
	}
	for _, g := range s.more.Groups {
		values = append(values, g.Undrained()...)
	}
	slices.Sort(values)
	return slices.Compact(values)
}
