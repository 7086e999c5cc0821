//go:build linux

package test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// load asks some thousand times a second, from several sockets, until it is ended. Then it tells how many queries got no
// answer, or a wrong one, and of how many.
type load struct {
	stop       chan struct{}
	clients    sync.WaitGroup
	sent, lost atomic.Int64
	wrong      atomic.Int64
}

// startLoad asks at an address for names in turn, with so many queries a second.
func startLoad(t *testing.T, address string, perSecond int, query func(i int) *dns.Msg, isRight func(m *dns.Msg) bool) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	const clients = 8
	for client := range clients {
		l.clients.Go(func() {
			conn, err := dns.Dial("udp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			pace := time.NewTicker(time.Second * clients / time.Duration(perSecond))
			defer pace.Stop()
			for i := client; ; i += clients {
				select {
				case <-l.stop:
					return
				case <-pace.C:
				}
				l.sent.Add(1)
				m, err := roundTrip(conn, query(i))
				switch {
				case err != nil:
					l.lost.Add(1)
				case !isRight(m):
					l.wrong.Add(1)
				}
			}
		})
	}
	return l
}

// end ends it and checks that all was answered.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.clients.Wait()
	if l.lost.Load() > 0 || l.wrong.Load() > 0 {
		t.Errorf("of %d queries, %d got no answer, %d a wrong one", l.sent.Load(), l.lost.Load(), l.wrong.Load())
	}
	if l.sent.Load() < 100 {
		t.Errorf("only %d queries were sent", l.sent.Load())
	}
}

// TestFastReloadUnderLoad guards each query against being lost while the sockets go from one configuration to the next,
// or the fast path begins or ends. A third of them takes the chain.
func TestFastReloadUnderLoad(t *testing.T) {
	s, port := startFast(t, reloadable(true, "", 0))
	l := startLoad(t, "127.0.0.1:"+port, 4000, func(i int) *dns.Msg {
		switch i % 6 {
		case 0:
			return withOPT(question("app.example.org", dns.TypeA), 0, unknown)
		case 1:
			return withOPT(withOPT(question("app.example.org", dns.TypeA), 0), 0) // stays with CoreDNS's socket
		}
		return question("app.example.org", dns.TypeA)
	}, func(m *dns.Msg) bool {
		return sorted(m) == sortedThree || m.Rcode == dns.RcodeFormatError && m.IsEdns0() != nil
	})
	for i := range 60 {
		reloadFast(t, s, port, reloadable(i%4 < 2, "", i))
	}
	l.end(t)
	checkFast(t, "127.0.0.1:"+port, "version.example.org", dns.TypeA, false, "198.51.100.59")
}

// TestFastReloadWhileQueriesWait guards queries that wait for another server when a reload comes, and ends the fast path
// or not: they are answered, and others do not wait for them.
func TestFastReloadWhileQueriesWait(t *testing.T) {
	corefile := func(directives, option string) string {
		return "example.org:PORT {\nbind 127.0.0.1\n" + directives + "\nroundrobin53 {\n" + option + "\n" + threeRecord +
			"fallthrough open.example.org\n}\nstall\n}"
	}
	for name, to := range map[string]string{
		"again":          corefile("errors", "fastpath"),
		"without option": corefile("", ""),
		"behind acl":     corefile("acl {\nallow\n}", "fastpath"),
	} {
		t.Run(name, func(t *testing.T) {
			s, port := startFast(t, corefile("", "fastpath"))
			entered, open := closeGate(t)
			conn, other := dial(t, "127.0.0.1:"+port), dial(t, "127.0.0.1:"+port)
			slow := question("x.open.example.org", dns.TypeTXT)
			sendOnly(t, conn, slow)
			awaitQuery(t, entered)
			done := make(chan error, 1)
			go func() { done <- s.reload(strings.ReplaceAll(to, "PORT", port)) }()
			eventually(t, "the reload is on its way", func() bool { return strings.Contains(s.log(), "[INFO] Reloading") })
			for range 50 {
				if m, _ := askRaw(t, other, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
					t.Fatalf("got %s", sorted(m))
				}
				time.Sleep(2 * time.Millisecond) // the reload goes on meanwhile
			}
			open()
			if m := readReply(t, conn, slow.Id); !isEcho(m) {
				t.Errorf("the slow reply is %v", m)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if m, _ := askRaw(t, other, question("app.example.org", dns.TypeA)); sorted(m) != sortedThree {
				t.Fatalf("got %s", sorted(m))
			}
		})
	}
}

// TestFastShutdownWhileQueriesWait guards queries that wait for another server when the process ends: CoreDNS answers them
// before it does.
func TestFastShutdownWhileQueriesWait(t *testing.T) {
	for name, option := range map[string]string{"without fastpath": "", "with fastpath": "fastpath"} {
		t.Run(name, func(t *testing.T) {
			var conn *dns.Conn
			slow := question("x.open.example.org", dns.TypeTXT)
			entered, open := closeGate(t)
			t.Run("serving", func(st *testing.T) {
				_, port := startFast(st, "example.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n"+option+"\n"+threeRecord+"fallthrough open.example.org\n}\nstall\n}")
				conn = dial(t, "127.0.0.1:"+port)
				sendOnly(st, conn, slow)
				awaitQuery(st, entered)
				time.AfterFunc(300*time.Millisecond, open) // while the server stops
			})
			if m := readReply(t, conn, slow.Id); !isEcho(m) {
				t.Errorf("the slow reply is %v", m)
			}
		})
	}
}

// TestFastLameduck guards the fast path at the end of the process: it goes on while the health plugin has others take
// note.
func TestFastLameduck(t *testing.T) {
	fast := make(chan bool, 1)
	t.Run("serving", func(st *testing.T) {
		s, port := startFast(st, reloadable(true, "health 127.0.0.1:0 {\nlameduck 1s\n}", 0))
		checkFast(st, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, sortedThree)
		conn := dial(t, "127.0.0.1:"+port)
		go func() {
			for !strings.Contains(s.log(), "lameduck mode") {
				time.Sleep(time.Millisecond)
			}
			query, _ := question("app.example.org", dns.TypeA).Pack()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Write(query)
			reply, buf := new(dns.Msg), make([]byte, dns.MaxMsgSize)
			n, _ := conn.Conn.Read(buf)
			fast <- reply.Unpack(buf[:n]) == nil && len(reply.Answer) == 3 && isCompressed(reply, buf[:n])
		}()
	})
	if !<-fast {
		t.Error("not answered by the fast path")
	}
}
