//go:build system

package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	harness "github.com/roundrobin53/roundrobin53/test/server"
)

// node is a network namespace, as a pod has one, with an address that the resolvers' namespace reaches.
type node struct {
	namespace string
	address   string
}

// nodes makes a namespace for each of n servers, and one for the resolvers that a veth pair joins to each of them. They
// go when the test ends; those of a run that was killed go when the next one begins.
func nodes(t *testing.T, n int) (servers []node, resolvers string) {
	t.Helper()
	removeStale(t)
	prefix := fmt.Sprintf("rr53-%d-", os.Getpid())
	resolvers = prefix + "resolvers"
	addNamespace(t, resolvers)
	for i := range n {
		server := node{namespace: fmt.Sprint(prefix, i), address: fmt.Sprintf("198.18.%d.2", i)}
		addNamespace(t, server.namespace)
		ip(t, "-n %s link add to%d type veth peer name eth0 netns %s", resolvers, i, server.namespace)
		ip(t, "-n %s addr add 198.18.%d.1/24 dev to%d", resolvers, i, i)
		ip(t, "-n %s addr add %s/24 dev eth0", server.namespace, server.address)
		ip(t, "-n %s link set to%d up", resolvers, i)
		ip(t, "-n %s link set eth0 up", server.namespace)
		servers = append(servers, server)
	}
	return servers, resolvers
}

func addNamespace(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	ip(t, "netns add %s", name)
	ip(t, "-n %s link set lo up", name)
}

// ip runs the program ip.
func ip(t *testing.T, format string, args ...any) string {
	t.Helper()
	command := fmt.Sprintf(format, args...)
	out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", command, err, out)
	}
	return string(out)
}

