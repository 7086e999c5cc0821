//go:build system

package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// CPU is the processor time that the program took.
func (p *Pod) CPU() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndex(string(stat), ")")+1:])) // from the third on (proc_pid_stat(5))
	var ticks int
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			p.t.Fatalf("%s: %v", stat, err)
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / perSecond
}

// Node is a network namespace, as a pod has one, with an address that the resolvers' namespace reaches.
type Node struct {
	Namespace string
	Address   string
}

// Nodes makes a namespace for each of n servers, and one for the resolvers that a veth pair joins to each of them. They
// go when the test ends; those of a run that was killed go when the next one begins.
func Nodes(t *testing.T, n int) (servers []Node, resolvers string) {
	t.Helper()
	RemoveStale(t)
	prefix := fmt.Sprintf("rr53-%d-", os.Getpid())
	resolvers = prefix + "resolvers"
	AddNamespace(t, resolvers)
	for i := range n {
		server := Node{Namespace: fmt.Sprint(prefix, i), Address: fmt.Sprintf("198.18.%d.2", i)}
		AddNamespace(t, server.Namespace)
		IP(t, "-n %s link add to%d type veth peer name eth0 netns %s", resolvers, i, server.Namespace)
		IP(t, "-n %s addr add 198.18.%d.1/24 dev to%d", resolvers, i, i)
		IP(t, "-n %s addr add %s/24 dev eth0", server.Namespace, server.Address)
		IP(t, "-n %s link set to%d up", resolvers, i)
		IP(t, "-n %s link set eth0 up", server.Namespace)
		servers = append(servers, server)
	}
	return servers, resolvers
}

// AddNamespace makes a network namespace that ends with the test.
func AddNamespace(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	IP(t, "netns add %s", name)
	IP(t, "-n %s link set lo up", name)
}

// IP runs the program ip.
func IP(t *testing.T, format string, args ...any) string {
	t.Helper()
	command := fmt.Sprintf(format, args...)
	out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", command, err, out)
	}
	return string(out)
}

// RemoveStale removes the namespaces of test processes that are no more.
func RemoveStale(t *testing.T) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)^(rr53-(\d+)-\w+)`).FindAllStringSubmatch(IP(t, "netns list"), -1) {
		if _, err := os.Stat("/proc/" + match[2]); os.IsNotExist(err) {
			IP(t, "netns del %s", match[1])
		}
	}
}

// InNamespace calls a function in a namespace; sockets that it makes stay there. The thread is never unlocked, and so ends
// with its goroutine, and nothing else runs in the namespace.
func InNamespace(t *testing.T, namespace string, f func() error) {
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

// DialIn makes a UDP socket in a namespace.
func DialIn(t *testing.T, namespace, address string) (conn *dns.Conn) {
	t.Helper()
	InNamespace(t, namespace, func() (err error) {
		conn, err = dns.Dial("udp", address)
		return err
	})
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Pod is the program in a namespace.
type Pod struct {
	t       *testing.T
	Command *exec.Cmd
	Log     LogBuffer
	Exited  chan struct{} // closed when err says how
	Err     error
}

// RunPod starts the program in a namespace, and returns when it serves.
func RunPod(t *testing.T, namespace, corefile string) *Pod {
	t.Helper()
	p := &Pod{t: t, Command: exec.Command("ip", "netns", "exec", namespace, BuiltBinary(t), "-conf", corefile), Exited: make(chan struct{})}
	p.Command.Stdout, p.Command.Stderr = &p.Log, &p.Log
	p.Command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when this thread ends
		err := p.Command.Start()
		started <- err
		if err == nil {
			p.Err = p.Command.Wait()
		}
		close(p.Exited)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Command.Process.Kill()
		<-p.Exited
	})
	p.AwaitLog("CoreDNS-")
	return p
}

// AwaitLog returns when the program has logged something.
func (p *Pod) AwaitLog(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(p.Log.Since(0), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the log does not say %q:\n%s", text, p.Log.Since(0))
		}
	}
}
