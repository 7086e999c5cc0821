package lookup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const asked = "app.example."

// ask asks servers for addresses of app.example.
func ask(t *testing.T, n *nameserver, servers ...Server) (answer, error) {
	t.Helper()
	r := newResolver(servers, n.roots)
	defer r.close()
	if n.isHasty {
		r.timeouts = [2]time.Duration{50 * time.Millisecond, 50 * time.Millisecond}
	}
	return r.ask(t.Context(), Question{Name: asked, Type: dns.TypeA})
}

// text writes an answer or a failure as a test compares it.
func text(a answer, err error) string {
	if err != nil {
		return resultOf(err).String() + ": " + err.Error()
	}
	return fmt.Sprintf("%s %v %s", a.result, a.addresses, a.ttl)
}

// TestTransports asks over each transport, and looks at the query.
func TestTransports(t *testing.T) {
	n := startNameserver(t, nil)
	n.set(func(x *exchange) {
		opt := x.query.IsEdns0()
		if !x.query.RecursionDesired || opt == nil || opt.UDPSize() != 1232 || len(x.query.Question) != 1 {
			t.Errorf("query %s", x.query)
		}
		x.reply.Question[0].Name = strings.ToUpper(asked) // letters do not matter
		x.add(asked+" 60 IN A 192.0.2.2", asked+" 30 IN A 192.0.2.1", asked+" 60 IN A 192.0.2.2").send()
	})
	for _, s := range []Server{n.udp, n.tcp, n.tls} {
		if got := text(ask(t, n, s)); got != "success [192.0.2.1 192.0.2.2] 30s" {
			t.Errorf("%s: %s", s.Network, got)
		}
	}
	if got := strings.Join(n.queries(), ", "); got != "udp app.example. A, tcp app.example. A, tls app.example. A" {
		t.Errorf("queries %s", got)
	}
}

// TestCertificateIsVerified guards against whoever sits between: a name that the certificate does
// not have, and an authority that nobody trusts.
func TestCertificateIsVerified(t *testing.T) {
	n := startNameserver(t, func(x *exchange) { x.add(asked + " 60 IN A 192.0.2.1").send() })
	other, byAddress := n.tls, n.tls
	other.Name, byAddress.Name = "other.invalid", "127.0.0.1"
	if got := text(ask(t, n, other)); !strings.HasPrefix(got, "unreachable: tls://127.0.0.1:") || !strings.Contains(got, "other.invalid") {
		t.Errorf("another name: %s", got)
	}
	if got := text(ask(t, n, byAddress)); got != "success [192.0.2.1] 1m0s" {
		t.Errorf("the address in the certificate: %s", got)
	}
	n.roots = nil
	if got := text(ask(t, n, n.tls)); !strings.Contains(got, "certificate") {
		t.Errorf("an authority that the system does not know: %s", got)
	}
	if asked := n.queries(); len(asked) != 1 {
		t.Errorf("queries %q over connections that were not verified", asked)
	}
}

// TestTruncatedAnswer has 300 addresses: more than a datagram holds, and than a set does.
func TestTruncatedAnswer(t *testing.T) {
	for _, count := range []int{80, 300} {
		n := startNameserver(t, func(x *exchange) {
			x.add(addresses(asked, count)...)
			if x.network == "udp" {
				x.reply.Truncate(payloadSize)
			}
			x.send()
		})
		a, err := ask(t, n, n.udp)
		if err != nil || len(a.addresses) != min(count, MaxAddresses) || a.left != max(0, count-MaxAddresses) {
			t.Errorf("%d addresses: %d, %d left out, %v", count, len(a.addresses), a.left, err)
		}
		if got := fmt.Sprint(n.queries()); got != "[udp app.example. A tcp app.example. A]" {
			t.Errorf("%d addresses: queries %s, want TCP after UDP", count, got)
		}
	}
}

// TestOversizedDatagram guards answers of servers that ignore how long a datagram may be: they are asked for again over TCP,
// alone and in a batch.
func TestOversizedDatagram(t *testing.T) {
	n := startNameserver(t, func(x *exchange) { x.add(addresses(asked, 99)...).send() })
	if a, err := ask(t, n, n.udp); err != nil || len(a.addresses) != 99 {
		t.Errorf("%d addresses, %v", len(a.addresses), err)
	}
	if got := fmt.Sprint(n.queries()); got != "[udp app.example. A tcp app.example. A]" {
		t.Errorf("queries %s, want TCP after UDP", got)
	}
}

