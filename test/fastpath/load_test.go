//go:build linux

package fastpath

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestFastReloadUnderLoad guards each query against being lost while the sockets go from one configuration to the next,
// or the fast path begins or ends. A third of them takes the chain.
func TestFastReloadUnderLoad(t *testing.T) {
	s, port := server.StartFast(t, server.ReloadableFast(true, "", 0))
	l := server.StartLoad(t, "127.0.0.1:"+port, 4000, func(i int) *dns.Msg {
		switch i % 6 {
		case 0:
			return server.WithOPT(server.Question("app.example.org", dns.TypeA), 0, server.UnknownOption)
		case 1:
			return server.WithOPT(server.WithOPT(server.Question("app.example.org", dns.TypeA), 0), 0) // stays with CoreDNS's socket
		}
		return server.Question("app.example.org", dns.TypeA)
	}, func(m *dns.Msg) bool {
		return server.SortedAddresses(m) == server.SortedThree || m.Rcode == dns.RcodeFormatError && m.IsEdns0() != nil
	})
	for i := range 60 {
		server.ReloadFast(t, s, port, server.ReloadableFast(i%4 < 2, "", i))
	}
	l.End(t)
	server.CheckFast(t, "127.0.0.1:"+port, "version.example.org", dns.TypeA, false, "198.51.100.59")
}

// TestFastReloadWhileQueriesWait guards queries that wait for another server when a reload comes, and ends the fast path
// or not: they are answered, and others do not wait for them.
func TestFastReloadWhileQueriesWait(t *testing.T) {
	corefile := func(directives, option string) string {
		return "example.org:PORT {\nbind 127.0.0.1\n" + directives + "\nroundrobin53 {\n" + option + "\n" + server.ThreeRecord +
			"fallthrough open.example.org\n}\nstall\n}"
	}
	for name, to := range map[string]string{
		"again":          corefile("errors", "fastpath"),
		"without option": corefile("", ""),
		"behind acl":     corefile("acl {\nallow\n}", "fastpath"),
	} {
		t.Run(name, func(t *testing.T) {
			s, port := server.StartFast(t, corefile("", "fastpath"))
			entered, open := server.CloseGate(t)
			conn, other := server.Dial(t, "127.0.0.1:"+port), server.Dial(t, "127.0.0.1:"+port)
			slow := server.Question("x.open.example.org", dns.TypeTXT)
			server.SendOnly(t, conn, slow)
			server.AwaitQuery(t, entered)
			done := make(chan error, 1)
			go func() { done <- s.Reload(strings.ReplaceAll(to, "PORT", port)) }()
			server.Eventually(t, "the reload is on its way", func() bool { return strings.Contains(s.Log(), "[INFO] Reloading") })
			for range 50 {
				if m, _ := server.AskRaw(t, other, server.Question("app.example.org", dns.TypeA)); server.SortedAddresses(m) != server.SortedThree {
					t.Fatalf("got %s", server.SortedAddresses(m))
				}
				time.Sleep(2 * time.Millisecond) // the reload goes on meanwhile
			}
			open()
			if m := server.ReadReply(t, conn, slow.Id); !server.IsEcho(m) {
				t.Errorf("the slow reply is %v", m)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if m, _ := server.AskRaw(t, other, server.Question("app.example.org", dns.TypeA)); server.SortedAddresses(m) != server.SortedThree {
				t.Fatalf("got %s", server.SortedAddresses(m))
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
			slow := server.Question("x.open.example.org", dns.TypeTXT)
			entered, open := server.CloseGate(t)
			t.Run("serving", func(st *testing.T) {
				_, port := server.StartFast(st, "example.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n"+option+"\n"+server.ThreeRecord+"fallthrough open.example.org\n}\nstall\n}")
				conn = server.Dial(t, "127.0.0.1:"+port)
				server.SendOnly(st, conn, slow)
				server.AwaitQuery(st, entered)
				time.AfterFunc(300*time.Millisecond, open) // while the server stops
			})
			if m := server.ReadReply(t, conn, slow.Id); !server.IsEcho(m) {
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
		s, port := server.StartFast(st, server.ReloadableFast(true, "health 127.0.0.1:0 {\nlameduck 1s\n}", 0))
		server.CheckFast(st, "127.0.0.1:"+port, "app.example.org", dns.TypeA, true, server.SortedThree)
		conn := server.Dial(t, "127.0.0.1:"+port)
		go func() {
			for !strings.Contains(s.Log(), "lameduck mode") {
				time.Sleep(time.Millisecond)
			}
			query, _ := server.Question("app.example.org", dns.TypeA).Pack()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Write(query)
			reply, buf := new(dns.Msg), make([]byte, dns.MaxMsgSize)
			n, _ := conn.Conn.Read(buf)
			fast <- reply.Unpack(buf[:n]) == nil && len(reply.Answer) == 3 && server.IsCompressed(reply, buf[:n])
		}()
	})
	if !<-fast {
		t.Error("not answered by the fast path")
	}
}
