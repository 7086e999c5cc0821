//go:build linux

package fastpath

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastHostilePackets sends packets of which each is wrong or unusual in one way, whatever octet that is in. They must be
// answered, or not, as by the chain alone.
func TestFastHostilePackets(t *testing.T) {
	server.NoPanics(t)
	const block = `example.org:%s {
		bind 127.0.0.1
		roundrobin53 {
			%s
			ecs
			record app A {
				value 192.0.2.1 from 127.0.0.0/8
				value 192.0.2.2 from 198.51.100.0/24
				value 192.0.2.3
			}
			record app AAAA 2001:db8::1 2001:db8::2
			record mail MX 10 app
			record lb CNAME app
		}
	}
	`
	other := server.FreePort(t)
	_, port := server.StartFast(t, fmt.Sprintf(block, "PORT", "fastpath")+fmt.Sprintf(block, other, ""))
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX} { // so that the fast path is proved
		server.AskFast(t, "127.0.0.1:"+port, server.Question("app.example.org", qtype))
	}
	packets := hostilePackets(t)
	for i := range packets {
		packets[i] = slices.Clone(packets[i])
		if len(packets[i]) >= 2 {
			binary.BigEndian.PutUint16(packets[i], uint16(i))
		}
	}
	t.Logf("%d packets", len(packets))
	comparePackets(t, packets, "127.0.0.1:"+port, "127.0.0.1:"+other)
}

// hostilePackets are packets that are near to plain queries.
func hostilePackets(t *testing.T) [][]byte {
	t.Helper()
	plain := packed(t, plainQuery())
	full := packed(t, server.WithOPT(plainQuery(), 0x8000, server.CookieOption, server.SubnetOption("198.51.100.0/24"), server.NSIDOption))
	packets := slices.Concat(damaged(plain), damaged(full))
	for opcode := range 16 {
		for _, flags := range []uint16{0, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 15} {
			changed := slices.Clone(plain)
			binary.BigEndian.PutUint16(changed[2:], uint16(opcode)<<11|flags)
			packets = append(packets, changed)
		}
	}
	for _, m := range slices.Concat(unusualQuestions(), unusualSubnets(), unusualRecords(t)) {
		packets = append(packets, packed(t, m))
	}
	return append(packets, unusualNames()...)
}

func plainQuery() *dns.Msg { return server.Question("app.example.org", dns.TypeA) }

func packed(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	octets, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// damaged is a packet, and what becomes of it when one of its octets is another, goes or comes, or its end is missing.
func damaged(packet []byte) [][]byte {
	packets := [][]byte{packet, append(slices.Clone(packet), 0)}
	for at := 2; at < len(packet); at++ {
		with := func(octet byte) {
			changed := slices.Clone(packet)
			changed[at] = octet
			packets = append(packets, changed)
		}
		for bit := range 8 {
			with(packet[at] ^ 1<<bit)
		}
		for _, octet := range []byte{0, 0x40, 0x80, 0xC0, 0xFF} {
			with(octet)
		}
		packets = append(packets, packet[:at], slices.Insert(slices.Clone(packet), at, 0), slices.Delete(slices.Clone(packet), at, at+1))
	}
	return packets
}

// unusualQuestions are queries of all kinds of classes and types, with EDNS flags that mean nothing, and with two questions.
func unusualQuestions() []*dns.Msg {
	var queries []*dns.Msg
	for _, class := range []uint16{0, dns.ClassINET, dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 0x8001} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeTXT, dns.TypeDS, dns.TypeIXFR, dns.TypeOPT, dns.TypeTSIG, dns.TypeMAILB, 0, 65535} {
			m := server.Question("app.example.org", qtype)
			m.Question[0].Qclass = class
			queries = append(queries, m, server.WithOPT(m.Copy(), 0))
		}
	}
	for _, name := range []string{"mail.example.org", "lb.example.org", "none.example.org", "APP.example.ORG"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeCNAME, dns.TypeANY} {
			for _, flags := range []uint16{0, 0x8000, 0x7FFF, 0xFFFF} {
				queries = append(queries, server.WithOPT(server.Question(name, qtype), flags, server.CookieOption, server.PaddingOption))
			}
		}
	}
	two := plainQuery()
	two.Question = append(two.Question, two.Question[0])
	return append(queries, two)
}

