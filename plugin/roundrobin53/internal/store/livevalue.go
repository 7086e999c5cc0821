package store

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// values are the values of an RRset at one moment.
type values struct {
	addresses []netip.Addr
	names     []string // that the addresses were looked up under, by position; "" for written ones
	counts    []int    // by line
	unknown   []bool   // by line: a name of it has not been resolved yet
}

func (v *values) equal(other *values) bool {
	return slices.Equal(v.addresses, other.addresses) && slices.Equal(v.names, other.names) && slices.Equal(v.counts, other.counts) && slices.Equal(v.unknown, other.unknown)
}

// set makes the set of the present values.
func (l *liveRRset) set(b *choosingBuilder, ttl uint32) policy.Set {
	rrset := *l.rrset
	rrset.Addresses, rrset.Lines = l.values.addresses, slices.Clone(l.rrset.Lines)
	sources := make([]policy.Source, 0, len(rrset.Lines))
	first := 0
	for i, count := range l.values.counts {
		rrset.Lines[i].First, rrset.Lines[i].Count = first, count
		if count > 0 {
			source := l.sources[i]
			source.First = uint16(first)
			sources = append(sources, source)
		}
		first += count
	}
	made := policy.NewSet(newPool(&rrset), ttl)
	made.SetChoosing(policy.Choosing{
		Name: l.owner, Type: rrset.Type, Zone: l.zone, Order: rrset.Order, Routes: l.routes,
		Groups: b.groups(l.zoneName, &rrset, l.values.unknown), Sources: sources, Words: wordsOf(&rrset),
		Names: l.values.names,
	})
	made.MakeLive()
	return made
}

// newPool makes the pool of an address RRset, which may have no address.
func newPool(rrset *config.RRset) pool.Pool {
	switch {
	case len(rrset.Addresses) > 0:
		return pool.New(rrset.Addresses, rrset.Order, rrset.Answers)
	case rrset.Type == dns.TypeA:
		return pool.None(rrset.Order, 4)
	}
	return pool.None(rrset.Order, 16)
}

// valuesOf returns the values that follow from the sets of names. A name and a line may give the
// same address: an answer has it once, as its written line says, or else its first line.
func (l *liveRRset) valuesOf(known map[lookup.Question]lookup.Set) values {
	lines := l.rrset.Lines
	v := values{counts: make([]int, len(lines)), unknown: make([]bool, len(lines))}
	c := addressClaims{l, make(map[netip.Addr][]int)}
	for i := range lines {
		for _, addr := range l.rrset.Addresses[lines[i].First : lines[i].First+lines[i].Count] {
			c.claim(i, addr)
		}
	}
	for i := range lines {
		before := len(v.addresses)
		v.addresses = append(v.addresses, l.rrset.Addresses[lines[i].First:lines[i].First+lines[i].Count]...)
		v.names = append(v.names, make([]string, lines[i].Count)...)
		for _, name := range lines[i].Names {
			set := known[l.question(name)]
			v.unknown[i] = v.unknown[i] || set.State == lookup.Never
			for _, addr := range set.Addresses {
				if c.claim(i, addr) {
					v.addresses, v.names = append(v.addresses, addr), append(v.names, name)
				}
			}
		}
		v.counts[i] = len(v.addresses) - before
	}
	return v
}

// addressClaims holds the lines that have an address.
type addressClaims struct {
	*liveRRset
	lines map[netip.Addr][]int
}

// claim gives a line an address, unless it would be in one answer twice.
func (c *addressClaims) claim(line int, addr netip.Addr) bool {
	if slices.ContainsFunc(c.lines[addr], func(other int) bool { return c.meet(line, other) }) {
		return false
	}
	c.lines[addr] = append(c.lines[addr], line)
	return true
}

// meet reports whether values of two lines can be in one answer.
func (l *liveRRset) meet(a, b int) bool {
	if l.rrset.Lines[a].Priority != l.rrset.Lines[b].Priority {
		return false
	}
	return slices.ContainsFunc(l.rrset.Routing.Groups, func(g config.Group) bool {
		return slices.Contains(g.Lines, a) && slices.Contains(g.Lines, b)
	})
}

// leastTTL is the least TTL of an answer that has a lookup's remaining TTL.
const leastTTL = 5 * time.Second

// endOf returns when the first TTL of the lookups for an RRset ends.
func (l *liveRRset) endOf(known map[lookup.Question]lookup.Set) time.Time {
	var first time.Time
	for i := range l.rrset.Lines {
		for _, name := range l.rrset.Lines[i].Names {
			set := known[l.question(name)]
			if end := set.When.Add(set.TTL); first.IsZero() || end.Before(first) {
				first = end
			}
		}
	}
	return first
}

// ttl returns the TTL of answers.
func (l *liveRRset) ttl(now time.Time) uint32 {
	if !l.rrset.Remaining || len(l.values.addresses) == 0 {
		return l.rrset.TTL
	}
	remaining := uint32(max(l.ends.Sub(now), leastTTL).Round(time.Second) / time.Second)
	return min(remaining, l.rrset.TTL)
}

// HasRemaining reports whether some answers have a lookup's remaining TTL.
func (s *Store) HasRemaining() bool {
	return slices.ContainsFunc(s.live.rrsets, func(l *liveRRset) bool { return l.rrset.Remaining })
}

// Age updates the TTL of the answers that have a lookup's remaining TTL. A lookup that finds the
// same addresses as before is no change, but renews the TTL.
func (s *Store) Age(get func(lookup.Question) lookup.Set, now time.Time) {
	v := &s.live
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.rrsets {
		if l.rrset.Remaining {
			v.renew(l, get)
		}
	}
	s.setTTLs(v.rrsets, now)
}

// renew takes the times of the last answers for the names of an RRset.
func (v *live) renew(l *liveRRset, get func(lookup.Question) lookup.Set) {
	for i := range l.rrset.Lines {
		for _, name := range l.rrset.Lines[i].Names {
			q := l.question(name)
			set, latest := v.known[q], get(q)
			set.When, set.TTL = latest.When, latest.TTL
			v.known[q] = set
		}
	}
	l.ends = l.endOf(v.known)
}

func (s *Store) setTTLs(rrsets []*liveRRset, now time.Time) {
	var homes []*policy.Set
	var ttls []uint32
	for _, l := range rrsets {
		if l.rrset.Remaining {
			homes, ttls = append(homes, l.home), append(ttls, l.ttl(now))
		}
	}
	s.Verdicts.SetTTL(homes, ttls)
}
