package datagram

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Group holds the sockets that take the plain queries of one address.
type Group struct {
	listen func() (net.PacketConn, error)
	server func() Server
	spares *spares
	plain  []uint32 // positions of its sockets
	rest   []uint32 // positions of the others
	filter filter   // the one that the kernel has

	mu    sync.Mutex // guards the fields below, which are needed to find the positions
	loops []*loop
	nonce [8]byte
	found map[*loop]uint32
	all   chan struct{} // closed when all are found
}

// maxSockets bounds a group, since the filter compares a packet's share with each socket in turn.
const maxSockets = 64

// readBuffer is the room for packets that wait in a socket, in octets; a small packet takes 768.
// Packets that find no room while other programs use the processor are lost. The kernel grants no
// more than net.core.rmem_max.
const readBuffer = 1 << 20

// writeBuffer is the room for replies that wait for the network, in octets. The kernel grants no
// more than net.core.wmem_max. Replies that find no room go to the spares.
const writeBuffer = 1 << 20

// Open makes a group of n sockets and begins to answer what comes in on them. Listen opens each
// socket, at the same address and with SO_REUSEPORT. Others is the number of sockets outside the
// group that have this address and take all packets that can't be plain queries.
func Open(n, others int, listen func() (net.PacketConn, error), server func() Server) (*Group, error) {
	g := &Group{listen: listen, server: server, spares: new(spares), filter: anySocket}
	if err := g.Resize(n, others); err != nil {
		if len(g.loops) > 0 {
			g.Stop()
			g.Close()
		}
		return nil, err
	}
	return g, nil
}

// Resize makes the group have n sockets, beside the given number of other sockets at the address.
// No packet is lost: a socket is closed only after the kernel was told to give it no more packets.
// A socket that has failed is replaced.
func (g *Group) Resize(n, others int) error {
	n = max(1, min(n, maxSockets))
	var excess []*loop
	g.mu.Lock()
	g.loops = slices.DeleteFunc(g.loops, (*loop).hasEnded)
	has := len(g.loops)
	g.mu.Unlock()
	for range n - has {
		if err := g.add(); err != nil {
			return err
		}
	}
	if err := g.Steer(others); err != nil || n >= has {
		return err
	}
	if err := g.attach(plainFilter(g.plain[:n], g.rest)); err != nil {
		return err
	}
	time.Sleep(grace)
	g.mu.Lock()
	g.loops, excess = g.loops[:n:n], g.loops[n:]
	g.mu.Unlock()
	for _, l := range excess {
		l.close()
		<-l.ended
		_ = l.drain()
		_ = l.conn.Close()
	}
	return g.Steer(others) // when a socket leaves the group, the last one takes its position
}

// add opens a socket, and begins to answer what comes in on it.
func (g *Group) add() error {
	conn, err := g.listen()
	if err != nil {
		return err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return errors.Join(fmt.Errorf("a %T is no UDP socket", conn), conn.Close())
	}
	var l *loop
	l, err = newLoop(udp, g.spares, g.server(), func(packet []byte) bool { return g.takeProbe(l, packet) })
	if err == nil && len(g.loops) == 0 {
		err = l.control(g.spares.standFor)
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	_ = udp.SetReadBuffer(readBuffer) // a smaller one does, too
	_ = udp.SetWriteBuffer(writeBuffer)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loops = append(g.loops, l)
	go l.runToEnd()
	return nil
}

// Steer sets the kernel's filter, given the number of other sockets. First it finds the positions
// of the group's own sockets among all of the address: they depend on the order in which sockets
// were opened and closed.
func (g *Group) Steer(others int) error {
	plain, rest, err := g.findPositions(others)
	if err != nil {
		return err
	}
	g.plain, g.rest, g.filter = plain, rest, plainFilter(plain, rest)
	return g.attach(g.filter)
}

func (g *Group) attach(f filter) error {
	if err := g.loops[len(g.loops)-1].control(f.attach); err != nil {
		return fmt.Errorf("the kernel takes no filter for sockets with SO_REUSEPORT: %w", err)
	}
	return nil
}

// grace is how long packets may still come to a socket after the filter stopped choosing it: the
// kernel is done with the packets that it looked at before.
const grace = 20 * time.Millisecond

// Stop gives all packets to the other sockets, and returns when the packets that came before have
// been served. Replies can still be written.
//
// Each socket that leaves the group gives another its position, and without a filter all sockets get
// packets until they are closed. So the sockets are connected, and the kernel passes them over (from
// Linux 5.4 on); then nothing depends on positions any more, and the filter goes. What came in the
// meantime is served at last.
func (g *Group) Stop() {
	if g.attach(shareOut(g.rest)) == nil {
		time.Sleep(grace)
	}
	for _, l := range g.loops {
		l.close()
	}
	for _, l := range g.loops {
		<-l.ended
	}
	_ = g.attach(anySocket)
	for _, l := range g.loops {
		_ = l.control(connect)
	}
	time.Sleep(grace)
	for _, l := range g.loops {
		_ = l.drain()
	}
}

// Close closes the sockets of a stopped group, when no reply is to be written any more. The kernel
// then behaves as without the group, whoever listens there next.
func (g *Group) Close() {
	for _, l := range g.loops {
		_ = l.conn.Close()
	}
	g.spares.close()
}

// connect connects a socket to a port of this machine that nobody sends from.
func connect(fd int) error {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	const discard = 9
	if _, ok := name.(*unix.SockaddrInet4); ok {
		return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet4{Port: discard, Addr: [4]byte{127, 0, 0, 1}}))
	}
	return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet6{Port: discard, Addr: [16]byte{15: 1}}))
}
