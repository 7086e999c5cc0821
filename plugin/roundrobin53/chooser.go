package roundrobin53

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// chooser is an RRset whose values are chosen among: by what is up, by who asks, by weight. It stands beside the RRset,
// which has the values; one that only rotates has none.
type chooser struct {
	name   string        // owner name
	zone   int           // index of the zone
	routes *route.Routes // nil: one group, for everyone
	first  int           // its groups are those of the handler from here on
	order  pool.Order
	set    int // the RRset: number of the addresses, or less than 0 that of the alternatives
}

// isPersonal reports whether it depends on the client what is answered, and not only on what is up and whose turn it is.
func (c *chooser) isPersonal() bool {
	return c.routes != nil || c.order == pool.Sticky || c.order == pool.Nearest
}

// noChooser stands for none.
const noChooser = -1

// alternatives is the CNAMEs of a name that are chosen among. The types that it is asked for take turns of their own, as
// addresses do: a client that asks for A and AAAA in turn is not to get one CNAME for every A.
type alternatives struct {
	choosers [lanes]int
	rrs      []dns.RR
	ttl      uint32
}

// The lanes of the types asked.
const (
	laneA = iota
	laneAAAA
	laneOther
	lanes
)

func laneOf(qtype uint16) int {
	switch qtype {
	case dns.TypeA:
		return laneA
	case dns.TypeAAAA:
		return laneAAAA
	}
	return laneOther
}

// choose takes the next turn of a chooser and appends the endpoints of that answer to dst; none if none is answered now.
func (q *query) choose(number int, dst []uint16) []uint16 {
	c := &q.h.choosers[number]
	choice := q.choice(c)
	if choice == nil {
		return dst
	}
	return q.pick(c, choice, dst)
}

// pick takes the next turn of a choice and appends the endpoints of that answer to dst.
func (q *query) pick(c *chooser, choice *pool.Choice, dst []uint16) []uint16 {
	client := q.poolClient(c.order)
	dst = choice.Pick(q.class, &client, dst)
	if choice.Status() == pool.FailOpen {
		q.srv.failOpen[c.zone].Inc()
	}
	if q.h.debug {
		q.explain(c, choice, slices.Clone(dst))
	}
	return dst
}

// choice is the first of the groups that the client matches that has a value up; if none has, the first that has values
// to answer at all; nil if there is none.
func (q *query) choice(c *chooser) *pool.Choice {
	b := q.h.keeper.board.Load() // once: all groups are of one moment
	if c.routes == nil {
		return b.choice(c.first)
	}
	var found *pool.Choice
	client := q.routeClient(c.routes)
	c.routes.Match(&client, func(group int) bool {
		choice := b.choice(c.first + group)
		isUp := choice.Status() == pool.Up
		if isUp || found == nil && choice.Status() != pool.Drained {
			found = choice
		}
		return !isUp
	})
	return found
}

// explain logs why an answer has its values.
func (q *query) explain(c *chooser, choice *pool.Choice, order []uint16) {
	isChosen := func(g group) bool { return g.Group == choice.Group() }
	g := &q.h.groups[slices.IndexFunc(q.h.groups, isChosen)]
	picked := make([]string, len(order))
	for i, endpoint := range order {
		picked[i] = q.h.value(c.set, int(endpoint))
	}
	log.Debugf("%s %s: the values for %s, priority %d, %s, %d of %d: %s", c.name, dns.TypeToString[q.r.Question[0].Qtype],
		g.name, choice.Priority(), choice.Status(), len(choice.Candidates()), len(g.Endpoints()), strings.Join(picked, " "))
}

// value is a value of an RRset as text. Number is that of the addresses, or less than 0 that of the alternatives.
func (h *Handler) value(number, endpoint int) string {
	if number < 0 {
		return h.alternatives[-number].rrs[endpoint].(*dns.CNAME).Target
	}
	addr, _ := netip.AddrFromSlice(h.rrsets[number].pool.Address(endpoint)) // it was made of one
	return addr.String()
}

// group is a group of a chooser's values.
type group struct {
	*pool.Group
	name, key  string // of what selects it, see groupConfig
	conditions []int  // of the endpoints of its RRset: their numbers, alwaysUp for none
}

const alwaysUp = -1
