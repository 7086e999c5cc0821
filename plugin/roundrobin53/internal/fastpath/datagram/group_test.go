//go:build linux

package datagram

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen opens a UDP socket with SO_REUSEPORT.
func listen(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	conn, err := open(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.UDPConn)
}

func open(addr string) (net.PacketConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }), err)
	}}
	return config.ListenPacket(context.Background(), "udp", addr)
}

// serveCore answers like a core: with "core" behind the query.
func serveCore(conn *net.UDPConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if n > 2 && buf[2]&0x80 == 0 { // no response
			_, _ = conn.WriteToUDPAddrPort(append(buf[:n:n], "core"...), from)
		}
	}
}

// echo answers with "group" behind the query.
type echo struct{ served *atomic.Int64 }

func (e echo) Serve(batch []Packet) {
	for i := range batch {
		if p := &batch[i]; len(p.In) > 2 && p.In[2]&0x80 == 0 {
			p.Out = append(append(p.Out, p.In...), "group"...)
			e.served.Add(1)
		}
	}
}

// start opens a core's sockets and a group beside them.
func start(t *testing.T, addr string, sockets, cores int) (g *Group, at string, served *atomic.Int64) {
	t.Helper()
	for range cores {
		core := listen(t, addr)
		at = core.LocalAddr().String()
		addr = at
		go serveCore(core)
	}
	served = new(atomic.Int64)
	g, err := Open(sockets, cores, func() (net.PacketConn, error) { return open(at) }, func() Server { return echo{served} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Stop(); g.Close() })
	return g, at, served
}

// message returns a header with flags and the numbers of records of its sections, and some octets.
func message(flags uint16, counts ...uint16) []byte {
	m := binary.BigEndian.AppendUint16([]byte{1, 2}, flags)
	for _, n := range counts {
		m = binary.BigEndian.AppendUint16(m, n)
	}
	return append(m, "and some more"...)
}

// ask sends a packet from a socket of its own, and returns what comes behind it in the answer.
func ask(t *testing.T, at string, packet []byte) string {
	t.Helper()
	conn, err := net.Dial("udp", at) // connected: an answer from another address is not seen
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 1024)
	_, err = conn.Write(packet)
	n := 0
	if err == nil {
		n, err = conn.Read(buf)
	}
	if err != nil {
		t.Errorf("ask %s: %v", at, err)
		return ""
	}
	return string(buf[len(packet):n])
}

func TestFilterSharesOut(t *testing.T) {
	for _, where := range []struct {
		name, addr string
		cores      int
	}{
		{"IPv4", "127.0.0.1:0", 1},
		{"IPv6", "[::1]:0", 1},
		{"all addresses", ":0", 1},
		{"several sockets of the core", "127.0.0.1:0", 3},
	} {
		t.Run(where.name, func(t *testing.T) {
			_, at, _ := start(t, where.addr, 2, where.cores)
			for _, row := range []struct {
				name   string
				packet []byte
				want   string
			}{
				{"a query", message(0, 1, 0, 0, 0), "group"},
				{"with flags", message(0x0130, 1, 0, 0, 0), "group"},
				{"with an additional record", message(0, 1, 0, 0, 1), "group"},
				{"with two", message(0, 1, 0, 0, 2), "core"},
				{"with an answer record", message(0, 1, 1, 0, 0), "core"},
				{"with an authority record", message(0, 1, 0, 1, 0), "core"},
				{"without a question", message(0, 0, 0, 0, 0), "core"},
				{"with two questions", message(0, 2, 0, 0, 0), "core"},
				{"NOTIFY", message(4<<11, 1, 0, 0, 0), "core"},
				{"short", []byte{1, 2, 0, 0, 0}, "core"},
			} {
				for range 8 { // from as many flows
					if got := ask(t, at, row.packet); got != row.want {
						t.Errorf("%s: got an answer of the %s, want one of the %s", row.name, got, row.want)
					}
				}
			}
		})
	}
}

// TestReplyLeavesFromTheAddressAsked guards sockets that listen at all addresses: a client drops an
// answer that comes from another address than it asked.
func TestReplyLeavesFromTheAddressAsked(t *testing.T) {
	_, at, _ := start(t, ":0", 2, 1)
	_, port, _ := net.SplitHostPort(at)
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"} {
		if got := ask(t, net.JoinHostPort(host, port), message(0, 1, 0, 0, 0)); got != "group" {
			t.Errorf("%s: got an answer of the %s", host, got)
		}
	}
}

