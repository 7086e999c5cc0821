package wire

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// pack returns a query, as a client packs it after change.
func pack(tb testing.TB, name string, qtype uint16, change func(*dns.Msg)) []byte {
	tb.Helper()
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.Id = 0x1234
	if change != nil {
		change(m)
	}
	packet, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return packet
}

// withOptions gives a query an OPT record with options.
func withOptions(options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = options
	}
}

func withFlags(change func(*dns.MsgHdr)) func(*dns.Msg) {
	return func(m *dns.Msg) { change(&m.MsgHdr) }
}

func subnet(family uint16, source uint8, address ...byte) func(*dns.Msg) {
	return withOptions(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: source, Address: address})
}

func TestParse(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 61)+".", 4) // 249 octets on the wire
	for _, row := range []struct {
		name   string
		packet []byte
		plain  bool
	}{
		{"A", pack(t, "app.example.org.", dns.TypeA, nil), true},
		{"any type", pack(t, "app.example.org.", dns.TypeMX, nil), true},
		{"letters, digits and what else stands for itself", pack(t, "_a-b.*.9$~!/.org.", dns.TypeA, nil), true},
		{"the longest name", pack(t, "abcde."+long, dns.TypeA, nil), true},
		{"EDNS", pack(t, "app.example.org.", dns.TypeA, withOptions()), true},
		{"DO", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, true) }), true},
		{"cookie", pack(t, "app.example.org.", dns.TypeA, withOptions(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"})), true},
		{"NSID and padding", pack(t, "app.example.org.", dns.TypeA, withOptions(&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_PADDING{Padding: make([]byte, 9)})), true},
		{"subnet", pack(t, "app.example.org.", dns.TypeA, subnet(1, 24, 192, 0, 2, 0)), true},
		{"flags", pack(t, "app.example.org.", dns.TypeA, withFlags(func(h *dns.MsgHdr) {
			h.RecursionDesired, h.CheckingDisabled, h.AuthenticatedData, h.Zero, h.Rcode = true, true, true, true, 3
		})), true},

		{"the root", pack(t, ".", dns.TypeA, nil), false},
		{"CHAOS", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), false},
		{"a dot in a label", pack(t, `a\.b.example.org.`, dns.TypeA, nil), false},
		{"an octet that is no letter", pack(t, `a\200b.example.org.`, dns.TypeA, nil), false},
		{"a response", pack(t, "app.example.org.", dns.TypeA, withFlags(func(h *dns.MsgHdr) { h.Response = true })), false},
		{"NOTIFY", pack(t, "app.example.org.", dns.TypeA, withFlags(func(h *dns.MsgHdr) { h.Opcode = dns.OpcodeNotify })), false},
		{"two questions", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), false},
		{"an answer record", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.Answer = []dns.RR{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}} }), false},
		{"an authority record", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.Ns = []dns.RR{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}} }), false},
		{"an additional record that is no OPT", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.SetTsig("key.", dns.HmacSHA256, 300, 0) }), false},
		{"two OPT records", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(512, false); m.SetEdns0(512, false) }), false},
		{"EDNS version 1", pack(t, "app.example.org.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(512, false); m.IsEdns0().SetVersion(1) }), false},
		{"an option that asks for something", pack(t, "app.example.org.", dns.TypeA, withOptions(&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE})), false},
		{"a short subnet", append(pack(t, "a.org.", dns.TypeA, nil)[:10], unhex(t, "0001 016103 6f726700 00010001 00 0029 04d0 00000000 0007 0008 0003 000118")...), false},
		{"a subnet of no family", pack(t, "app.example.org.", dns.TypeA, subnet(0, 0)), false},
		{"octets behind the question", append(pack(t, "app.example.org.", dns.TypeA, nil), 0), false},
		{"octets behind the OPT record", append(pack(t, "app.example.org.", dns.TypeA, withOptions()), 0), false},
		{"half an option", append(pack(t, "a.org.", dns.TypeA, nil)[:10], unhex(t, "0001 0161036f726700 00010001 00 0029 04d0 00000000 0002 000a")...), false},
		{"an option that is too long", append(pack(t, "a.org.", dns.TypeA, nil)[:10], unhex(t, "0001 0161036f726700 00010001 00 0029 04d0 00000000 0005 000a0002 00")...), false},
		{"no OPT where one is due", append(pack(t, "a.org.", dns.TypeA, nil)[:10], unhex(t, "0001 0161036f726700 00010001")...), false},
		{"nothing", nil, false},
		{"a header", pack(t, "app.example.org.", dns.TypeA, nil)[:12], false},
		{"half a label", pack(t, "app.example.org.", dns.TypeA, nil)[:15], false},
		{"no root", pack(t, "app.example.org.", dns.TypeA, nil)[:16], false},
		{"no type", pack(t, "app.example.org.", dns.TypeA, nil)[:30], false},
		{"a pointer", append(pack(t, "a.org.", dns.TypeA, nil)[:12], unhex(t, "c00c 0001 0001")...), false},
		{"a name that is too long", append(pack(t, "a.org.", dns.TypeA, nil)[:12], tooLong()...), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var q Query
			if got := q.Parse(row.packet); got != row.plain {
				t.Errorf("Parse: got %v, want %v", got, row.plain)
			}
			checkQuery(t, row.packet)
		})
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	octets, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// tooLong returns a question whose name has 256 octets, in labels that are right.
func tooLong() []byte {
	var question []byte
	for range 4 {
		question = append(append(question, 62), strings.Repeat("a", 62)...)
	}
	return append(question, 2, 'a', 'a', 0, 0, 1, 0, 1)
}

