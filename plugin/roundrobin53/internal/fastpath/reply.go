package fastpath

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A reply is the answer to a query on its way: what the chain's query and dns.Msg are.
type reply struct {
	block *block
	board *policy.Board // one, so that all of the answer is of one moment
	isDry bool          // nobody gets it: no turn is taken, and nothing is counted

	rcode      int
	isReferral bool
	scope      int  // of the ECS option so far
	squeezed   bool // the chain would compress the answer
	cnames     int  // in the answer
}

// compose writes the reply to the query, behind what dst holds. It reports false if that is left to
// the chain. Then no turn was taken, but of additional records.
func (w *worker) compose(dst []byte, found record.Result, r reply) bool {
	w.reply = r
	w.message.Begin(w.query, dst)
	name, owner := w.name(), []byte(nil)
	for {
		next, ok := w.appendFound(name, owner, found)
		switch {
		case !ok:
			return false
		case next == nil, w.reply.cnames > store.MaxCNAMEs, slices.Contains(w.aliases[:w.reply.cnames], next.name):
			return w.message.Room() >= 0
		}
		name, owner = next.name, next.packed
		found = w.reply.block.store.Table.Lookup(name, w.query.Type)
		if found.Kind == record.Outside || w.reply.block.falls(found, name) {
			return false
		}
	}
}

// appendFound appends what was found for a name, with the name as the owner; nil stands for QNAME.
// It returns where a CNAME leads, nil if there is none. It reports false if the query is left to the
// chain.
func (w *worker) appendFound(name string, owner []byte, found record.Result) (next *target, ok bool) {
	b := w.reply.block
	switch found.Kind {
	case record.Addresses:
		return nil, w.appendTurn(owner, found)
	case record.RRs, record.CNAME, record.Delegation:
		set := b.packed.rrsets[found.RRset]
		switch {
		case set == nil:
			return nil, false
		case found.Kind == record.Delegation:
			return nil, w.refer(set, found)
		case set.Type == dns.TypeCNAME:
			next, ok = w.appendCNAME(name, owner, set, found)
			if found.Kind == record.RRs { // asked for itself
				next = nil
			}
			return next, ok
		}
		w.message.AppendRRset(owner, &set.RRset, set.TTL, 0, set.Len())
		if set.Type == dns.TypeSOA {
			w.message.SetSerial(found.Zone.Serial())
		}
		return nil, w.appendExtras(name, owner, set, 0, len(set.extras))
	case record.Any:
		hinfo := &b.packed.any[found.Zone.Index]
		w.message.AppendRRset(owner, hinfo, hinfo.TTL, 0, 1)
	default: // NoData, NXDomain
		w.deny(found.Zone, found.Kind == record.NXDomain, b.packed.negative[found.Zone.Index].TTL)
	}
	return nil, true
}

// deny makes the reply negative (RFC 2308).
func (w *worker) deny(z *record.Zone, isNXDomain bool, ttl uint32) {
	p := &w.reply.block.packed
	w.message.Open(wire.Authority)
	w.message.AppendSOA(p.origins[z.Index], &p.negative[z.Index], ttl)
	w.message.SetSerial(z.Serial())
	if isNXDomain {
		w.reply.rcode = dns.RcodeNameError
	}
}

// denyFor makes the reply the denial of an RRset none of whose values is answered now. It lives no
// longer than the values would.
func (w *worker) denyFor(z *record.Zone, ttl uint32) {
	w.deny(z, false, min(ttl, w.reply.block.packed.negative[z.Index].TTL))
}

// appendTurn appends the addresses of an RRset, in the order of its next turn. If no address is
// answered now, it denies the RRset.
func (w *worker) appendTurn(owner []byte, found record.Result) bool {
	b := w.reply.block
	set := b.store.Set(found.Addresses).On(w.reply.board)
	who := w.whoFor(set)
	if who == nil || b.proofs.get(found.Addresses) == disproved || b.debug && set.Chooses() {
		return false
	}
	values := set.Len()
	if !set.IsPersonal() {
		values = set.AnswersNow(w.reply.board)
	}
	const head, pointer = 12, 2
	first := max(0, len(owner)-pointer)
	if first+values*(head+set.Width()) > w.message.Room() {
		return false
	}
	a := w.take(set, turn.Datagram, who)
	switch {
	case a.IsUnknown():
		return false
	case len(a.Order) == 0:
		w.denyFor(found.Zone, set.TTL)
	default:
		w.message.AppendAddresses(owner, w.query.Type, set.TTL, a.Order, set.Octets(), set.Width())
	}
	return true
}

// take takes the next turn of a set for the query, and counts it.
func (w *worker) take(set *policy.Set, class turn.Class, who *policy.Who) policy.Answer {
	if w.reply.isDry {
		a := set.See(w.reply.board, class, who)
		w.reply.scope = max(w.reply.scope, a.Scope)
		return a
	}
	a := set.Take(w.reply.board, class, who, w.order[:0])
	if len(a.Order) > 0 {
		w.order = a.Order
	}
	w.reply.scope = max(w.reply.scope, a.Scope)
	if class != turn.Additional {
		set.Count(&a)
		if a.FailsOpen() {
			w.reply.block.answers.FailedOpen(set.Choosing().Zone)
		}
	}
	return a
}

