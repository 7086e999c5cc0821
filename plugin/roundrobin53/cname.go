package roundrobin53

import (
	"context"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// follow asks this server for a CNAME's target that lies outside the plugin's zones, and adds the
// answer to m.
func (q *query) follow(m *dns.Msg, name string) {
	// Two blocks with CNAMEs into each other would call each other forever.
	loop, _ := q.ctx.Value(dnsserver.LoopKey{}).(int)
	if loop >= store.MaxCNAMEs {
		return
	}
	ctx := context.WithValue(q.ctx, dnsserver.LoopKey{}, loop+1)
	up, err := q.h.upstream.Lookup(ctx, request.Request{Req: q.r, W: q.w}, name, m.Question[0].Qtype)
	if err != nil || up == nil || up.Rcode == dns.RcodeRefused {
		return // nobody here knows the target: the CNAME is the answer, and the resolver follows it
	}
	if up.Rcode == dns.RcodeServerFailure {
		fail(m)
		return
	}
	m.Truncated = up.Truncated
	for _, rr := range up.Answer {
		if rr.Header().Rrtype == dns.TypeCNAME && hasCNAME(m.Answer, rr.Header().Name) {
			return // a loop: each of its CNAMEs is answered once (RFC 2181 §5)
		}
		m.Answer = append(m.Answer, dns.Copy(rr))
	}
	if q.isSigned() {
		return // a denial can't be proved behind a CNAME, see deny
	}
	m.Rcode = up.Rcode // the RCODE is that of the last name in the chain (RFC 6604 §3)
	for _, rr := range up.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, dns.Copy(rr)) // a copy, since the record may be another plugin's own
		}
	}
}