// TestTruncatedOverStream guards what is known from a server that does not send all, whatever way
// it is asked: that is no answer, least of all that there are no addresses.
func TestTruncatedOverStream(t *testing.T) {
	for _, records := range [][]string{nil, {asked + " 60 IN A 192.0.2.1"}} {
		n := startNameserver(t, func(x *exchange) {
			x.add(records...).reply.Truncated = true
			x.send()
		})
		for _, s := range []Server{n.udp, n.tcp, n.tls} {
			if got := text(ask(t, n, s)); !strings.HasPrefix(got, "bad_answer: ") || !strings.HasSuffix(got, ": a truncated answer over a stream") {
				t.Errorf("%d records, truncated over %s: %s", len(records), s.Network, got)
			}
		}
	}
}

// TestLies sends what is no answer before the answer, which must be waited for, and nothing else,
// which must not be taken.
func TestLies(t *testing.T) {
	lie := asked + " 60 IN A 203.0.113.66"
	stranger, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for name, tell := range map[string]func(x *exchange){
		"id":       func(x *exchange) { x.reply.Id++; x.send(); x.reply.Id-- },
		"no reply": func(x *exchange) { x.reply.Response = false; x.send(); x.reply.Response = true },
		"opcode":   func(x *exchange) { x.reply.Opcode = dns.OpcodeStatus; x.send(); x.reply.Opcode = dns.OpcodeQuery },
		"question": func(x *exchange) { x.reply.Question = nil; x.send(); x.reply.Question = x.query.Question },
		"questions": func(x *exchange) {
			x.reply.Question = append(x.reply.Question, x.reply.Question[0])
			x.send()
			x.reply.Question = x.query.Question
		},
		"name":       func(x *exchange) { withQuestion(x, "other.example.", dns.TypeA, dns.ClassINET) },
		"shorter":    func(x *exchange) { withQuestion(x, "example.", dns.TypeA, dns.ClassINET) },
		"type":       func(x *exchange) { withQuestion(x, asked, dns.TypeAAAA, dns.ClassINET) },
		"class":      func(x *exchange) { withQuestion(x, asked, dns.TypeA, dns.ClassCHAOS) },
		"too short":  func(x *exchange) { _, _ = x.w.Write([]byte{byte(x.query.Id >> 8), byte(x.query.Id), 0x81}) },
		"from other": func(x *exchange) { message, _ := x.reply.Pack(); _, _ = stranger.WriteTo(message, x.w.RemoteAddr()) },
	} {
		t.Run(name, func(t *testing.T) {
			n := startNameserver(t, func(x *exchange) {
				x.add(lie)
				tell(x)
				x.reply.Answer = nil
				x.add(asked + " 60 IN A 192.0.2.1").send()
			})
			if got := text(ask(t, n, n.udp)); got != "success [192.0.2.1] 1m0s" {
				t.Errorf("a lie and then the truth: %s", got)
			}
			if name == "from other" {
				return
			}
			n.set(func(x *exchange) { tell(x.add(lie)) })
			if got := text(ask(t, n, n.tcp)); name != "too short" && !strings.HasSuffix(got, ": an answer to another question") {
				t.Errorf("a lie over TCP: %s", got)
			}
		})
	}
}

func withQuestion(x *exchange, name string, qtype, class uint16) {
	x.reply.Question = []dns.Question{{Name: name, Qtype: qtype, Qclass: class}}
	x.send()
	x.reply.Question = x.query.Question
}

// TestGuessedIDs guards against an attacker who tries many ids: the question goes over TCP.
func TestGuessedIDs(t *testing.T) {
	n := startNameserver(t, func(x *exchange) {
		if x.network == "udp" {
			for range strayLimit {
				x.reply.Id++
				x.send()
			}
			return
		}
		x.add(asked + " 60 IN A 192.0.2.1").send()
	})
	if got := text(ask(t, n, n.udp)); got != "success [192.0.2.1] 1m0s" {
		t.Errorf("got %s", got)
	}
	if got := n.queries(); len(got) != 2 || got[1] != "tcp app.example. A" {
		t.Errorf("queries %q, want TCP after UDP", got)
	}
}

