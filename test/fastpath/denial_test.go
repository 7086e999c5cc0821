//go:build linux

package fastpath

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastDenialTakesOneTurn guards the turns of CNAMEs that lead to values which are not for the client. If the fast path
// took the turn and left the denial to the chain, that would take the next one, and the other CNAME would be in each answer.
func TestFastDenialTakesOneTurn(t *testing.T) {
	_, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			record www CNAME fence.example.org. app.example.org.
			record fence A {
				value 192.0.2.1 from 203.0.113.0/24
			}
			record app A 192.0.2.2
		}
	}`)
	address := "127.0.0.1:" + port
	www := server.Question("www.example.org", dns.TypeA)
	for range 10 { // a proof needs a query for which both ways choose the same
		server.AskFast(t, address, www)
	}
	conn := server.Dial(t, address)
	answers, fast := make(map[string]int), 0
	for range 40 {
		reply, octets := server.AskRaw(t, conn, www)
		answers[strings.Join(server.Addresses(reply), " ")]++
		if server.IsCompressed(reply, octets) {
			fast++
		}
	}
	if answers[""] != 20 || answers["192.0.2.2"] != 20 || fast != 40 {
		t.Errorf("answers %v, %d of 40 by the fast path, want 20 of each, all by the fast path", answers, fast)
	}
}

// TestFastDeniesWhatIsDown guards that names all of whose values are down cost no more than others: the denial is the
// chain's, but for compression.
func TestFastDeniesWhatIsDown(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Pass, "a b")
	s, port := server.StartFast(t, `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			record app 20 A 192.0.2.1 check a all_down none
			record lb 30 CNAME {
				value app check a
				all_down none
			}
			record known A 192.0.2.1 check b
			`+signs.Checks("a b")+`
		}
	}`)
	address := "127.0.0.1:" + port
	for _, name := range []string{"app", "lb"} {
		server.CheckFast(t, address, name+".example.org", dns.TypeA, true, "192.0.2.1")
	}
	signs.Set(server.Fail, "a")
	server.AwaitDown(t, s, "a")
	for _, name := range []string{"app", "lb"} {
		m := server.WithOPT(server.Question(name+".example.org", dns.TypeA), 0)
		reply, isFast := server.AskFast(t, address, m)
		if want := server.Exchange(t, "tcp", address, m); !isFast || withoutOrder(reply) != withoutOrder(want) || len(reply.Ns) != 1 {
			t.Errorf("%s: by the fast path %t, got\n%s\nas the chain over TCP:\n%s", name, isFast, server.ReplyText(reply), server.ReplyText(want))
		}
	}
	signs.Set(server.Pass, "a")
	server.AwaitDown(t, s, "")
	server.CheckFast(t, address, "app.example.org", dns.TypeA, true, "192.0.2.1")
}

// TestFastSerial guards negative answers and the SOA of a zone whose looked-up values have changed: they have its present
// serial, and are still given by the fast path.
func TestFastSerial(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	corefile := strings.Replace(n.Corefile("fastpath\nrecord app A lb.example.net."), "example.org:0 {", "example.org:PORT {\nbind 127.0.0.1\ntransfer {\nto *\n}", 1)
	s, port := server.StartFast(t, corefile)
	address := "127.0.0.1:" + port
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1")
	before := anySerial(s.Ask("none.example.org", dns.TypeA))
	n.Set("lb.example.net.", "5 A 192.0.2.2")
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.2")
	for _, q := range []*dns.Msg{
		server.Question("none.example.org", dns.TypeA), server.Question("app.example.org", dns.TypeMX), server.Question("example.org", dns.TypeSOA),
	} {
		server.Eventually(t, "the serial is the new one", func() bool {
			reply, isFast := server.AskFast(t, address, q)
			want := server.Exchange(t, "tcp", address, q)
			return isFast && withoutOrder(reply) == withoutOrder(want) && anySerial(reply) == anySerial(want) && anySerial(reply) != before
		})
	}
}

// anySerial is the serial of the SOA in a reply, 0 if there is none.
func anySerial(m *dns.Msg) uint32 {
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}
