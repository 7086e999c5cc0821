package roundrobin53

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// handler returns what a directive gives, started but for the servers.
func handler(tb testing.TB, directive string) *Handler {
	tb.Helper()
	c := caddy.NewTestController("dns", directive)
	c.ServerBlockKeys = []string{"dns://example.org.:53"}
	conf, err := config.Parse(c, surroundings(c))
	if err != nil {
		tb.Fatal(err)
	}
	served, err := store.Build(conf)
	if err != nil {
		tb.Fatal(err)
	}
	h := newHandler(served)
	h.instance = newInstance()
	h.block.keys, h.block.config = c.ServerBlockKeys, dnsserver.GetConfig(c)
	store.Adopt([]*store.Served{{Store: served}}, nil, time.Unix(1_700_000_000, 0))
	h.Next = plugin.HandlerFunc(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) {
		return dns.RcodeSuccess, errPassed
	})
	return h
}

// The plugin behind a handler under test returns errPassed.
var errPassed = fmt.Errorf("passed on")

// discard is a writer that keeps the last message.
type discard struct {
	test.ResponseWriter
	m     *dns.Msg
	asked int // how often for the address of the client
}

func (d *discard) RemoteAddr() net.Addr {
	d.asked++
	return d.ResponseWriter.RemoteAddr()
}

func (d *discard) WriteMsg(m *dns.Msg) error {
	d.m = m
	return nil
}

// serverContext returns the context of a query to a server.
func serverContext(addr string) context.Context {
	return context.WithValue(context.Background(), dnsserver.Key{}, &dnsserver.Server{Addr: addr})
}

func query1(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype)
}

// zoneOfEverything has a line for each branch of an answer.
const zoneOfEverything = `roundrobin53 {
	ns ns1 192.0.2.53
	record app 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1 2001:db8::2
	record counted A 192.0.2.1 192.0.2.2 metrics
	record any A 192.0.2.1 192.0.2.2 order random
	record www CNAME app
	record loop CNAME {
		value loop weight 99
		value app
	}
	record out CNAME app.example.net.
	record gone CNAME nope
	record lacking CNAME text
	record text TXT text
	record @ MX 10 app
	record @ HTTPS 1 app alpn=h2
	record _sip._tcp SRV 0 5 5060 app
	record *.wild A 192.0.2.1 192.0.2.2
	record sub NS ns.sub.example.org.
	record sub DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
	record ns.sub A 192.0.2.54
	record a.b.c TXT deep
	ecs
	network near 10.0.0.0/8
	check web http://:80/
	record checked A 192.0.2.1 192.0.2.2 check web metrics
	record down A 192.0.2.9 check web all_down none
	record drained A 192.0.2.1 drain
	record weighted A 192.0.2.1 weight 2 answers all {
		value 192.0.2.2 192.0.2.3 weight 1
	}
	record sticky A 192.0.2.1 192.0.2.2 order sticky
	record routed A 192.0.2.1 from near {
		value 192.0.2.2 from 10.240.0.0/16
	}
	record several CNAME app weighted.example.org. nope.example.org.
	record none CNAME app drain
	record same ALIAS app
	record @ SRV 0 5 5060 checked
}`