// checkQuery checks that miekg/dns reads a packet that is plain in the same way, and that the
// answer is the one it would make.
func checkQuery(t *testing.T, packet []byte) {
	t.Helper()
	var q Query
	if !q.Parse(packet) {
		return
	}
	var m dns.Msg
	if err := m.Unpack(packet); err != nil {
		t.Fatalf("%x is plain, but Unpack: %v", packet, err)
	}
	if m.Response || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 || len(m.Answer)+len(m.Ns) > 0 || len(m.Extra) > 1 {
		t.Fatalf("%x is plain, but Unpack makes of it:\n%v", packet, &m)
	}
	question, opt := m.Question[0], m.IsEdns0()
	if got, want := string(q.Name()), strings.ToLower(question.Name); got != want || q.Type != question.Qtype || question.Qclass != dns.ClassINET {
		t.Fatalf("Parse(%x): got %s %d, Unpack says %v", packet, got, q.Type, question)
	}
	hasSubnet := false
	if q.EDNS {
		for _, option := range opt.Option {
			hasSubnet = hasSubnet || option.Option() == dns.EDNS0SUBNET
		}
	}
	if q.EDNS != (opt != nil) || len(m.Extra) == 1 != q.EDNS || q.DO != (opt != nil && opt.Do()) || q.Subnet != hasSubnet {
		t.Fatalf("Parse(%x): EDNS %v, DO %v, Subnet %v, Unpack says %v", packet, q.EDNS, q.DO, q.Subnet, opt)
	}
	if q.Octets() != len(packet) || opt != nil && opt.Version() != 0 {
		t.Fatalf("Parse(%x): %d octets, Unpack says %v", packet, q.Octets(), opt)
	}
	for _, width := range []int{4, 16} {
		checkAnswer(t, &q, &m, width)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pack(f, "App.example.ORG.", dns.TypeA, nil))
	f.Add(pack(f, "app.example.org.", dns.TypeAAAA, withOptions(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"})))
	f.Add(pack(f, "app.example.org.", dns.TypeA, subnet(2, 56, make([]byte, 16)...)))
	f.Add(pack(f, `a\.b\200.example.org.`, dns.TypeA, nil))
	f.Fuzz(checkQuery)
}
