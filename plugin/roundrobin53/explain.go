package roundrobin53

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
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
		Who: func(needs policy.Needs) *policy.Who {
			who := asker.who(needs)
			return &who
		},
		Known: q.h.known(), Client: textOf(q.network()), From: explain.FromSource, Probe: q.h.probeOf,
	}
	if q.subnet != nil {
		e.From = explain.FromECS
	}
	return e
}

// known returns the function that returns the sets of names among the values; nil if nobody looks
// them up.
func (h *Handler) known() func(lookup.Question) lookup.Set {
	if h.instance == nil || h.instance.names == nil || h.instance.names.lookups == nil {
		return nil
	}
	return h.instance.names.get
}

// textOf writes a network, and an address without its length.
func textOf(network netip.Prefix) string {
	if network.IsSingleIP() {
		return network.Addr().String()
	}
	return network.String()
}

// probeOf describes the verdict and the latest probe of a target of the handler's store.
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

// published holds the facts about a query's answer that its metadata show. They are put into words
// only when somebody asks.
type published struct {
	set *policy.Set // nil if no set was asked
	outcome
}

// An outcome describes an answer of a set, in numbers: a pointer into the answer would put the
// answer onto the heap, for all queries.
type outcome struct {
	first    int // value that the answer begins with; none if it has none
	group    int // of the set; none if no group is for the client, or turns alone decide
	tier     int
	failOpen bool
}

const none = -1

func outcomeOf(set *policy.Set, board *policy.Board, a *policy.Answer) outcome {
	o := outcome{first: none, group: none, tier: 1, failOpen: a.FailsOpen()}
	if len(a.Order) > 0 {
		o.first = int(a.Order[0])
	}
	if a.Choice != nil {
		o.group, o.tier = set.GroupOf(board, a.Choice), a.Choice.Priority()
	}
	return o
}

// publishedKey is the key of published in the context of a query.
type publishedKey struct{}

// Metadata implements metadata.Provider. The values are those of the last RRset that a query took a
// turn of, so that they are empty until it is answered.
func (h *Handler) Metadata(ctx context.Context, _ request.Request) context.Context {
	if !h.block.tells {
		return ctx
	}
	p := new(published)
	for label, value := range map[string]func() string{"value": p.value, "route": p.route, "tier": p.priority, "failopen": p.failsOpen} {
		metadata.SetValueFunc(ctx, pluginName+"/"+label, value)
	}
	return context.WithValue(ctx, publishedKey{}, p)
}

// publish keeps the outcome of a set for the metadata of the query.
func (q *query) publish(set *policy.Set, o outcome) {
	if p, ok := q.ctx.Value(publishedKey{}).(*published); ok {
		*p = published{set, o}
	}
}

func (p *published) value() string {
	if p.set == nil || p.first == none {
		return ""
	}
	return p.set.Value(p.first)
}

func (p *published) route() string {
	switch {
	case p.set == nil:
		return ""
	case p.group != none:
		return p.set.Groups()[p.group].Name
	case p.set.Chooses():
		return "" // no group is for the client
	}
	return policy.ForAll
}

func (p *published) priority() string {
	if p.set == nil {
		return ""
	}
	return strconv.Itoa(p.tier)
}

func (p *published) failsOpen() string {
	if p.set == nil {
		return ""
	}
	return strconv.FormatBool(p.failOpen)
}
