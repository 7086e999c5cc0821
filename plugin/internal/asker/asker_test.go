package asker

import (
	"context"
	"net"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

func TestAddress(t *testing.T) {
	for _, row := range []struct {
		remote net.Addr
		want   string
	}{
		{&net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: 53}, "192.0.2.1"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
		{text("[::ffff:192.0.2.1]:53"), "192.0.2.1"},
		{text("pipe"), "invalid IP"},
	} {
		if got := Address(row.remote); got.String() != row.want {
			t.Errorf("%s: %s, want %s", row.remote, got, row.want)
		}
	}
}

// text is an address that has nothing but a text.
type text string

func (a text) Network() string { return "text" }
func (a text) String() string  { return string(a) }

// TestClass guards what is the server's own question, and what is a client's: the writer that holds
// an answer back does so for both.
func TestClass(t *testing.T) {
	r := new(dns.Msg).SetQuestion("example.org.", dns.TypeA)
	udp, tcp := &test.ResponseWriter{}, &test.ResponseWriter{TCP: true}
	scrubbed := func(w dns.ResponseWriter) dns.ResponseWriter { return request.NewScrubWriter(r, w) }
	for _, row := range []struct {
		name   string
		w      dns.ResponseWriter
		loop   int
		server string
		want   turn.Class
	}{
		{"UDP", scrubbed(udp), 0, "dns://:53", turn.Datagram},
		{"TCP", scrubbed(tcp), 0, "dns://:53", turn.Stream},
		{"QUIC", scrubbed(udp), 0, "quic://:853", turn.Stream},
		{"HTTPS", scrubbed(tcp), 0, "https://:443", turn.Stream},
		{"no server", udp, 0, "", turn.Datagram},
		{"held back", nonwriter.New(scrubbed(udp)), 0, "dns://:53", turn.Datagram},
		{"inner", scrubbed(nonwriter.New(scrubbed(tcp))), 0, "dns://:53", turn.Inner},
		{"inner over QUIC", scrubbed(nonwriter.New(scrubbed(udp))), 0, "quic://:853", turn.Inner},
		{"behind a CNAME", scrubbed(udp), 1, "dns://:53", turn.Inner},
	} {
		var got turn.Class
		chain := mark{plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, _ *dns.Msg) (int, error) {
			got = Class(ctx, nonwriter.New(w), IsStream(row.server))
			return 0, nil
		})}
		if _, err := chain.ServeDNS(context.WithValue(t.Context(), dnsserver.LoopKey{}, row.loop), row.w, r); err != nil || got != row.want {
			t.Errorf("%s: class %d, error %v, want %d", row.name, got, err, row.want)
		}
	}
}
