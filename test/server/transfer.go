package server

import (
	"testing"

	"github.com/miekg/dns"
)

// ZoneTransfer is a whole zone as text, one record a line.
func ZoneTransfer(t *testing.T, s *Server, zone string) string {
	t.Helper()
	envelopes, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr(dns.Fqdn(zone)), Loopback(s.TCP(0)))
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for envelope := range envelopes {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		rrs = append(rrs, envelope.RR...)
	}
	return Section(rrs)
}

// SerialOf is the serial of a zone.
func SerialOf(t *testing.T, s *Server, zone string) uint32 {
	t.Helper()
	m := Send(t, s, "udp", Question(zone, dns.TypeSOA))
	if len(m.Answer) != 1 {
		t.Fatalf("%s SOA: got\n%s", zone, ReplyText(m))
	}
	return m.Answer[0].(*dns.SOA).Serial
}

// TransferIn asks for a zone over TCP, and is all records that came, in their order.
func TransferIn(t *testing.T, s *Server, m *dns.Msg) []dns.RR {
	t.Helper()
	envelopes, err := new(dns.Transfer).In(m, Loopback(s.TCP(0)))
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for envelope := range envelopes {
		if envelope.Error != nil {
			t.Fatalf("%s: %v", m.Question[0].String(), envelope.Error)
		}
		rrs = append(rrs, envelope.RR...)
	}
	return rrs
}
