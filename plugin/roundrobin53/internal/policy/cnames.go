package policy

import "github.com/miekg/dns"

// CNAMEs are the CNAMEs of a name that are chosen among. A, AAAA and all other types asked take
// turns of their own: a client that asks for A and AAAA by turns is not to get one CNAME for every
// A.
type CNAMEs struct {
	RRs  []dns.RR
	sets [qtypeClasses]Set
}

// The classes of the types asked.
const (
	qtypeA = iota
	qtypeAAAA
	qtypeOther
	qtypeClasses
)

func qtypeClass(qtype uint16) int {
	switch qtype {
	case dns.TypeA:
		return qtypeA
	case dns.TypeAAAA:
		return qtypeAAAA
	}
	return qtypeOther
}

// NewCNAMEs makes CNAMEs that are chosen among in a way that choosing makes anew for each class of
// the types asked.
func NewCNAMEs(rrs []dns.RR, ttl uint32, choosing func() Choosing) *CNAMEs {
	c := &CNAMEs{RRs: rrs}
	for i := range c.sets {
		c.sets[i] = Set{TTL: ttl, more: &more{Choosing: choosing(), cnames: rrs, isTwin: i != qtypeA}}
	}
	return c
}

// CountPicks makes the CNAMEs count first picks, whatever type is asked. It may be called only
// before they are used.
func (c *CNAMEs) CountPicks() {
	picks := newPicks(len(c.RRs))
	for i := range c.sets {
		c.sets[i].more.picks = picks
	}
}

// For returns the set that chooses for a type asked.
func (c *CNAMEs) For(qtype uint16) *Set { return &c.sets[qtypeClass(qtype)] }

// Speaker returns the set that stands for all: they have the same values, and share their counts of
// first picks.
func (c *CNAMEs) Speaker() *Set { return &c.sets[qtypeA] }

// Sets returns the sets for all classes of the types asked.
func (c *CNAMEs) Sets() []*Set {
	sets := make([]*Set, len(c.sets))
	for i := range c.sets {
		sets[i] = &c.sets[i]
	}
	return sets
}