// removeStale removes the namespaces of test processes that are no more.
func removeStale(t *testing.T) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)^(rr53-(\d+)-\w+)`).FindAllStringSubmatch(ip(t, "netns list"), -1) {
		if _, err := os.Stat("/proc/" + match[2]); os.IsNotExist(err) {
			ip(t, "netns del %s", match[1])
		}
	}
}

// inNamespace calls a function in a namespace; sockets that it makes stay there. The thread is never unlocked, and so ends
// with its goroutine, and nothing else runs in the namespace.
func inNamespace(t *testing.T, namespace string, f func() error) {
	t.Helper()
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		handle, err := os.Open(filepath.Join("/run/netns", namespace))
		if err == nil {
			err = unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET)
			_ = handle.Close()
		}
		if err == nil {
			err = f()
		}
		result <- err
	}()
	if err := <-result; err != nil {
		t.Fatalf("in %s: %v", namespace, err)
	}
}

// dialIn makes a UDP socket in a namespace.
func dialIn(t *testing.T, namespace, address string) (conn *dns.Conn) {
	t.Helper()
	inNamespace(t, namespace, func() (err error) {
		conn, err = dns.Dial("udp", address)
		return err
	})
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// pod is the program in a namespace.
type pod struct {
	t       *testing.T
	command *exec.Cmd
	log     harness.LogBuffer
	exited  chan struct{} // closed when err says how
	err     error
}

// runPod starts the program in a namespace, and returns when it serves.
func runPod(t *testing.T, namespace, corefile string) *pod {
	t.Helper()
	p := &pod{t: t, command: exec.Command("ip", "netns", "exec", namespace, builtBinary(t), "-conf", corefile), exited: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when this thread ends
		err := p.command.Start()
		started <- err
		if err == nil {
			p.err = p.command.Wait()
		}
		close(p.exited)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.exited
	})
	p.awaitLog("CoreDNS-")
	return p
}

// awaitLog returns when the program has logged something.
func (p *pod) awaitLog(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.log.Since(0), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the log does not say %q:\n%s", text, p.log.Since(0))
		}
	}
}

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
func startStubs(t *testing.T, n int, namespace string, servers []node, timeout time.Duration, check func(m *dns.Msg)) *stubs {
	t.Helper()
	s := &stubs{t: t, timeout: timeout, check: check, answered: make([]atomic.Int64, len(servers)), stop: make(chan struct{})}
	for i := range n {
		var conns []*dns.Conn
		for _, server := range servers {
			conns = append(conns, dialIn(t, namespace, server.address+":1053"))
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
	m := question("app.example.org", dns.TypeA)
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
	writeFiles(t, dir, map[string]string{"Corefile": readFile(t, "build/kustomize/base-zone/Corefile")})
	servers, resolvers := nodes(t, 2)
	pods := make([]*pod, 0, len(servers))
	for _, server := range servers {
		pods = append(pods, runPod(t, server.namespace, filepath.Join(dir, "Corefile")))
	}
	s := startStubs(t, 8, resolvers, servers, time.Second, func(m *dns.Msg) {
		if len(addresses(m)) != 3 {
			t.Errorf("answer %v, want three values", m.Answer)
		}
	})
	s.await(0, 200)
	s.await(1, 200)
	if err := pods[0].command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	pods[0].awaitLog("lameduck")
	s.await(0, 500)
	if retried := s.retried.Load(); retried > 0 {
		t.Errorf("%d queries were asked again while the server was in its lameduck, want none", retried)
	}
	<-pods[0].exited
	if pods[0].err != nil {
		t.Errorf("the stopped server: %v\n%s", pods[0].err, pods[0].log.Since(0))
	}
	ip(t, "-n %s link set eth0 down", servers[0].namespace) // as a pod's address goes, without a word to those who ask
	s.await(1, 200)
	s.end()
	if lost, retried := s.lost.Load(), s.retried.Load(); lost > 0 || retried == 0 {
		t.Errorf("%d queries lost, %d asked again, want none lost and some asked again", lost, retried)
	}
}

// TestSystemConfigMapSwaps changes the Corefile of the manifests as the kubelet changes a ConfigMap, under load. No query
// is lost, no answer has records of before and after, and a wrong Corefile changes nothing.
func TestSystemConfigMapSwaps(t *testing.T) {
	before := regexp.MustCompile(`(?m)^(\s+)reload$`).ReplaceAllString(readFile(t, "build/kustomize/base-zone/Corefile"), "${1}reload 2s 1s")
	after := strings.ReplaceAll(before, "192.0.2.", "198.51.100.")
	if before == after || !strings.Contains(before, "reload 2s") {
		t.Fatalf("the Corefile has other values, or no reload:\n%s", before)
	}
	dir := t.TempDir()
	swap(t, dir, "..1", before)
	if err := os.Symlink(filepath.Join("..data", "Corefile"), filepath.Join(dir, "Corefile")); err != nil {
		t.Fatal(err)
	}
	servers, resolvers := nodes(t, 1)
	p := runPod(t, servers[0].namespace, filepath.Join(dir, "Corefile"))
	var old, changed atomic.Int64
	s := startStubs(t, 8, resolvers, servers, 5*time.Second, func(m *dns.Msg) {
		values := addresses(m)
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
	swap(t, dir, "..2", after)
	p.awaitLog("Reloading complete")
	only("after a change", &old)

	swap(t, dir, "..3", strings.Replace(before, "192.0.2.1 ", "192.0.2.l ", 2))
	p.awaitLog("Corefile changed but reload failed")
	only("after a wrong value", &old)
	swap(t, dir, "..4", strings.Replace(before, "errors\n", "errors\n    import nowhere.conf\n", 1))
	p.awaitLog("Corefile parse failed")
	only("after an import of what is not there", &old)

	swap(t, dir, "..5", before)
	eventually(t, "the first Corefile again", func() bool {
		return bytes.Count([]byte(p.log.Since(0)), []byte("Reloading complete")) == 2
	})
	only("after the way back", &changed)
	s.end()
	if lost := s.lost.Load(); lost > 0 {
		t.Errorf("%d of %d queries lost", lost, old.Load()+changed.Load()+lost)
	}
}
