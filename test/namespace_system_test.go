//go:build system

package test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// stubs are resolvers as clients have them: they ask the servers in turn, and ask the next one where none answers.
type stubs struct {
	t       *testing.T
	timeout time.Duration
	// check judges an answer.
	check func(m *dns.Msg)

	answered []atomic.Int64 // by server
	retried  atomic.Int64
	lost     atomic.Int64

	stop chan struct{}
	wg   sync.WaitGroup
}

// startStubs lets n resolvers ask for app.example.org, until they are stopped.
func startStubs(t *testing.T, n int, namespace string, servers []server.Node, timeout time.Duration, check func(m *dns.Msg)) *stubs {
	t.Helper()
	s := &stubs{t: t, timeout: timeout, check: check, answered: make([]atomic.Int64, len(servers)), stop: make(chan struct{})}
	for i := range n {
		var conns []*dns.Conn
		for _, node := range servers {
			conns = append(conns, server.DialIn(t, namespace, node.Address+":1053"))
		}
		s.wg.Go(func() { s.askOn(conns, i) })
	}
	t.Cleanup(s.end)
	return s
}

func (s *stubs) askOn(conns []*dns.Conn, first int) {
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for i := first; ; i++ {
		select {
		case <-s.stop:
			return
		case <-pace.C:
			s.ask(conns, i)
		}
	}
}

// ask asks one server after the other until one answers.
func (s *stubs) ask(conns []*dns.Conn, first int) {
	for i := range conns {
		server := (first + i) % len(conns)
		if i > 0 {
			s.retried.Add(1)
		}
		m, err := s.exchange(conns[server])
		if err == nil && m.Rcode == dns.RcodeSuccess {
			s.answered[server].Add(1)
			s.check(m)
			return
		}
	}
	s.lost.Add(1)
}

func (s *stubs) exchange(conn *dns.Conn) (*dns.Msg, error) {
	m := server.Question("app.example.org", dns.TypeA)
	_ = conn.SetDeadline(time.Now().Add(s.timeout))
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		reply, err := conn.ReadMsg()
		if err != nil || reply.Id == m.Id {
			return reply, err
		}
	}
}

// await returns when a server has given so many more answers.
func (s *stubs) await(server int, more int64) {
	s.t.Helper()
	want := s.answered[server].Load() + more
	for deadline := time.Now().Add(30 * time.Second); s.answered[server].Load() < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("server %d has given %d answers, want %d; %d asked again, %d lost", server, s.answered[server].Load(), want, s.retried.Load(), s.lost.Load())
		}
	}
}

// end stops the resolvers.
func (s *stubs) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.wg.Wait()
}

// TestSystemRollingRestart stops one of two zone servers, with the Corefile of the manifests, while resolvers ask both. In
// its lameduck it answers as before, so that nobody waits while the cluster takes it out of the Service; when it has gone,
// a normal retry gets the answer.
func TestSystemRollingRestart(t *testing.T) {
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"Corefile": server.ReadFile(t, "build/kustomize/base-zone/Corefile")})
	servers, resolvers := server.Nodes(t, 2)
	pods := make([]*server.Pod, 0, len(servers))
	for _, node := range servers {
		pods = append(pods, server.RunPod(t, node.Namespace, filepath.Join(dir, "Corefile")))
	}
	s := startStubs(t, 8, resolvers, servers, time.Second, func(m *dns.Msg) {
		if len(server.Addresses(m)) != 3 {
			t.Errorf("answer %v, want three values", m.Answer)
		}
	})
	s.await(0, 200)
	s.await(1, 200)
	if err := pods[0].Command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	pods[0].AwaitLog("lameduck")
	s.await(0, 500)
	if retried := s.retried.Load(); retried > 0 {
		t.Errorf("%d queries were asked again while the server was in its lameduck, want none", retried)
	}
	<-pods[0].Exited
	if pods[0].Err != nil {
		t.Errorf("the stopped server: %v\n%s", pods[0].Err, pods[0].Log.Since(0))
	}
	server.IP(t, "-n %s link set eth0 down", servers[0].Namespace) // as a pod's address goes, without a word to those who ask
	s.await(1, 200)
	s.end()
	if lost, retried := s.lost.Load(), s.retried.Load(); lost > 0 || retried == 0 {
		t.Errorf("%d queries lost, %d asked again, want none lost and some asked again", lost, retried)
	}
}

// TestSystemConfigMapSwaps changes the Corefile of the manifests as the kubelet changes a ConfigMap, under load. No query
// is lost, no answer has records of before and after, and a wrong Corefile changes nothing.
func TestSystemConfigMapSwaps(t *testing.T) {
	before := regexp.MustCompile(`(?m)^(\s+)reload$`).ReplaceAllString(server.ReadFile(t, "build/kustomize/base-zone/Corefile"), "${1}reload 2s 1s")
	after := strings.ReplaceAll(before, "192.0.2.", "198.51.100.")
	if before == after || !strings.Contains(before, "reload 2s") {
		t.Fatalf("the Corefile has other values, or no reload:\n%s", before)
	}
	dir := t.TempDir()
	server.SwapConfigMap(t, dir, "..1", before)
	if err := os.Symlink(filepath.Join("..data", "Corefile"), filepath.Join(dir, "Corefile")); err != nil {
		t.Fatal(err)
	}
	servers, resolvers := server.Nodes(t, 1)
	p := server.RunPod(t, servers[0].Namespace, filepath.Join(dir, "Corefile"))
	var old, changed atomic.Int64
	s := startStubs(t, 8, resolvers, servers, 5*time.Second, func(m *dns.Msg) {
		values := server.Addresses(m)
		slices.Sort(values)
		switch strings.Join(values, " ") {
		case "192.0.2.1 192.0.2.2 192.0.2.3":
			old.Add(1)
		case "198.51.100.1 198.51.100.2 198.51.100.3":
			changed.Add(1)
		default:
			t.Errorf("an answer of both, or of neither: %q", values)
		}
	})
	only := func(what string, other *atomic.Int64) {
		t.Helper()
		s.await(0, 50) // what was on its way
		n := other.Load()
		s.await(0, 500)
		if more := other.Load() - n; more > 0 {
			t.Errorf("%s: %d answers of the other Corefile", what, more)
		}
	}
	only("at first", &changed)
	server.SwapConfigMap(t, dir, "..2", after)
	p.AwaitLog("Reloading complete")
	only("after a change", &old)

	server.SwapConfigMap(t, dir, "..3", strings.Replace(before, "192.0.2.1 ", "192.0.2.l ", 2))
	p.AwaitLog("Corefile changed but reload failed")
	only("after a wrong value", &old)
	server.SwapConfigMap(t, dir, "..4", strings.Replace(before, "errors\n", "errors\n    import nowhere.conf\n", 1))
	p.AwaitLog("Corefile parse failed")
	only("after an import of what is not there", &old)

	server.SwapConfigMap(t, dir, "..5", before)
	server.Eventually(t, "the first Corefile again", func() bool {
		return bytes.Count([]byte(p.Log.Since(0)), []byte("Reloading complete")) == 2
	})
	only("after the way back", &changed)
	s.end()
	if lost := s.lost.Load(); lost > 0 {
		t.Errorf("%d of %d queries lost", lost, old.Load()+changed.Load()+lost)
	}
}
