package wire

import (
	"bytes"
	"net"
	"testing"

	"github.com/miekg/dns"
)

// checkAnswer checks that the answer to q has the octets that miekg/dns packs for m, the same
// query.
func checkAnswer(t *testing.T, q *Query, m *dns.Msg, width int) {
	t.Helper()
	const ttl = 0x12345678
	q.Type = map[int]uint16{4: dns.TypeA, 16: dns.TypeAAAA}[width]
	want := new(dns.Msg)
	want.MsgHdr = dns.MsgHdr{Id: m.Id, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, CheckingDisabled: m.CheckingDisabled}
	want.Question = m.Question
	order, octets := []uint16{2, 0, 1}, make([]byte, 3*width)
	for i := range octets {
		octets[i] = byte(i + 1)
	}
	for _, endpoint := range order {
		address := octets[int(endpoint)*width:][:width]
		hdr := dns.RR_Header{Name: m.Question[0].Name, Rrtype: q.Type, Class: dns.ClassINET, Ttl: ttl}
		if width == 4 {
			want.Answer = append(want.Answer, &dns.A{Hdr: hdr, A: net.IP(address)})
		} else {
			want.Answer = append(want.Answer, &dns.AAAA{Hdr: hdr, AAAA: net.IP(address)})
		}
	}
	if opt := m.IsEdns0(); opt != nil {
		want.SetEdns0(PayloadSize, opt.Do())
	}
	var reply Message
	reply.Begin(q, []byte("x"))
	reply.AppendAddresses(nil, q.Type, ttl, order, octets, width)
	if _, got := reply.Octets(); got != want.Len() {
		t.Errorf("Octets: got %d without compression, miekg/dns says %d", got, want.Len())
	}
	want.Compress = true
	packed, err := want.Pack()
	if err != nil {
		t.Fatal(err)
	}
	packed = append([]byte{}, packed...)
	copy(packed[12:], q.packet[12:q.end]) // the question stays as it came
	size := 512
	if opt := m.IsEdns0(); opt != nil {
		size = max(512, int(opt.UDPSize()))
	}
	if got := reply.Room(); got != size-len(packed) {
		t.Errorf("Room: got %d, the answer has %d octets, the client takes %d", got, len(packed), size)
	}
	if got := reply.Finish(dns.RcodeSuccess, true, 0); !bytes.Equal(got[1:], packed) {
		t.Errorf("Finish:\n%x, miekg/dns packs\n%x", got[1:], packed)
	}
}

func TestAnswerAllocatesNothing(t *testing.T) {
	packet := pack(t, "app.example.org.", dns.TypeA, withOptions())
	order, octets, out := []uint16{1, 0}, make([]byte, 8), make([]byte, 0, 512)
	var q Query
	var m Message
	got := testing.AllocsPerRun(100, func() {
		if q.Parse(packet) {
			m.Begin(&q, out[:0])
			m.AppendAddresses(nil, dns.TypeA, 60, order, octets, 4)
			m.Finish(dns.RcodeSuccess, true, 0)
		}
	})
	if got != 0 {
		t.Errorf("a reply takes %v allocations, want 0", got)
	}
}

func BenchmarkAnswer(b *testing.B) {
	for name, n := range map[string]int{"8": 8, "64": 64} {
		b.Run(name, func(b *testing.B) {
			packet := pack(b, "app.example.org.", dns.TypeA, withOptions())
			order, octets, out := make([]uint16, n), make([]byte, 4*n), make([]byte, 0, 1500)
			for i := range order {
				order[i] = uint16(i)
			}
			b.ReportAllocs()
			var q Query
			var m Message
			for b.Loop() {
				q.Parse(packet)
				m.Begin(&q, out[:0])
				m.AppendAddresses(nil, dns.TypeA, 60, order, octets, 4)
				m.Finish(dns.RcodeSuccess, true, 0)
			}
		})
	}
}
