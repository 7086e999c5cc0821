package roundrobin53

import (
	"context"
	"slices"
	"strings"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A query is one query on its way to an answer.
type query struct {
	h        *Handler
	ctx      context.Context
	w        dns.ResponseWriter
	r        *dns.Msg
	store    *store.Store
	qname    string // lower-case
	class    turn.Class
	listener *listener

	subnet *clientSubnet // nil if the source address is the client's
}

// A reply holds the parts of an answer whose size is always the same, so that they take one
// allocation.
type reply struct {
	dns.Msg
	question [1]dns.Question
	extra    [1]dns.RR
	opt      dns.OPT
}

// echo puts the ECS option of the query into the answer, and returns it: the scope of the answer is
// set there (RFC 7871 §7.2.1).
func (rep *reply) echo(subnet *clientSubnet) *dns.EDNS0_SUBNET {
	option := *subnet.option
	rep.opt.Option = append(rep.opt.Option, &option)
	return &option
}

// newReply starts the answer to q, with an OPT record of its own if the query has one. The core
// would use the query's where a plugin brings none, and reserved EDNS flags would come back set
// (RFC 6891 §6.1.4). It is never inlined, see respond.
//
//go:noinline
func (q *query) newReply() *reply {
	rep := &reply{question: [1]dns.Question{q.r.Question[0]}}
	rep.MsgHdr = dns.MsgHdr{
		Id:               q.r.Id,
		Response:         true,
		Opcode:           q.r.Opcode,
		Authoritative:    true,
		RecursionDesired: q.r.RecursionDesired,
		CheckingDisabled: q.r.CheckingDisabled,
	}
	rep.Question = rep.question[:]
	if opt := q.r.IsEdns0(); opt != nil {
		rep.opt.Hdr = dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: wire.PayloadSize}
		if opt.Do() {
			rep.opt.SetDo()
		}
		rep.extra[0] = &rep.opt
		rep.Extra = rep.extra[:]
	}
	return rep
}

// answer makes the answer to q from what the table holds for its name and type.
func (q *query) answer(found record.Result) *dns.Msg {
	rep := q.newReply()
	m := &rep.Msg
	rcode := q.refusal()
	if rcode == dns.RcodeSuccess && !q.readSubnet(q.store.Zones[found.Zone.Index].ECS) {
		rcode = dns.RcodeFormatError
	}
	if rcode != dns.RcodeSuccess {
		m.Rcode = rcode
		m.Authoritative = false
		return m
	}
	if q.subnet == nil {
		q.resolve(m, found)
		return m
	}
	option := rep.echo(q.subnet) // before additional records, which get the room that is left
	q.resolve(m, found)
	option.SourceScope = uint8(q.subnet.scope) // known only now
	return m
}

// refuse makes the answer for a name that lies in no zone of this server.
func (q *query) refuse() *dns.Msg {
	m := &q.newReply().Msg
	m.Rcode, m.Authoritative = dns.RcodeRefused, false
	return m
}

// refusal returns the RCODE for a query that is not looked up, RcodeSuccess for all others. It is
// never inlined, see respond.
//
//go:noinline
func (q *query) refusal() int {
	switch {
	case q.r.Opcode != dns.OpcodeQuery: // NOTIFY: the others do not reach plugins
		return dns.RcodeNotImplemented
	case len(q.r.Question) != 1: // RFC 9619; streams that are not read by miekg/dns bring such
		return dns.RcodeFormatError
	case hasTwoOPT(q.r.Extra): // RFC 6891 §6.1.1
		return dns.RcodeFormatError
	case q.r.Question[0].Qclass != dns.ClassINET, isTransfer(q.r.Question[0].Qtype):
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

func hasTwoOPT(extra []dns.RR) bool {
	found := false
	for _, rr := range extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			if found {
				return true
			}
			found = true
		}
	}
	return false
}

// resolve fills m with what was found, following CNAMEs.
func (q *query) resolve(m *dns.Msg, found record.Result) {
	// The answer carries the owner name as it was asked (0x20), unless it is signed: the dnssec
	// plugin keeps signatures by the text of the RRset, letter case included, and would make one
	// for each spelling.
	owner := m.Question[0].Name
	if q.isSigned() {
		owner = q.qname
	}
	for {
		if found.Kind == record.Addresses {
			q.appendTurn(m, owner, &found)
			return
		}
		cname := q.append(m, owner, found)
		if cname == nil || len(m.Answer) > store.MaxCNAMEs || hasCNAME(m.Answer, cname.Target) {
			return
		}
		owner = cname.Target
		var name string
		name, found = q.find(owner, m.Question[0].Qtype)
		if found.Kind == record.Outside || q.h.passes(q.store, q.r, name, found) {
			q.follow(m, owner)
			return
		}
	}
}