// unusualSubnets are queries with ECS options of all kinds, alone and twice.
func unusualSubnets() []*dns.Msg {
	var queries []*dns.Msg
	for _, family := range []uint16{0, 1, 2, 3, 65535} {
		for _, source := range []byte{0, 1, 8, 24, 32, 33, 64, 128, 129, 255} {
			for _, scope := range []byte{0, 1, 24, 255} {
				for _, octets := range []int{0, 1, 3, 4, 5, 8, 16, 17} {
					value := make([]byte, 4+octets)
					binary.BigEndian.PutUint16(value, family)
					value[2], value[3] = source, scope
					copy(value[4:], []byte{198, 51, 100})
					queries = append(queries, server.WithOPT(plainQuery(), 0, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: value}))
				}
			}
		}
	}
	options := []dns.EDNS0{
		server.SubnetOption("198.51.100.0/24"), server.SubnetOption("127.0.0.0/8"), server.SubnetOption("0.0.0.0/0"), &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET},
	}
	for _, first := range options {
		for _, second := range options {
			queries = append(queries, server.WithOPT(plainQuery(), 0, first, second))
		}
	}
	return queries
}

// unusualRecords are queries with options of all codes, with other OPT records than clients send, and with records that are
// signatures or have no place in a query.
func unusualRecords(t *testing.T) []*dns.Msg {
	t.Helper()
	var queries []*dns.Msg
	for code := range uint16(24) {
		for _, length := range []int{0, 1, 2, 4, 7, 8, 16, 40, 41} {
			queries = append(queries, server.WithOPT(plainQuery(), 0, &dns.EDNS0_LOCAL{Code: code, Data: make([]byte, length)}))
		}
	}
	key := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: "key.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: dns.HmacSHA256, MACSize: 4, MAC: "01020304", Fudge: 300,
	}
	sig := &dns.SIG{RRSIG: dns.RRSIG{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSIG, Class: dns.ClassANY}, SignerName: "key.", Signature: "AAAA"}}
	address, err := dns.NewRR("app.example.org. 60 IN A 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range []dns.RR{key, sig, address} {
		for _, add := range []func(m *dns.Msg){
			func(m *dns.Msg) { m.Extra = append(m.Extra, rr) },
			func(m *dns.Msg) { m.Extra = append([]dns.RR{rr}, m.Extra...) }, // the OPT record is the last, or not
			func(m *dns.Msg) { m.Answer = append(m.Answer, rr) },
			func(m *dns.Msg) { m.Ns = append(m.Ns, rr) },
		} {
			for _, m := range []*dns.Msg{plainQuery(), server.WithOPT(plainQuery(), 0), server.WithOPT(plainQuery(), 0x8000, server.NSIDOption)} {
				add(m)
				queries = append(queries, m)
			}
		}
	}
	for _, change := range []func(m *dns.Msg, opt *dns.OPT){
		func(m *dns.Msg, opt *dns.OPT) { m.Extra = append(m.Extra, opt) },
		func(m *dns.Msg, _ *dns.OPT) { m.Answer, m.Extra = m.Extra, nil },
		func(m *dns.Msg, _ *dns.OPT) { m.Ns, m.Extra = m.Extra, nil },
		func(_ *dns.Msg, opt *dns.OPT) { opt.Hdr.Name = "app.example.org." },
		func(_ *dns.Msg, opt *dns.OPT) { opt.SetVersion(1) },
		func(_ *dns.Msg, opt *dns.OPT) { opt.SetExtendedRcode(0xFFFF) },
		func(_ *dns.Msg, opt *dns.OPT) { opt.SetUDPSize(0) },
		func(_ *dns.Msg, opt *dns.OPT) { opt.SetUDPSize(65535) },
	} {
		m := server.WithOPT(plainQuery(), 0)
		change(m, m.IsEdns0())
		queries = append(queries, m)
	}
	return queries
}

// unusualNames are packets whose question has a pointer, a label of another kind, the root, or octets that need escapes.
func unusualNames() [][]byte {
	packets := [][]byte{
		questionOf(0), questionOf(0xC0, 12), questionOf(0xC0, 0), questionOf(0xFF, 0xFF), questionOf(3, 'a', 'p', 'p', 0xC0, 12), questionOf(3, 'a', 'p', 'p', 0xC0, 16),
		questionOf(0x41, 'a', 0), questionOf(0x81, 'a', 0),
	}
	for _, octet := range []byte{0, ' ', '.', '\\', '"', '@', '$', '(', 0x7F, 0x80, 0xFF} {
		packets = append(packets, questionOf(append([]byte{3, 'a', octet, 'p'}, "\x07example\x03org\x00"...)...))
	}
	return packets
}

// questionOf is a query for A of a name, given in its octets.
func questionOf(name ...byte) []byte {
	header := []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	return append(append(header, name...), 0, byte(dns.TypeA), 0, dns.ClassINET)
}