// TestPositionsAreFound guards groups whose sockets stand elsewhere than at the end: those of the
// core may have come later, and one that is closed gives its position to the last.
func TestPositionsAreFound(t *testing.T) {
	first := listen(t, "127.0.0.1:0")
	go serveCore(first)
	addr := first.LocalAddr().String()
	g, _, _ := start(t, addr, 2, 1) // positions: first, 1 and 2 ours, its core
	plain, rest, err := g.findPositions(2)
	if err != nil || plain[0]+plain[1] != 5 || len(rest) != 2 {
		t.Fatalf("positions: got %v and %v, %v, want 2 and 3 in either order, and 0 and 1", plain, rest, err)
	}
	last := listen(t, addr)
	go serveCore(last)
	_ = first.Close() // the last takes its position
	if err := g.Steer(2); err != nil {
		t.Fatal(err)
	}
	if plain, rest, err = g.findPositions(2); err != nil || plain[0]+plain[1] != 5 || rest[0] != 0 || rest[1] != 1 {
		t.Fatalf("positions after a change: got %v and %v, %v, want 2 and 3, and 0 and 1", plain, rest, err)
	}
	for range 16 {
		if got := ask(t, addr, message(0, 1, 0, 0, 0)); got != "group" {
			t.Errorf("a query: got an answer of the %s", got)
		}
		if got := ask(t, addr, message(0, 2, 0, 0, 0)); got != "core" {
			t.Errorf("another message: got an answer of the %s", got)
		}
	}
}

// TestStopLosesNothing has clients ask without a pause while the group comes and goes.
func TestStopLosesNothing(t *testing.T) {
	core := listen(t, "127.0.0.1:0")
	go serveCore(core)
	at := core.LocalAddr().String()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var asked, served atomic.Int64
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					ask(t, at, message(0, 1, 0, 0, 0))
					asked.Add(1)
				}
			}
		})
	}
	for range 5 {
		g, err := Open(2, 1, func() (net.PacketConn, error) { return open(at) }, func() Server { return echo{&served} })
		if err != nil {
			t.Fatal(err)
		}
		for before := served.Load(); served.Load() == before; {
			if got := ask(t, at, message(0, 1, 0, 0, 0)); got != "group" {
				t.Errorf("got an answer of the %s while there is a group", got)
			}
		}
		g.Stop()
		if got := ask(t, at, message(0, 1, 0, 0, 0)); got != "core" {
			t.Errorf("got an answer of the %s after the group was stopped", got)
		}
		g.Close()
	}
	close(stop)
	clients.Wait()
	if asked.Load() == 0 {
		t.Error("nobody asked")
	}
}

// TestResizeLosesNothing has clients ask without a pause while sockets come and go, and one of them
// fails.
func TestResizeLosesNothing(t *testing.T) {
	g, at, _ := start(t, "127.0.0.1:0", 2, 1)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					ask(t, at, message(0, 1, 0, 0, 0)) // the core may answer while a socket takes another's position
				}
			}
		})
	}
	for _, n := range []int{4, 1, 3, 3, 2} {
		if err := g.Resize(n, 1); err != nil {
			t.Fatal(err)
		}
		plain, rest, err := g.findPositions(1)
		if err != nil || len(plain) != n || !slices.Equal(plain, g.plain) || !slices.Equal(rest, g.rest) {
			t.Fatalf("%d sockets: they stand at %v and %v, %v; the filter has %v and %v", n, plain, rest, err, g.plain, g.rest)
		}
		for range 16 {
			if got := ask(t, at, message(0, 1, 0, 0, 0)); got != "group" {
				t.Errorf("%d sockets: got an answer of the %s", n, got)
			}
		}
	}
	close(stop)
	clients.Wait()

	failed := g.loops[0]
	_ = failed.conn.Close()
	<-failed.ended
	if err := g.Resize(2, 1); err != nil || len(g.loops) != 2 || slices.Contains(g.loops, failed) {
		t.Errorf("after one has failed: %d sockets, %v", len(g.loops), err)
	}
}

// TestDetachedReplyOfSocketThatWent guards queries that wait when their socket is closed since the
// group needs fewer.
func TestDetachedReplyOfSocketThatWent(t *testing.T) {
	core := listen(t, "127.0.0.1:0")
	at := core.LocalAddr().String()
	replies := make(chan func(), 16)
	g, err := Open(2, 1, func() (net.PacketConn, error) { return open(at) }, func() Server { return later{replies, false} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Stop(); g.Close() })
	query := message(0, 1, 0, 0, 0)
	conns := make([]net.Conn, 16) // so that both sockets have some
	for i := range conns {
		conns[i], err = net.Dial("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		_, _ = conns[i].Write(query)
	}
	waiting := make([]func(), len(conns))
	for i := range waiting {
		waiting[i] = <-replies
	}
	if err := g.Resize(1, 1); err != nil {
		t.Fatal(err)
	}
	for _, reply := range waiting {
		reply()
	}
	for _, conn := range conns {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Error(err)
		}
	}
}

// later answers packets when the batch has gone.
type later struct {
	replies   chan func()
	useSpares bool // as if the socket had no room
}

func (s later) Serve(batch []Packet) {
	for i := range batch {
		p := &batch[i]
		if len(p.In) == 0 {
			continue
		}
		in, reply, source := string(p.In), p.Detach(), p.Source()
		text := netip.AddrPortFrom(source.Addr().Unmap(), source.Port()).String()
		if s.useSpares {
			s.replies <- func() { _, _ = reply.loop.spares.send(reply.packets([]byte(in + text))) }
		} else {
			s.replies <- func() { _, _ = reply.Write([]byte(in + text)) }
		}
	}
}