// TestAllocations holds the allocation budget of an answer. With 8 addresses: the reply with its
// question, OPT and lists of one; the list of the answer; the records; their octets. An owner name
// asked in capitals adds its lower-case copy.
func TestAllocations(t *testing.T) {
	const eight = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8"
	h := handler(t, `roundrobin53 {
		check web http://:80/
		record app `+eight+` 2001:db8::1 2001:db8::2
		record checked `+eight+` check web
		record standby `+eight+` check web {
			value 192.0.2.9 priority 2
		}
		record weighted `+eight+` weight 70 answers 8 {
			value 192.0.2.9 weight 30
		}
		record random `+eight+` weight 70 answers 8 order random {
			value 192.0.2.9 weight 30
		}
		record sticky `+eight+` order sticky answers 8
		record routed `+eight+` from 10.0.0.0/8 {
			value `+eight+` from 10.240.0.0/16
			value 192.0.2.9
		}
	}`)
	ctx := serverContext("dns://:53")
	edns := query1("app.example.org.", dns.TypeA)
	edns.SetEdns0(1232, false)
	for _, row := range []struct {
		name string
		r    *dns.Msg
		want float64
	}{
		{"8 A", query1("app.example.org.", dns.TypeA), 4},
		{"8 A with EDNS", edns, 4},
		{"2 AAAA", query1("app.example.org.", dns.TypeAAAA), 4},
		{"8 A in capitals", query1("APP.example.org.", dns.TypeA), 5},
		{"8 A with a check", query1("checked.example.org.", dns.TypeA), 4},
		{"8 A with a standby", query1("standby.example.org.", dns.TypeA), 4},
		{"8 A by weight", query1("weighted.example.org.", dns.TypeA), 4},
		{"8 A by weight at random", query1("random.example.org.", dns.TypeA), 4},
		{"8 A for a network", query1("routed.example.org.", dns.TypeA), 4},
		{"8 A, sticky", query1("sticky.example.org.", dns.TypeA), 4},
		{"NODATA", query1("app.example.org.", dns.TypeTXT), 3}, // the reply, the authority section, the SOA
		{"NXDOMAIN", query1("nope.example.org.", dns.TypeA), 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := new(discard)
			got := testing.AllocsPerRun(999, func() {
				if _, err := h.ServeDNS(ctx, w, row.r); err != nil {
					t.Fatal(err)
				}
			})
			if n := len(w.m.Answer); strings.HasPrefix(row.name, "8 A") && n != 8 {
				t.Fatalf("%d records, want 8", n)
			}
			// test.ResponseWriter makes an address at each call: that is not the answer's.
			got -= float64(w.asked) / 1000 * // runs, with the one that warms up
				testing.AllocsPerRun(1000, func() { w.ResponseWriter.RemoteAddr() })
			if got > row.want {
				t.Errorf("%v allocations, want at most %v", got, row.want)
			}
		})
	}
}

// TestWriteErrorIsReturned guards the log of the errors plugin.
func TestWriteErrorIsReturned(t *testing.T) {
	h := handler(t, zoneOfEverything)
	if _, err := h.ServeDNS(context.Background(), new(broken), query1("app.example.org.", dns.TypeA)); err != net.ErrClosed { //nolint:errorlint // it is to come back as it is
		t.Errorf("error %v, want that of the writer", err)
	}
}

type broken struct{ test.ResponseWriter }

func (broken) WriteMsg(*dns.Msg) error { return net.ErrClosed }

// TestTwoQuestions guards against messages that streams of HTTP let through: one question is all
// there is to answer (RFC 9619).
func TestTwoQuestions(t *testing.T) {
	h := handler(t, zoneOfEverything)
	r := query1("app.example.org.", dns.TypeA)
	r.Question = append(r.Question, r.Question[0])
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("https://:443"), w, r); err != nil || w.m.Rcode != dns.RcodeFormatError || len(w.m.Answer) > 0 {
		t.Errorf("error %v, answer\n%s\nwant FORMERR", err, w.m)
	}
}

// TestNoRoomForAddresses guards an answer that fills the client's buffer by itself: nothing is
// added to it.
func TestNoRoomForAddresses(t *testing.T) {
	var directive strings.Builder
	for i := range 30 {
		fmt.Fprintf(&directive, "record @ MX 10 mail%d\nrecord mail%d A 192.0.2.1\n", i, i)
	}
	h := handler(t, "roundrobin53 {\n"+directive.String()+"}")
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("example.org.", dns.TypeMX)); err != nil {
		t.Fatal(err)
	}
	if len(w.m.Answer) != 30 || len(w.m.Extra) != 0 {
		t.Errorf("%d MX records, %d addresses, want 30 and 0", len(w.m.Answer), len(w.m.Extra))
	}
}

