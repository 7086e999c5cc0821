package health

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func init() {
	servers[schemeDNSTCP] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveDNS(tb, &dns.Server{Listener: listener}, answerA)
	}
}

// serveDNS runs a server until the test ends.
func serveDNS(tb testing.TB, server *dns.Server, handle dns.HandlerFunc) {
	tb.Helper()
	started := make(chan struct{})
	server.Handler, server.NotifyStartedFunc = handle, func() { close(started) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	select {
	case <-started:
	case <-done:
		tb.Fatal("the DNS server does not start")
	}
	tb.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
}

// answerA answers any question with an A record, after a reply with another ID.
func answerA(w dns.ResponseWriter, query *dns.Msg) {
	reply := new(dns.Msg).SetReply(query)
	reply.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1),
	}}
	reply.Id++
	_ = w.WriteMsg(reply)
	reply.Id--
	_ = w.WriteMsg(reply)
}

// dnsTarget is a target of a scheme of DNS at an address, with a server that handles its queries.
func dnsTarget(t *testing.T, scheme, address string, handle dns.HandlerFunc) Target {
	t.Helper()
	if scheme == schemeDNSTCP {
		listener := listen(t, address)
		serveDNS(t, &dns.Server{Listener: listener}, handle)
		return targetAt(listener, scheme)
	}
	conn, err := net.ListenPacket("udp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	serveDNS(t, &dns.Server{PacketConn: conn}, handle)
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return Target{at.Addr().Unmap(), &Check{Scheme: scheme, Path: "app.example.org/A", Port: at.Port(), Timeout: 20 * time.Second}}
}

func TestDNS(t *testing.T) {
	change := func(change func(reply *dns.Msg)) dns.HandlerFunc {
		return func(w dns.ResponseWriter, query *dns.Msg) {
			reply := new(dns.Msg).SetReply(query)
			change(reply)
			_ = w.WriteMsg(reply)
		}
	}
	for _, row := range []struct {
		name, path, want string
		handle           dns.HandlerFunc
	}{
		{"answer", "app.example.org/A", "", answerA},
		{"answer of another type", "app.example.org/AAAA", "no AAAA record in the answer", answerA},
		{"no data", "app.example.org", "no A record in the answer", change(func(*dns.Msg) {})},
		{"truncated", "app.example.org/A", "", change(func(reply *dns.Msg) { reply.Truncated = true })},
		{"refused", "app.example.org/A", "REFUSED, want NOERROR", change(func(reply *dns.Msg) { reply.Rcode = dns.RcodeRefused })},
		{"unknown RCODE", "app.example.org/A", "RCODE 14, want NOERROR", change(func(reply *dns.Msg) { reply.Rcode = 14 })},
		{"another question", "app.example.org/A", "answer to another question", change(func(reply *dns.Msg) { reply.Question[0].Name = "example.net." })},
		{"garbage", "app.example.org/A", "answer is not DNS", func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write(make([]byte, 5)) }},
	} {
		for _, scheme := range []string{schemeDNS, schemeDNSTCP} {
			for _, address := range families {
				t.Run(row.name+" "+scheme+" "+address, func(t *testing.T) {
					target := dnsTarget(t, scheme, address, row.handle)
					target.Check.Path = row.path
					wantReason(t, probeOnce(t, target), row.want)
				})
			}
		}
	}
}

// TestDNSWithoutAnswer: over UDP nothing but the timeout tells that nobody answers.
func TestDNSWithoutAnswer(t *testing.T) {
	target := dnsTarget(t, schemeDNS, "127.0.0.1", func(dns.ResponseWriter, *dns.Msg) {})
	target.Check.Timeout = 200 * time.Millisecond
	wantReason(t, probeOnce(t, target), "no answer within 200ms")
	target = unusedPort(t, "127.0.0.1", schemeDNS)
	wantReason(t, probeOnce(t, target), "read: connection refused")
}

func TestReadQuestion(t *testing.T) {
	for path, want := range map[string]string{
		"example.org":         "example.org. A",
		"example.org./aaaa":   "example.org. AAAA",
		"_sip._tcp.a.org/SRV": "_sip._tcp.a.org. SRV",
		"./NS":                ". NS",
		"":                    `"" is not a domain name`,
		"/A":                  `"" is not a domain name`,
		"a..b/A":              `"a..b" is not a domain name`,
		"example.org/":        `"" is not the type of a record`,
		"example.org/AXFR":    `"AXFR" is not the type of a record`,
		"example.org/ANY":     `"ANY" is not the type of a record`,
		"example.org/OPT":     `"OPT" is not the type of a record`,
		"example.org/A/A":     `"A/A" is not the type of a record`,
	} {
		question, err := ReadQuestion(path)
		got := question.Name + " " + dns.TypeToString[question.Qtype]
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q is %s, want %s", path, got, want)
		}
	}
	if names := SchemeNames(); !slices.Contains(names, schemeDNS) {
		t.Errorf("no %s in %v", schemeDNS, names)
	}
}