// TestIDsAndPortsAreRandom guards against guessing: hardly an id repeats, and a port stays for
// socketUses lookups at most.
func TestIDsAndPortsAreRandom(t *testing.T) {
	ids, ports := make(map[uint16]bool), make(map[string]int)
	n := startNameserver(t, func(x *exchange) {
		ids[x.query.Id] = true
		ports[x.w.RemoteAddr().String()]++
		x.add(asked + " 60 IN A 192.0.2.1").send()
	})
	const lookups = 10 * socketUses
	r := newResolver([]Server{n.udp}, nil)
	defer r.close()
	for range lookups {
		if _, err := r.ask(t.Context(), Question{Name: asked, Type: dns.TypeA}); err != nil {
			t.Fatal(err)
		}
	}
	n.queries() // waits for the last answer
	if len(ids) < lookups*9/10 || len(ports) < lookups/socketUses {
		t.Errorf("%d ids and %d ports in %d lookups", len(ids), len(ports), lookups)
	}
	for port, uses := range ports {
		if uses > socketUses {
			t.Errorf("port %s was used for %d lookups", port, uses)
		}
	}
}

// TestSocketEndsAfterStrays guards against a port that somebody found out: it is not used again.
func TestSocketEndsAfterStrays(t *testing.T) {
	ports := make(map[string]bool)
	n := startNameserver(t, func(x *exchange) {
		ports[x.w.RemoteAddr().String()] = true
		x.reply.Id++
		x.send()
		x.reply.Id--
		x.add(asked + " 60 IN A 192.0.2.1").send()
	})
	r := newResolver([]Server{n.udp}, nil)
	defer r.close()
	for range 5 {
		if _, err := r.ask(t.Context(), Question{Name: asked, Type: dns.TypeA}); err != nil {
			t.Fatal(err)
		}
	}
	if n.queries(); len(ports) < 4 || len(r.servers[0].sockets.idle) != 0 {
		t.Errorf("%d ports for 5 lookups, %d of them kept", len(ports), len(r.servers[0].sockets.idle))
	}
}

// TestConnectionIsIdleForAWhile runs in fake time: a connection is used again until it has been idle
// for too long, and closing it leaves nothing.
func TestConnectionIsIdleForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialed := 0
		p := &connections{
			dial: func(context.Context) (net.Conn, error) {
				dialed++
				end, _ := net.Pipe()
				return end, nil
			},
			idleLimit: streamIdle, usesLimit: 4, inUse: make(map[*connection]struct{}),
		}
		use := func(isGood bool) *connection {
			c, err := p.take(t.Context(), time.Now().Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			p.give(c, isGood)
			return c
		}
		for _, row := range []struct {
			wait time.Duration
			good bool
			want int // connections so far
		}{
			{0, true, 1},
			{streamIdle - 1, true, 1},
			{streamIdle + 1, true, 2},
			{0, false, 2},
			{0, true, 3},
			{0, true, 3},
			{0, true, 3},
			{0, true, 3},
			{0, true, 4},
		} {
			time.Sleep(row.wait)
			if use(row.good); dialed != row.want {
				t.Errorf("after %s: %d connections, want %d", row.wait, dialed, row.want)
			}
		}
		taken, _ := p.take(t.Context(), time.Now().Add(time.Hour))
		p.close()
		if _, err := taken.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading after close: %v", err)
		}
		p.give(taken, true)
		late, _ := p.take(t.Context(), time.Now().Add(time.Hour))
		if _, err := late.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading on a connection that was made after close: %v", err)
		}
		p.give(late, true)
		if len(p.idle)+len(p.inUse) != 0 {
			t.Errorf("%d idle and %d used connections after close", len(p.idle), len(p.inUse))
		}
	})
}