// TestNoRoomForServices guards an answer whose alias leads to more services than the client's buffer holds: none is added.
func TestNoRoomForServices(t *testing.T) {
	var directive strings.Builder
	for i := range 30 {
		fmt.Fprintf(&directive, "record svc HTTPS %d a-server-with-a-long-name-%d.example.net. alpn=h2,h3\n", i+1, i)
	}
	h := handler(t, "roundrobin53 {\nrecord @ HTTPS 0 svc\n"+directive.String()+"}")
	w := new(discard)
	if _, err := h.ServeDNS(serverContext("dns://:53"), w, query1("example.org.", dns.TypeHTTPS)); err != nil {
		t.Fatal(err)
	}
	if len(w.m.Answer) != 1 || len(w.m.Extra) != 0 {
		t.Errorf("%d HTTPS records, %d additional, want 1 and 0", len(w.m.Answer), len(w.m.Extra))
	}
}

// TestTransportClass guards the counters' split: a query over QUIC comes over a UDP socket, but is
// none.
func TestTransportClass(t *testing.T) {
	h := handler(t, zoneOfEverything)
	tcp := &discard{ResponseWriter: test.ResponseWriter{TCP: true}}
	for addr, want := range map[string]string{
		"dns://:53": "datagram stream", "quic://:853": "stream stream", "https://:443": "stream stream", "": "datagram stream",
	} {
		srv := h.listener(serverContext(addr))
		got := fmt.Sprintf("%s %s", className(asker.Class(t.Context(), new(discard), srv.stream)), className(asker.Class(t.Context(), tcp, srv.stream)))
		if got != want {
			t.Errorf("%q: over a UDP and a TCP socket: %s, want %s", addr, got, want)
		}
	}
}

func className(class turn.Class) string {
	if class == turn.Datagram {
		return "datagram"
	}
	return "stream"
}

// FuzzServeDNS asks with arbitrary messages: nothing panics, and what is answered packs, echoes the
// question, and has a negative answer's one SOA.
func FuzzServeDNS(f *testing.F) {
	h := handler(f, zoneOfEverything)
	for name := range strings.FieldsSeq("checked down drained weighted sticky routed several none same app counted any www loop out gone lacking text @ _sip._tcp x.wild sub x.sub b.c nope App") {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeMX, dns.TypeHTTPS, dns.TypeNS, dns.TypeDS, dns.TypeSOA, dns.TypeAXFR} {
			m := query1(config.Below(name, "example.org."), qtype)
			if name == "@" {
				m = query1("example.org.", qtype)
			}
			for _, do := range []bool{false, true} {
				m.Extra = nil
				m.SetEdns0(4096, do)
				if do {
					subnet := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 16, Address: net.IP{10, 240, 0, 0}}
					m.IsEdns0().Option = append(m.IsEdns0().Option, subnet)
				}
				packed, err := m.Pack()
				if err != nil {
					f.Fatal(err)
				}
				f.Add(packed)
			}
		}
	}
	var verdicts []policy.Verdict
	for i, target := range h.Store().Targets {
		verdicts = append(verdicts, policy.Verdict{Target: i, Up: target.Address != netip.MustParseAddr("192.0.2.9")})
	}
	h.Store().Verdicts.Update(verdicts, time.Now())
	ctx := serverContext("dns://:53")
	f.Fuzz(func(t *testing.T, packed []byte) {
		r := new(dns.Msg)
		if err := r.Unpack(packed); err != nil || len(r.Question) == 0 {
			return // the core drops these
		}
		for _, signed := range []bool{false, true} {
			h.block.signed = signed
			w := new(discard)
			if _, err := h.ServeDNS(ctx, w, r.Copy()); err == nil {
				checkReply(t, r, w.m)
			}
		}
	})
}

