package rotate

import (
	"fmt"
	"net"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/loadbalance" // what the costs are compared with
	"github.com/miekg/dns"
)

// BenchmarkServeDNS compares the cost of an answer with that of loadbalance in the same place.
func BenchmarkServeDNS(b *testing.B) {
	setupLoadbalance, err := caddy.DirectiveAction("dns", "loadbalance")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{8, 64} {
		for _, rrtype := range []string{"A", "AAAA"} {
			records := make([]string, n)
			for i := range records {
				records[i] = fmt.Sprintf("%s %d", rrtype, i)
			}
			answer := message(records...)
			h := handler(b, "rotate", func() *dns.Msg { return answer })
			c := caddy.NewTestController("dns", "loadbalance")
			if err := setupLoadbalance(c); err != nil {
				b.Fatal(err)
			}
			loadbalance := dnsserver.GetConfig(c).Plugin[0](h.Next)
			for _, p := range []plugin.Handler{h, loadbalance} {
				b.Run(fmt.Sprintf("%d %s/%s", n, rrtype, p.Name()), func(b *testing.B) {
					w, r := &client{addr: new(net.UDPAddr)}, new(dns.Msg).SetQuestion("app.example.org.", dns.StringToType[rrtype])
					b.ReportAllocs()
					for b.Loop() {
						if _, err := p.ServeDNS(b.Context(), w, r); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
