package roundrobin53

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// Explain tells what a query over UDP would get next, and why. The client is an address or, where a
// zone heeds ECS, a network. Explain takes no turn and delays no query.
func (h *Handler) Explain(name string, qtype uint16, client netip.Prefix) *explain.Document {
	w := asked{address: net.UDPAddrFromAddrPort(netip.AddrPortFrom(client.Addr(), 0))}
	r := new(dns.Msg).SetQuestion(name, qtype)
	if !client.IsSingleIP() {
		addSubnet(r, client)
	}
	q := &query{h: h, ctx: h.locate(w, r), w: w, r: r, store: h.store.Load(), class: turn.Datagram}
	qname, found := q.find(name, qtype)
	if q.qname = qname; found.Zone != nil {
		q.readSubnet(q.store.Zones[found.Zone.Index].ECS) // it is well-formed
	}
	asked := q.explainQuery()
	asked.From = explain.FromAsked
	return explain.Of(q.store, asked)
}

// explainQuery makes what explain has to know of a query.
func (q *query) explainQuery() *explain.Query {
	asker := *q // a copy, since it goes to the heap, and no query shall that is not explained
	e := &explain.Query{
		Name: q.qname, Type: q.r.Question[0].Qtype, Class: q.class, Now: time.Now(), HasNext: q.h.Next != nil,
		Who: asker.whoFor, Client: textOf(q.network()), From: explain.FromSource, Probe: q.h.probeOf,
	}
	if q.subnet != nil {
		e.From = explain.FromECS
	}
	return e
}

// textOf writes a network, and an address without its length.
func textOf(network netip.Prefix) string {
	if network.IsSingleIP() {
		return network.Addr().String()
	}
	return network.String()
}

// probeOf returns what is known of the probes of a target of the handler's store.
func (h *Handler) probeOf(target int) explain.Probe {
	if h.instance == nil {
		return explain.Probe{}
	}
	latest := h.instance.prober.latest(h.store.Load().TargetKey(target))
	return explain.Probe{Since: latest.Since, Reason: latest.Reason}
}

// locate returns a context with what the geoip plugin of the server block says of a client, as a
// query has it.
func (h *Handler) locate(w dns.ResponseWriter, r *dns.Msg) context.Context {
	ctx := metadata.ContextWithMetadata(context.Background())
	if h.block.config == nil {
		return ctx
	}
	if provider, ok := h.block.config.Handler("geoip").(metadata.Provider); ok {
		return provider.Metadata(ctx, request.Request{W: w, Req: r})
	}
	return ctx
}

// addSubnet adds an ECS option with a client's network to a query.
func addSubnet(r *dns.Msg, client netip.Prefix) {
	subnet := &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: familyIPv4, SourceNetmask: uint8(client.Bits()), Address: client.Masked().Addr().AsSlice(),
	}
	if client.Addr().Is6() {
		subnet.Family = familyIPv6
	}
	r.SetEdns0(dns.DefaultMsgSize, false)
	r.IsEdns0().Option = append(r.IsEdns0().Option, subnet)
}

// asked stands for the connection of a client whose query is only thought of.
type asked struct {
	dns.ResponseWriter
	address net.Addr
}

// RemoteAddr implements dns.ResponseWriter.
func (a asked) RemoteAddr() net.Addr { return a.address }

// LocalAddr implements dns.ResponseWriter.
func (a asked) LocalAddr() net.Addr { return a.address }

// logWhy logs why an answer has the values it has. What is said of other values is of a moment later.
func (q *query) logWhy(set *policy.Set, order []uint16) {
	d := explain.Set(q.store, q.explainQuery(), set)
	d.Answer = nil
	for _, value := range order {
		d.Answer = append(d.Answer, set.Value(int(value)))
	}
	log.Debug(strings.TrimSpace(d.Line()))
}
