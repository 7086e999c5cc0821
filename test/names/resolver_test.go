package names

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// resolving is a Corefile with a record whose value is a name, looked up at resolvers.
func resolving(resolvers string) string {
	return `example.org:0 {
	bind 127.0.0.1
	roundrobin53 {
		resolver ` + resolvers + `
		record app A app.backend.test.
	}
}
`
}

// awaitApp waits until the answer for app.example.org is as wanted.
func awaitApp(t *testing.T, s *server.Server, want string) {
	t.Helper()
	got := ""
	defer func() {
		if t.Failed() {
			t.Logf("the last answer is %s, want %s", got, want)
		}
	}()
	server.Eventually(t, "app.example.org is "+want, func() bool {
		got = server.SortedAddresses(s.Ask("app.example.org.", dns.TypeA))
		return got == want
	})
}

// TestResolvers asks in each way that a resolver may be written, at servers that answer or fail in each way.
func TestResolvers(t *testing.T) {
	t.Parallel()
	bad, good := nameserver.Start(t), nameserver.Start(t)
	const name = "app.backend.test."
	good.Set(name, "60 CNAME lb.backend.test.")
	good.Set("lb.backend.test.", "60 A 192.0.2.1", "60 A 192.0.2.2")
	for _, row := range []struct {
		name      string
		resolvers string
		fault     nameserver.Fault // of BAD
		networks  string           // of the queries at GOOD
	}{
		{"UDP", "GOOD", nameserver.None, "[udp]"},
		{"TCP", "tcp://GOOD", nameserver.None, "[tcp]"},
		{"silent", "BAD GOOD", nameserver.Silence, "[udp]"},
		{"SERVFAIL", "BAD GOOD", nameserver.ServFail, "[udp]"},
		{"REFUSED", "BAD tcp://GOOD", nameserver.Refused, "[tcp]"},
		{"wrong id", "BAD GOOD", nameserver.WrongID, "[udp]"},
		{"wrong name", "BAD GOOD", nameserver.WrongName, "[udp]"},
		{"wrong type", "tcp://BAD GOOD", nameserver.WrongType, "[udp]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			bad.Set(name, "60 A 203.0.113.66")
			bad.Fail(name, row.fault)
			before := len(good.Queries(name, dns.TypeA))
			s := server.Start(t, resolving(strings.NewReplacer("GOOD", good.Address, "BAD", bad.Address).Replace(row.resolvers)))
			awaitApp(t, s, "192.0.2.1 192.0.2.2")
			if got := fmt.Sprint(good.Queries(name, dns.TypeA)[before:]); got != row.networks {
				t.Errorf("queries over %s, want %s", got, row.networks)
			}
		})
	}
}

// TestResolverTruncates has a set that no datagram holds: the question goes over TCP.
func TestResolverTruncates(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	var records, want []string
	for i := range 80 {
		records = append(records, fmt.Sprintf("60 A 192.0.2.%d", i))
		want = append(want, fmt.Sprintf("192.0.2.%d", i))
	}
	n.Set("app.backend.test.", records...)
	s := server.Start(t, resolving(n.Address))
	server.Eventually(t, "all addresses are answered", func() bool {
		m := s.Exchange("tcp", server.Question("app.example.org.", dns.TypeA))
		return len(server.Addresses(m)) == len(want)
	})
	if got := fmt.Sprint(n.Queries("app.backend.test.", dns.TypeA)); got != "[udp tcp]" {
		t.Errorf("queries over %s, want TCP after UDP", got)
	}
}

// TestForgedAnswer sends answers from another address and port to where queries come from, before the server answers.
func TestForgedAnswer(t *testing.T) {
	t.Parallel()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	forger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer forger.Close()
	answer := func(q *dns.Msg, address string) []byte {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		rr, _ := dns.NewRR(q.Question[0].Name + " 60 IN A " + address)
		m.Answer = []dns.RR{rr}
		message, _ := m.Pack()
		return message
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, dns.MaxMsgSize)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buffer[:n]) == nil {
				_, _ = forger.WriteTo(answer(q, "203.0.113.66"), from)
				_, _ = packets.WriteTo(answer(q, "192.0.2.1"), from)
			}
		}
	}()
	defer func() {
		_ = packets.Close()
		<-ended
	}()
	s := server.Start(t, resolving(packets.LocalAddr().String()))
	awaitApp(t, s, "192.0.2.1")
}

const updateKey = "i9M+00yrECfVZG2qCjr4mPpaGim/Bq+IWMiNrLjUO4Y="

// TestUpdatesReachAnswers is the way of a record that a program writes, as ExternalDNS does: an UPDATE with TSIG changes the
// zone of dynupdate, and a name of another server block follows within the TTL.
func TestUpdatesReachAnswers(t *testing.T) {
	t.Parallel()
	zone := server.ZoneFile(t, `$ORIGIN dyn.example.net.
@  60 IN SOA ns hostmaster 1 7200 1800 1209600 5
@  60 IN NS  ns
ns 60 IN A   192.0.2.53
`)
	dynamic := server.Start(t, `dyn.example.net:0 {
		bind 127.0.0.1
		tsig {
			secret externaldns. `+updateKey+`
			require_opcode UPDATE
		}
		dynupdate {
			file `+zone+`
			allow externaldns. * A AAAA TXT
		}
	}
	`)
	s := server.Start(t, `example.org:0 {
		bind 127.0.0.1
		roundrobin53 {
			resolver `+dynamic.UDP(0)+`
			record app A {
				value app.dyn.example.net.
				value 192.0.2.99 priority 2
			}
		}
	}
	`)
	awaitApp(t, s, "192.0.2.99")
	update := func(change func(m *dns.Msg), key string) int {
		m := new(dns.Msg).SetUpdate("dyn.example.net.")
		change(m)
		client := dns.Client{Timeout: 5 * time.Second}
		if key != "" {
			m.SetTsig("externaldns.", dns.HmacSHA256, 300, time.Now().Unix())
			client.TsigSecret = map[string]string{"externaldns.": key}
		}
		reply, _, err := client.Exchange(m, dynamic.UDP(0))
		if err != nil && reply == nil {
			t.Fatal(err)
		}
		return reply.Rcode
	}
	records := func(addresses ...string) []dns.RR {
		var rrs []dns.RR
		for _, address := range addresses {
			rr, err := dns.NewRR("app.dyn.example.net. 5 IN A " + address)
			if err != nil {
				t.Fatal(err)
			}
			rrs = append(rrs, rr)
		}
		return rrs
	}
	insert := func(m *dns.Msg) { m.Insert(records("192.0.2.1", "192.0.2.2")) }
	if rcode := update(insert, ""); rcode != dns.RcodeRefused {
		t.Errorf("an update without a signature: %s", dns.RcodeToString[rcode])
	}
	if rcode := update(insert, updateKey); rcode != dns.RcodeSuccess {
		t.Fatalf("an update: %s", dns.RcodeToString[rcode])
	}
	awaitApp(t, s, "192.0.2.1 192.0.2.2")
	update(func(m *dns.Msg) { m.Remove(records("192.0.2.1")) }, updateKey)
	awaitApp(t, s, "192.0.2.2")
	update(func(m *dns.Msg) { m.RemoveRRset(records("192.0.2.2")) }, updateKey)
	awaitApp(t, s, "192.0.2.99")
}
