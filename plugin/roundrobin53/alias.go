package roundrobin53

import (
	"context"
	"slices"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// follow asks this server for an alias's target that lies outside the plugin's zones, and adds what it says.
func (q *query) follow(m *dns.Msg, target string) {
	// Two blocks with aliases into each other would call each other forever.
	loop, _ := q.ctx.Value(dnsserver.LoopKey{}).(int)
	if loop >= maxAliases {
		fail(m)
		return
	}
	ctx := context.WithValue(q.ctx, dnsserver.LoopKey{}, loop+1)
	up, err := q.h.upstream.Lookup(ctx, request.Request{Req: q.r, W: q.w}, target, m.Question[0].Qtype)
	if err != nil || up == nil || up.Rcode == dns.RcodeRefused {
		return // nobody here knows the target: the alias is the answer, and the resolver goes on itself
	}
	if up.Rcode == dns.RcodeServerFailure {
		fail(m)
		return
	}
	m.Truncated = up.Truncated
	m.Answer = appendCopies(m.Answer, up.Answer)
	if q.isSigned() {
		return // a denial can't be proved behind an alias, see deny
	}
	m.Rcode = up.Rcode // the RCODE is that of the last name in the chain (RFC 6604 §3)
	isNoSOA := func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeSOA }
	m.Ns = appendCopies(m.Ns, slices.DeleteFunc(slices.Clone(up.Ns), isNoSOA))
}

// appendCopies appends copies of records that may be another plugin's own.
func appendCopies(rrs, others []dns.RR) []dns.RR {
	for _, rr := range others {
		rrs = append(rrs, dns.Copy(rr))
	}
	return rrs
}