// appendCNAME appends the CNAME of a name, one of them where there are several, and returns where it
// leads. If none is answered now, it denies the RRset and returns nil.
func (w *worker) appendCNAME(name string, owner []byte, set *rrset, found record.Result) (*target, bool) {
	b, chosen := w.reply.block, 0
	if b.minimal { // it would take the authority section away, if the answer has one
		return nil, false
	}
	if several := b.store.CNAMEs(found.RRset); several != nil {
		from := several.For(w.query.Type)
		who := w.whoFor(from)
		if who == nil || b.debug || !b.packed.takesCNAMEs || w.message.Room() < b.packed.largest+farCNAMEs {
			return nil, false
		}
		order := w.take(from, turn.Datagram, who).Order
		if len(order) == 0 {
			w.denyFor(found.Zone, from.TTL)
			return nil, true
		}
		chosen = int(order[0])
	}
	w.message.AppendRRset(owner, &set.RRset, set.TTL, chosen, chosen+1)
	w.aliases[w.reply.cnames] = name
	w.reply.cnames++
	return &set.targets[chosen], true
}

// farCNAMEs is room for a name and the CNAMEs that it may lead to, in octets. Longer chains of CNAMEs
// that take turns may take them twice.
const farCNAMEs = 300

// refer makes the reply a referral to the name servers of a zone cut (RFC 1034 §4.3.2, step 3b).
func (w *worker) refer(ns *rrset, found record.Result) bool {
	w.reply.isReferral = w.message.Count(wire.Answer) == 0
	w.message.Open(wire.Authority)
	w.message.AppendRRset(ns.owner, &ns.RRset, ns.TTL, 0, ns.Len())
	if found.DS != nil && w.query.DO {
		ds := w.reply.block.packed.rrsets[found.DS]
		if ds == nil {
			return false
		}
		w.message.AppendRRset(ns.owner, &ds.RRset, ds.TTL, 0, ds.Len()) // RFC 4035 §3.1.4
	}
	w.message.Open(wire.Additional)
	for i := range ns.extras[:ns.glue] {
		for j, set := range ns.extras[i].sets {
			if set != nil && !w.appendAdditional(ns.extras[i].packed, record.AddressTypes[j], set) {
				return false
			}
		}
	}
	return w.appendExtras("", nil, ns, ns.glue, len(ns.extras))
}

// appendExtras appends what fits of an RRset's extras, from one on up to another, under the rules of
// the chain. The RRset is that of a name, with an owner as for appendFound. It reports false if the
// query is left to the chain.
func (w *worker) appendExtras(name string, owner []byte, set *rrset, from, to int) bool {
	if from == to {
		return true
	}
	w.reply.squeezed = true
	if w.reply.block.minimal && !w.reply.isReferral {
		return true // it would take them away
	}
	w.message.Open(wire.Additional)
	room, hasOwner := w.message.Room(), false
	included := uint64(1) // of services; bit 0 stands for the RRset itself
	for i := from; i < to; i++ {
		e := &set.extras[i]
		isOwner := e.isOwner || e.name == name
		if included>>min(e.from, maxServices)&1 == 0 || isOwner && hasOwner {
			continue
		}
		hasOwner = hasOwner || isOwner
		if e.service != nil && !isOwner && w.appendService(e, &room) {
			included |= 1 << min(i+1, maxServices)
		}
		if !w.appendPointee(e, name, owner, &room) {
			return false
		}
	}
	return true
}

// maxServices bounds the services of an RRset that are told apart.
const maxServices = 63

// appendService appends the SVCB or HTTPS records of an extra. It reports false if they do not fit.
func (w *worker) appendService(e *extra, room *int) bool {
	const fixed = 10 // type, class, TTL, length
	octets := e.service.Len()*(len(e.packed)+fixed) + e.service.DataOctets()
	if octets > *room {
		return false
	}
	*room -= octets
	w.message.AppendRRset(e.packed, &e.service.RRset, e.service.TTL, 0, e.service.Len())
	return true
}

// appendPointee appends the addresses of an extra, each RRset only if it fits.
func (w *worker) appendPointee(e *extra, name string, owner []byte, room *int) bool {
	if !e.isOwner {
		name, owner = e.name, e.packed
	}
	for i, rrtype := range record.AddressTypes {
		set := e.sets[i]
		if e.isOwner {
			set = w.reply.block.addressesAt(name, rrtype)
		}
		if set == nil {
			continue
		}
		set = set.On(w.reply.board)
		if octets := store.AdditionalOctets(set, name); octets <= *room {
			*room -= octets
			if !w.appendAdditional(owner, rrtype, set) {
				return false
			}
		}
	}
	return true
}

// addressesAt returns the A or AAAA RRset of a name, nil if it has none.
func (b *block) addressesAt(name string, rrtype uint16) *policy.Set {
	found := b.store.Table.Lookup(name, rrtype)
	if found.Kind != record.Addresses {
		return nil
	}
	return b.store.Set(found.Addresses)
}

// appendAdditional appends the addresses of a set in the order of the next turn of additional
// records. It reports false if that depends on what is not known here.
func (w *worker) appendAdditional(owner []byte, rrtype uint16, set *policy.Set) bool {
	set = set.On(w.reply.board)
	who := w.whoFor(set)
	if who == nil {
		return false
	}
	order := w.take(set, turn.Additional, who).Order
	w.message.AppendAddresses(owner, rrtype, set.TTL, order, set.Octets(), set.Width())
	return true
}