// TestDetachedReply checks that a reply goes to the client and comes from the address that it
// asked: from the socket that the packet came to, and from a spare.
func TestDetachedReply(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		for _, useSpares := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, spares %t", addr, useSpares), func(t *testing.T) { checkDetachedReplies(t, addr, useSpares) })
		}
	}
}

func checkDetachedReplies(t *testing.T, addr string, useSpares bool) {
	t.Helper()
	core := listen(t, addr)
	at := core.LocalAddr().String()
	replies := make(chan func(), 16)
	g, err := Open(1, 1, func() (net.PacketConn, error) { return open(at) }, func() Server { return later{replies, useSpares} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Stop(); g.Close() })
	_, port, _ := net.SplitHostPort(at)
	hosts := []string{"127.0.0.1"}
	switch addr {
	case "[::1]:0":
		hosts = []string{"::1"}
	case ":0":
		hosts = []string{"127.0.0.3", "::1"}
	}
	for _, host := range hosts {
		conn, err := net.Dial("udp", net.JoinHostPort(host, port)) // connected: it hears only the address that it asks
		if err != nil {
			t.Fatal(err)
		}
		query := message(0, 1, 0, 0, 0)
		_, _ = conn.Write(query)
		(<-replies)()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 512)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		if got, want := string(buf[len(query):n]), conn.LocalAddr().String(); got != want {
			t.Errorf("%s: Source says %s, the client is %s", host, got, want)
		}
		_ = conn.Close()
	}
}

// TestSparesAreClosed guards the group's port: a reply that comes late opens no socket that stays.
func TestSparesAreClosed(t *testing.T) {
	g, _, _ := start(t, "127.0.0.1:0", 1, 1)
	if opened := g.spares.open(); len(opened) != maxSpares {
		t.Errorf("%d spares, want %d", len(opened), maxSpares)
	}
	g.spares.close()
	if opened := g.spares.open(); len(opened) > 0 {
		t.Errorf("%d spares after the end", len(opened))
	}
}

func TestInterfaceName(t *testing.T) {
	g, _, _ := start(t, "127.0.0.1:0", 1, 1)
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	none := uint32(0)
	for i := range all {
		number := uint32(all[i].Index)
		if got := g.loops[0].interfaceName(number); got != all[i].Name {
			t.Errorf("interface %d: got %q, want %q", number, got, all[i].Name)
		}
		none = max(none, number+1000)
	}
	if got, want := g.loops[0].interfaceName(none), strconv.Itoa(int(none)); got != want {
		t.Errorf("no interface: got %q, want %q", got, want)
	}
}

// large answers with more octets than there is room for.
type large struct{}

func (large) Serve(batch []Packet) {
	for i := range batch {
		batch[i].Out = append(append(batch[i].Out, batch[i].In...), make([]byte, 3*outOctets)...)
	}
}

func TestLargeReply(t *testing.T) {
	core := listen(t, "127.0.0.1:0")
	at := core.LocalAddr().String()
	g, err := Open(1, 1, func() (net.PacketConn, error) { return open(at) }, func() Server { return large{} })
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	defer g.Stop()
	conn, _ := net.Dial("udp", at)
	defer conn.Close()
	query := message(0, 1, 0, 0, 0)
	_, _ = conn.Write(query)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 1<<16)
	if n, err := conn.Read(buf); err != nil || n != len(query)+3*outOctets {
		t.Errorf("got %d octets, %v, want %d", n, err, len(query)+3*outOctets)
	}
}

func TestOpenFails(t *testing.T) {
	core := listen(t, "127.0.0.1:0")
	at := core.LocalAddr().String()
	for _, row := range []struct {
		name   string
		listen func() (net.PacketConn, error)
	}{
		{"no socket", func() (net.PacketConn, error) { return nil, os.ErrPermission }},
		{"no UDP", func() (net.PacketConn, error) { return net.ListenPacket("unixgram", t.TempDir()+"/socket") }},
		{"no SO_REUSEPORT", func() (net.PacketConn, error) { return net.ListenPacket("udp", "127.0.0.1:0") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			if g, err := Open(2, 1, row.listen, func() Server { return large{} }); err == nil {
				g.Stop()
				g.Close()
				t.Error("Open: no error")
			}
		})
	}
	go serveCore(core)
	if got := ask(t, at, message(0, 1, 0, 0, 0)); got != "core" {
		t.Errorf("got an answer of the %s after starts that failed", got)
	}
}

func TestLoopAllocatesNothing(t *testing.T) {
	_, at, served := start(t, "127.0.0.1:0", 1, 1)
	conn, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	query, buf := message(0, 1, 0, 0, 0), make([]byte, 512)
	exchange := func() {
		if _, err := conn.Write(query); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	before := served.Load()
	const runs = 1000
	allocations := testing.AllocsPerRun(runs, exchange) // of all goroutines
	if allocations != 0 || served.Load()-before != runs+1 {
		t.Errorf("%d packets of %d served, %v allocations each, want 0", served.Load()-before, runs+1, allocations)
	}
}