// append adds to m what was found for one name, other than addresses. It returns the CNAME to
// follow, nil if there is none. It is never inlined, see respond.
//
//go:noinline
func (q *query) append(m *dns.Msg, owner string, found record.Result) *dns.CNAME {
	switch found.Kind {
	case record.RRs:
		if found.RRset.Type == dns.TypeCNAME { // asked for itself
			q.appendCNAME(m, owner, found)
			break
		}
		start := len(m.Answer)
		m.Answer = appendRRs(m.Answer, owner, found.RRset.RRs)
		if found.RRset.Type == dns.TypeSOA {
			found.Zone.Stamp(m.Answer[start:])
		}
		q.addAdditional(m, m.Answer[start:])
	case record.Any:
		// RFC 8482 §4.2: one record without content, so that nobody can use us for amplification.
		hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: found.Zone.SOA().Hdr.Ttl}
		m.Answer = append(m.Answer, &dns.HINFO{Hdr: hdr, Cpu: store.AnyCPU})
	case record.Delegation:
		if len(m.Answer) == 0 || !q.isSigned() { // see deny: a referral behind a CNAME can't be signed
			q.refer(m, found)
		}
	case record.CNAME:
		return q.appendCNAME(m, owner, found)
	default: // NoData, NXDomain
		q.deny(m, found)
	}
	return nil
}

// hasCNAME reports whether an answer has the CNAME of a name already.
func hasCNAME(answer []dns.RR, name string) bool {
	return slices.ContainsFunc(answer, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeCNAME && strings.EqualFold(rr.Header().Name, name)
	})
}

// fail makes m a SERVFAIL without records.
func fail(m *dns.Msg) {
	m.Rcode, m.Authoritative = dns.RcodeServerFailure, false
	m.Answer, m.Ns = nil, nil
}

// deny fills m with a negative answer (RFC 2308).
func (q *query) deny(m *dns.Msg, found record.Result) {
	if q.isSigned() && len(m.Answer) > 0 {
		// The dnssec plugin can't prove the denial at the end of a CNAME, and a validating resolver
		// would not believe it without proof. The CNAME alone is true, and the resolver gets a
		// signed denial when it asks for the target.
		return
	}
	m.Ns = appendRRs(nil, found.Zone.Origin, found.Zone.Negative)
	found.Zone.Stamp(m.Ns)
	if found.Kind == record.NXDomain {
		m.Rcode = dns.RcodeNameError // also behind a CNAME: RFC 6604 §3
	}
}

// denyFor fills m with the denial of an RRset none of whose values is answered now. The denial
// lives no longer than the values would, since one of them may come back. It is never inlined, see
// respond.
//
//go:noinline
func (q *query) denyFor(m *dns.Msg, zone *record.Zone, ttl uint32) {
	if q.deny(m, record.Result{Kind: record.NoData, Zone: zone}); len(m.Ns) > 0 {
		m.Ns[0].Header().Ttl = min(m.Ns[0].Header().Ttl, ttl)
	}
}

// isSigned reports whether the answer is going to be signed.
func (q *query) isSigned() bool {
	if !q.h.block.signed {
		return false
	}
	opt := q.r.IsEdns0()
	return opt != nil && opt.Do()
}

// appendTurn appends the addresses of an RRset to m, in the order of its next turn. If no address
// is answered now, it denies the RRset.
func (q *query) appendTurn(m *dns.Msg, owner string, found *record.Result) {
	set, board := q.store.Now(found.Addresses)
	var buf [64]uint16 // most RRsets fit: then the order takes no allocation
	a := q.take(set, board, buf[:0])
	switch {
	case a.IsUnknown():
		fail(m) // the names of the values were never resolved, so nobody knows what is true
	case len(a.Order) == 0:
		q.denyFor(m, found.Zone, set.TTL)
	default:
		m.Answer = appendAddresses(m.Answer, set, owner, a.Order)
	}
}

// appendCNAME appends the CNAME of a name to m, one of them where there are several, and returns
// it. If none is answered now, it denies the RRset and returns nil. It is never inlined, see
// respond.
//
//go:noinline
func (q *query) appendCNAME(m *dns.Msg, owner string, found record.Result) *dns.CNAME {
	rrs := found.RRset.RRs
	if several := q.store.CNAMEs(found.RRset); several != nil {
		set := several.For(m.Question[0].Qtype)
		var buf [1]uint16
		order := q.take(set, q.store.Verdicts.Board(), buf[:0]).Order
		if len(order) == 0 {
			q.denyFor(m, found.Zone, set.TTL)
			return nil
		}
		rrs = rrs[order[0] : order[0]+1]
	}
	m.Answer = appendRRs(m.Answer, owner, rrs)
	return rrs[0].(*dns.CNAME)
}

// size returns the largest answer that the client takes, in octets.
func (q *query) size() int {
	state := request.Request{Req: q.r, W: q.w}
	return state.Size()
}
