package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The UDP payload size in a reply's OPT record is the server's own (RFC 6891 §6.2.3), whatever the client's is; 0 is one
// that some send. What the client takes still bounds the reply.
func TestPayloadSize(t *testing.T) {
	const records = `
		roundrobin53 {
			record www A 192.0.2.1
			record many A %s
			record sub NS ns.example.org.
			record out CNAME other.example.net.
			fallthrough passed.example.com passed.example.net
		}
		hosts {
			203.0.113.1 www.passed.example.com
		}`
	values := ""
	for _, value := range server.ManyAddresses(60, dns.TypeA) {
		values += " " + value
	}
	s := server.Start(t, `example.com:0 example.net:0 {
		prometheus 127.0.0.1:0
		errors`+fmt.Sprintf(records, values)+`
	}`)
	for _, size := range []uint16{0, 100, 512, 1231, 1232, 1233, 4096, 65535} {
		for _, query := range []*dns.Msg{
			server.Question("www.example.com", dns.TypeA),
			server.Question("www.example.net", dns.TypeA), // by the second key of the block
			server.Question("many.example.com", dns.TypeA),
			server.Question("www.example.com", dns.TypeTXT),
			server.Question("none.example.com", dns.TypeA),
			server.Question("x.sub.example.com", dns.TypeA),
			server.Question("out.example.com", dns.TypeA),
			server.Question("www.passed.example.com", dns.TypeA),
			server.Question("example.com", dns.TypeIXFR),
			new(dns.Msg).SetNotify("example.com."),
			server.WithOPT(server.Question("www.example.com", dns.TypeA), 0), // a second OPT record
		} {
			query.SetEdns0(size, size%2 == 0)
			for _, network := range []string{"udp", "tcp"} {
				reply, length := server.ExchangeWire(t, s, network, query)
				opt := reply.IsEdns0()
				if opt == nil || opt.UDPSize() != 1232 || opt.Do() != (size%2 == 0) {
					t.Errorf("%s over %s, client takes %d: got\n%s\nwant 1232 in OPT", query.Question[0].String(), network, size, server.ReplyText(reply))
				}
				if most := max(512, int(size)); network == "udp" && length > most {
					t.Errorf("%s, client takes %d: the reply has %d octets", query.Question[0].String(), size, length)
				}
			}
		}
	}
	if reply := s.Ask("www.example.com", dns.TypeA); reply.IsEdns0() != nil {
		t.Errorf("without EDNS: got\n%s\nwant no OPT record", server.ReplyText(reply))
	}
}

// TestPayloadSizeBesideViews guards the filters of server blocks, which the payload size is set by: blocks without a view
// still exclude each other, and the block of a view answers its own clients only.
func TestPayloadSizeBesideViews(t *testing.T) {
	block := func(view, address string) string {
		return "example.com:0 {\n" + view + "\nroundrobin53 {\nrecord www A " + address + "\n}\n}\n"
	}
	const nobody = "view nobody {\nexpr false\n}"
	const everybody = "view everybody {\nexpr true\n}"
	for _, c := range []struct{ name, corefile, want string }{
		{"view of others", block(nobody, "192.0.2.1") + block("", "192.0.2.2"), "192.0.2.2"},
		{"view", block(everybody, "192.0.2.1") + block("", "192.0.2.2"), "192.0.2.1"},
		{"views", block(nobody, "192.0.2.1") + block(everybody, "192.0.2.2"), "192.0.2.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := server.Start(t, c.corefile)
			query := server.Question("www.example.com", dns.TypeA).SetEdns0(0, false)
			server.CheckReply(t, s, "udp", query, "NOERROR qr aa rd\nanswer www.example.com. 60 IN A "+c.want+"\nopt udp 1232 flags 0000")
		})
	}
	const want = "cannot serve dns://example.com.:0 - it is already defined"
	if got := server.StartError(t, block("", "192.0.2.1")+block("", "192.0.2.2")); got != want {
		t.Errorf("two blocks without a view: got %q, want %q", got, want)
	}
}