// TestServersAreTriedInTurn has a first server that fails in each way, and a second one that answers.
func TestServersAreTriedInTurn(t *testing.T) {
	second := startNameserver(t, func(x *exchange) { x.add(asked + " 60 IN A 192.0.2.2").send() })
	for name, fail := range map[string]func(x *exchange){
		"servfail":   func(x *exchange) { x.reply.Rcode = dns.RcodeServerFailure; x.send() },
		"refused":    func(x *exchange) { x.reply.Rcode = dns.RcodeRefused; x.send() },
		"notimp":     func(x *exchange) { x.reply.Rcode = dns.RcodeNotImplemented; x.send() },
		"formerr":    func(x *exchange) { x.reply.Rcode = dns.RcodeFormatError; x.reply.Question = nil; x.send() },
		"yxdomain":   func(x *exchange) { x.reply.Rcode = dns.RcodeYXDomain; x.send() },
		"referral":   func(x *exchange) { x.reply.RecursionAvailable = false; x.send() },
		"unreadable": func(x *exchange) { message, _ := x.reply.Pack(); message[7] = 1; _, _ = x.w.Write(message) },
		"silence":    func(*exchange) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startNameserver(t, fail)
			if got := text(ask(t, first, first.udp, second.udp)); got != "success [192.0.2.2] 1m0s" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestFailures says what an operator reads, with the server's address and without ports of ours.
func TestFailures(t *testing.T) {
	for _, row := range []struct {
		name string
		fail func(x *exchange)
		want string
	}{
		{"servfail", func(x *exchange) { x.reply.Rcode = dns.RcodeServerFailure; x.send() }, "servfail: SERVER: SERVFAIL"},
		{"refused", func(x *exchange) { x.reply.Rcode = dns.RcodeRefused; x.send() }, "refused: SERVER: REFUSED"},
		{"yxdomain", func(x *exchange) { x.reply.Rcode = dns.RcodeYXDomain; x.send() }, "bad_answer: SERVER: YXDOMAIN"},
		{"rcode 15", func(x *exchange) { x.reply.Rcode = 15; x.send() }, "bad_answer: SERVER: RCODE 15"},
		{"silence", func(*exchange) {}, "timeout: SERVER: no answer in time"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := startNameserver(t, row.fail)
			n.isHasty = row.name == "silence"
			want := strings.ReplaceAll(row.want, "SERVER", n.udp.String())
			if got := text(ask(t, n, n.udp)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	for name, row := range map[string]struct {
		fail func(x *exchange)
		want string
	}{
		"closed at once": {func(x *exchange) { _ = x.w.Close() }, "unreachable: SERVER: connection closed before the end of the answer"},
		"half an answer": {func(x *exchange) { _, _ = x.w.Write([]byte{0}); _ = x.w.Close() }, "bad_answer: SERVER: an answer to another question"},
	} {
		n := startNameserver(t, row.fail)
		want := strings.ReplaceAll(row.want, "SERVER", n.tcp.String())
		if got := text(ask(t, n, n.tcp)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	n := startNameserver(t, nil)
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := Server{Network: "udp", Address: addressOf(gone.LocalAddr())}
	_ = gone.Close()
	if got := text(ask(t, n, nobody)); got != "unreachable: "+nobody.String()+": connection refused" {
		t.Errorf("nobody listens: %s", got)
	}
	if got := text(ask(t, n)); got != "unreachable: the resolver has no servers" {
		t.Errorf("no servers: %s", got)
	}
}

// TestReasons guards logs against what a server sends, such as the names in its certificate.
func TestReasons(t *testing.T) {
	s := Server{Network: "tcp", Address: netip.MustParseAddrPort("192.0.2.1:53")}
	for _, row := range []struct {
		err  error
		want string
	}{
		{&tls.CertificateVerificationError{Err: errors.New("x509: valid for a\nb\x1b[2J\xff")}, "unreachable: tcp://192.0.2.1:53: certificate: valid for a?b?[2J?"},
		{errors.New(strings.Repeat("a", 300)), "unreachable: tcp://192.0.2.1:53: " + strings.Repeat("a", 200) + "..."},
		{&net.OpError{Op: "dial", Err: errors.New("no route")}, "unreachable: tcp://192.0.2.1:53: no route"},
		{io.ErrUnexpectedEOF, "unreachable: tcp://192.0.2.1:53: connection closed before the end of the answer"},
		{context.Canceled, "timeout: tcp://192.0.2.1:53: no answer in time"},
	} {
		if got := text(answer{}, explain(s, row.err)); got != row.want {
			t.Errorf("%v: %q, want %q", row.err, got, row.want)
		}
	}
}

// TestWithoutEDNS has a server that does not understand the OPT record.
func TestWithoutEDNS(t *testing.T) {
	n := startNameserver(t, func(x *exchange) {
		if x.query.IsEdns0() != nil {
			x.reply.Rcode = dns.RcodeFormatError
		} else {
			x.add(asked + " 60 IN A 192.0.2.1")
		}
		x.send()
	})
	if got := text(ask(t, n, n.udp)); got != "success [192.0.2.1] 1m0s" {
		t.Errorf("got %s", got)
	}
}

// TestLostPacket has a network that loses the first query.
func TestLostPacket(t *testing.T) {
	lost := false
	n := startNameserver(t, func(x *exchange) {
		if !lost {
			lost = true
			return
		}
		x.add(asked + " 60 IN A 192.0.2.1").send()
	})
	if got := text(ask(t, n, n.udp)); got != "success [192.0.2.1] 1m0s" {
		t.Errorf("got %s", got)
	}
}

// TestSilentServerRests guards the time that a dead first server costs: after some lookups it is
// asked last, until it rested, and any answer ends the rest.
func TestSilentServerRests(t *testing.T) {
	r := newResolver([]Server{{Network: "udp"}, {Network: "tcp"}}, nil)
	order := func(now time.Time) string {
		var networks []string
		for _, u := range r.inTurn(now) {
			networks = append(networks, u.Network)
		}
		return strings.Join(networks, " ")
	}
	now := time.Now()
	for i := range silenceLimit {
		if got := order(now); got != "udp tcp" {
			t.Errorf("after %d silences: %s", i, got)
		}
		r.servers[0].note(Timeout)
	}
	if got := order(now); got != "tcp udp" {
		t.Errorf("after %d silences: %s", silenceLimit, got)
	}
	if got := order(now.Add(restInterval + time.Second)); got != "udp tcp" {
		t.Errorf("rested: %s", got)
	}
	r.servers[0].note(ServFail)
	if got := order(now); got != "udp tcp" {
		t.Errorf("after an answer: %s", got)
	}
}

// TestConnectionsAreKept guards the cost of TLS: lookups one after another use one connection, and
// one that the server closed is replaced.
func TestConnectionsAreKept(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			var ports []string
			n := startNameserver(t, func(x *exchange) {
				ports = append(ports, x.w.RemoteAddr().String())
				x.add(asked + " 60 IN A 192.0.2.1").send()
				if len(ports) == 3 {
					_ = x.w.Close()
				}
			})
			s := n.tcp
			if network == "tls" {
				s = n.tls
			}
			r := newResolver([]Server{s}, n.roots)
			for range 6 {
				if _, err := r.ask(t.Context(), Question{Name: asked, Type: dns.TypeA}); err != nil {
					t.Fatal(err)
				}
			}
			n.queries() // waits for the last answer
			if distinct := slices.Compact(slices.Clone(ports)); len(ports) != 6 || len(distinct) != 2 {
				t.Errorf("%d queries over connections %q, want 6 over 2", len(ports), distinct)
			}
			u := r.servers[0].streams
			if len(u.idle) != 1 {
				t.Errorf("%d idle connections, want 1", len(u.idle))
			}
			r.close()
			if len(u.idle)+len(u.inUse) != 0 {
				t.Error("close left a connection")
			}
		})
	}
}

// TestHangingResolver guards goroutines and descriptors against a resolver that takes connections
// and packets and says nothing.
func TestHangingResolver(t *testing.T) {
	n := startNameserver(t, func(*exchange) {})
	for _, s := range []Server{n.udp, n.tcp} {
		var questions []Question
		for i := range 2000 {
			questions = append(questions, Question{fmt.Sprintf("n%d.", i), dns.TypeA, NewResolver(s)})
		}
		before := runtime.NumGoroutine()
		reached := make(chan struct{})
		n.set(func() func(*exchange) {
			count := 0
			return func(*exchange) {
				if count++; count == inFlightLimit {
					close(reached)
				}
			}
		}())
		l := New(questions, Observer{})
		r := newResolver([]Server{s}, nil)
		l.newAsker = func(Resolver) asker { return r }
		l.Start()
		<-reached
		for _, p := range []*connections{r.servers[0].sockets, r.servers[0].streams} {
			p.mu.Lock()
			if open := len(p.inUse) + len(p.idle); open > inFlightLimit {
				t.Errorf("%s: %d connections, want at most %d", s.Network, open, inFlightLimit)
			}
			p.mu.Unlock()
		}
		ours := runtime.NumGoroutine() - before
		if limit := 3*inFlightLimit + 10; ours > limit { // the server has one for each query, or connection
			t.Errorf("%s: %d goroutines more, want at most %d", s.Network, ours, limit)
		}
		began := time.Now()
		l.Stop()
		if took := time.Since(began); took > firstTimeout {
			t.Errorf("%s: Stop waited %s for lookups that hang", s.Network, took)
		}
		if left := len(r.servers[0].sockets.inUse) + len(r.servers[0].streams.inUse); left > 0 {
			t.Errorf("%s: Stop left %d connections", s.Network, left)
		}
	}
}

// TestAskEndsWithItsContext guards Stop.
func TestAskEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := new(resolver)
	n := startNameserver(t, func(*exchange) {
		cancel()
		r.close()
	})
	*r = *newResolver([]Server{n.udp, n.tcp}, nil)
	if a, err := r.ask(ctx, Question{Name: asked, Type: dns.TypeA}); err == nil || len(n.queries()) != 1 {
		t.Errorf("answer %v, error %v", a, err)
	}
}
