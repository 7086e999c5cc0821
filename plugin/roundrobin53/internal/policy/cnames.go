package policy

import "github.com/miekg/dns"

// CNAMEs are the CNAMEs of one name, of which an answer has one. QTYPE A, QTYPE AAAA and all other
// types take turns of their own: a client that asks for A and AAAA alternately would otherwise get
// the same CNAME for every A.
type CNAMEs struct {
	RRs  []dns.RR
	sets [qtypeClasses]Set
}

// The classes of QTYPE.
const (
	qtypeA = iota
	qtypeAAAA
	qtypeOther
	qtypeClasses
)

// qtypeClass returns the class of a QTYPE.
func qtypeClass(qtype uint16) int {
	switch qtype {
	case dns.TypeA:
		return qtypeA
	case dns.TypeAAAA:
		return qtypeAAAA
	}
	return qtypeOther
}

// NewCNAMEs makes CNAMEs. It calls choosing once for each class of QTYPE.
func NewCNAMEs(rrs []dns.RR, ttl uint32, choosing func() Choosing) *CNAMEs {
	c := &CNAMEs{RRs: rrs}
	for i := range c.sets {
		c.sets[i] = Set{TTL: ttl, more: &more{cnames: rrs, isTwin: i != qtypeA}}
		c.sets[i].SetChoosing(choosing())
	}
	return c
}

// CountPicks makes the CNAMEs count first picks, for all classes of QTYPE together. It may be
// called only before they are used.
func (c *CNAMEs) CountPicks() {
	picks := newPicks(len(c.RRs))
	for i := range c.sets {
		c.sets[i].more.picks = picks
	}
}

// For returns the set that chooses for a QTYPE.
func (c *CNAMEs) For(qtype uint16) *Set { return &c.sets[qtypeClass(qtype)] }

// Speaker returns the set that stands for all: the sets have the same values, and share their
// counts of first picks.
func (c *CNAMEs) Speaker() *Set { return &c.sets[qtypeA] }

// Sets returns the sets of all classes of QTYPE.
func (c *CNAMEs) Sets() []*Set {
	sets := make([]*Set, len(c.sets))
	for i := range c.sets {
		sets[i] = &c.sets[i]
	}
	return sets
}