// checkReply checks what every answer has to keep.
func checkReply(t *testing.T, r, m *dns.Msg) {
	t.Helper()
	if _, err := m.Pack(); err != nil {
		t.Fatalf("the answer does not pack: %v\n%s", err, m)
	}
	if m.Id != r.Id || !m.Response || len(m.Question) != 1 || m.Question[0] != r.Question[0] {
		t.Errorf("the answer is not to the question:\n%s\n%s", r, m)
	}
	if (m.IsEdns0() != nil) != (r.IsEdns0() != nil) {
		t.Errorf("the OPT record of query and answer:\n%s\n%s", r, m)
	}
	negative := m.Rcode == dns.RcodeNameError || m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && m.Authoritative
	if negative && (len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA) {
		t.Errorf("a negative answer without its one SOA:\n%s", m)
	}
	for i, rr := range m.Answer {
		for _, other := range m.Answer[:i] {
			if dns.IsDuplicate(rr, other) {
				t.Errorf("an answer is a set:\n%s", m)
			}
		}
	}
}

func BenchmarkServeDNS(b *testing.B) {
	for _, names := range []int{1, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			h := handler(b, manyNames(names))
			ctx := serverContext("dns://:53")
			w := new(discard)
			r := query1("example.org.", dns.TypeA)
			var name [64]byte // written anew for each query: a real one comes from a buffer that was just filled
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r.Question[0].Name = string(append(strconv.AppendInt(append(name[:0], "name"...), int64(i), 10), ".example.org."...))
				if _, err := h.ServeDNS(ctx, w, r); err != nil {
					b.Fatal(err)
				}
				if i += 7919; i >= names {
					i %= names
				}
			}
		})
	}
}

// BenchmarkPolicies compares what the ways to choose among 8 addresses cost.
func BenchmarkPolicies(b *testing.B) {
	const values = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8"
	for _, row := range []struct{ name, options string }{
		{"turns", ""},
		{"checked", "check web"},
		{"tiers", "check web {\nvalue 192.0.2.9 priority 2\n}"},
		{"weighted", "weight 70 answers 8 {\nvalue 192.0.2.9 weight 30\n}"},
		{"networks", "from 10.0.0.0/8 {\nvalue 192.0.2.9\n}"},
		{"sticky", "order sticky answers 8"},
	} {
		b.Run(row.name, func(b *testing.B) {
			h := handler(b, "roundrobin53 {\ncheck web http://:80/\nrecord app A "+values+" "+row.options+"\n}")
			ctx := serverContext("dns://:53")
			w := new(discard)
			r := query1("app.example.org.", dns.TypeA)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.ServeDNS(ctx, w, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBoardChange measures one verdict that changes among a million values: one that 8 names
// have, and one that all have.
func BenchmarkBoardChange(b *testing.B) {
	for _, row := range []struct {
		name    string
		address func(name, value int) string
	}{
		{"one of a million", func(name, value int) string {
			i := name*8 + value
			return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
		}},
		{"all of a million", func(_, value int) string { return fmt.Sprintf("10.0.0.%d", value) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			var directive strings.Builder
			directive.WriteString("roundrobin53 {\ncheck web http://:80/\n")
			for name := range 125_000 {
				fmt.Fprintf(&directive, "record name%d A", name)
				for value := range 8 {
					directive.WriteString(" " + row.address(name, value))
				}
				directive.WriteString(" check web\n")
			}
			directive.WriteString("}\n")
			h := handler(b, directive.String())
			up := false
			for b.Loop() {
				h.Store().Verdicts.Update([]policy.Verdict{{Target: 0, Up: up}}, time.Now())
				up = !up
			}
		})
	}
}

// manyNames returns a directive with names of 8 addresses each.
func manyNames(names int) string {
	var b strings.Builder
	b.WriteString("roundrobin53 {\n")
	for i := range names {
		fmt.Fprintf(&b, "record name%d A", i)
		for j := range 8 {
			fmt.Fprintf(&b, " 10.%d.%d.%d", i>>13&255, i>>5&255, i<<3&255|j)
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}

// BenchmarkLoad reads a Corefile of 100,000 records in 12,500 names.
func BenchmarkLoad(b *testing.B) {
	directive := manyNames(12_500)
	b.ReportAllocs()
	for b.Loop() {
		handler(b, directive)
	}
}
