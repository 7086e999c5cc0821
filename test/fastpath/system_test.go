//go:build system

package fastpath

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// fastCorefile is a zone with fastpath whose aliases, and names of no zone, go down the chain.
const fastCorefile = `example.org:1053 {
	roundrobin53 {
		fastpath
		record app A 192.0.2.1 192.0.2.2 192.0.2.3
		record alias CNAME www.example.net.
	}
}
`

// runFast runs the program with fastCorefile in a namespace, and returns when the fast path answers.
func runFast(t *testing.T, namespace string) *server.Pod {
	t.Helper()
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"Corefile": fastCorefile})
	p := server.RunPod(t, namespace, filepath.Join(dir, "Corefile"))
	p.AwaitLog("fastpath: example.org. at dns://:1053: used")
	return p
}

// TestSystemFastLinkLocal guards the receive loop against the price of a client's zone, the interface that an address of
// fe80::/10 belongs to: queries of such clients that go down the chain cost what those of others do, on a host with a
// hundred interfaces, too.
func TestSystemFastLinkLocal(t *testing.T) {
	servers, resolvers := server.Nodes(t, 1)
	node := servers[0]
	for i := range 100 {
		server.IP(t, "-n %s link add veth%d type veth peer name peer%d", node.Namespace, i, i)
	}
	server.IP(t, "-n %s addr add fd00::1/64 dev to0 nodad", resolvers)
	server.IP(t, "-n %s addr add fd00::2/64 dev eth0 nodad", node.Namespace)
	server.IP(t, "-n %s addr add fe80::2/64 dev eth0 nodad", node.Namespace)
	p := runFast(t, node.Namespace)
	const queries = 4000
	cost := func(address string) time.Duration {
		conn := server.DialIn(t, resolvers, address)
		ask := func(name string, rcode int) {
			m := exchangeOn(t, conn, server.Question(name, dns.TypeA))
			if m.Rcode != rcode {
				t.Fatalf("%s: %s", address, dns.RcodeToString[m.Rcode])
			}
		}
		server.Eventually(t, "the address can be asked", func() bool { // neighbours are found, addresses are no longer tentative
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			if conn.WriteMsg(server.Question("app.example.org", dns.TypeA)) != nil {
				return false
			}
			_, err := conn.ReadMsg()
			return err == nil
		})
		before := p.CPU()
		for range queries {
			ask("nowhere.example.net", dns.RcodeRefused)
		}
		return (p.CPU() - before) / queries
	}
	global, linkLocal := cost("[fd00::2]:1053"), cost(fmt.Sprintf("[fe80::2%%%d]:1053", interfaceNumber(t, resolvers, "to0")))
	t.Logf("CPU per query: %v, from a link-local address %v", global, linkLocal)
	if linkLocal > 3*global { // a table of 200 interfaces costs more than ten times as much
		t.Errorf("a query costs %v, and one from a link-local address %v", global, linkLocal)
	}
}

// exchangeOn asks on a connection, and again where a reply is lost.
func exchangeOn(t *testing.T, conn *dns.Conn, m *dns.Msg) *dns.Msg {
	t.Helper()
	for range 5 {
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		if err := conn.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
		for {
			reply, err := conn.ReadMsg()
			if err != nil {
				break
			}
			if reply.Id == m.Id {
				return reply
			}
		}
	}
	t.Fatalf("no answer from %s", conn.RemoteAddr())
	return nil
}

// interfaceNumber is the index of an interface of a namespace.
func interfaceNumber(t *testing.T, namespace, name string) int {
	t.Helper()
	var links []struct {
		Index int `json:"ifindex"`
	}
	if err := json.Unmarshal([]byte(server.IP(t, "-json -n %s link show %s", namespace, name)), &links); err != nil || len(links) != 1 {
		t.Fatalf("interface %s: %v, %v", name, links, err)
	}
	return links[0].Index
}

// TestSystemFastAbsentClients guards clients against neighbours that do not exist: replies to these wait for seconds in the
// server's sockets until the kernel gives up looking for them. Meanwhile all others get answers, from the fast path and
// from the chain, and the program ends when it is told to.
func TestSystemFastAbsentClients(t *testing.T) {
	servers, resolvers := server.Nodes(t, 1)
	address := servers[0].Address + ":1053"
	p := runFast(t, servers[0].Namespace)
	conn := server.DialIn(t, resolvers, address)
	exchangeOn(t, conn, server.Question("app.example.org", dns.TypeA))

	stop := absentClients(t, resolvers, address)
	want := map[string]int{"app.example.org": 3, "alias.example.org": 1} // the chain can't follow the CNAME, and tells it
	for i := range 1000 {
		name := []string{"app.example.org", "alias.example.org"}[i%2]
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second)) // less than a reply waits
		m := server.Question(name, dns.TypeA)
		if err := conn.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
		if reply, err := conn.ReadMsg(); err != nil || reply.Id != m.Id || len(reply.Answer) != want[name] {
			t.Fatalf("query %d for %s: %v, %v", i, name, reply, err)
		}
		time.Sleep(5 * time.Millisecond) // so that replies to the others pile up
	}
	if err := p.Command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Exited:
	case <-time.After(15 * time.Second): // dnsserver waits for 5
		t.Error("the program has not ended after 15 seconds")
	}
	stop()
}

// absentClients asks from a hundred addresses of the server's own subnet that no host has, some thousand times a second,
// until it is stopped.
func absentClients(t *testing.T, namespace, address string) (stop func()) {
	t.Helper()
	network := address[:strings.LastIndex(address, ".")+1]
	conns := make([]net.Conn, 0, 100)
	for i := range cap(conns) {
		dialer := net.Dialer{
			LocalAddr: &net.UDPAddr{IP: net.ParseIP(network + strconv.Itoa(100+i))},
			Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1) })
			},
		}
		server.InNamespace(t, namespace, func() error {
			conn, err := dialer.DialContext(context.Background(), "udp", address)
			conns = append(conns, conn)
			return err
		})
	}
	query, err := server.Question("app.example.org", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-pace.C:
				_, _ = conns[i%len(conns)].Write(query)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
}

// TestSystemFastDiffersNowhere is TestFastDiffersNowhere with other packets, 200,000 of them.
func TestSystemFastDiffersNowhere(t *testing.T) { compareFast(t, 1053, 50_000) }
