package datagram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Group is the sockets that take the plain queries of one address.
type Group struct {
	loops  []*loop
	cores  int
	filter filter // that the kernel has
	done   sync.WaitGroup

	mu    sync.Mutex // guards what follows, which only finding the positions needs
	nonce [8]byte
	found map[*loop]uint32
	all   chan struct{} // closed when all are found
}

// maxSockets bounds a group: the filter compares a packet's share with each socket in turn.
const maxSockets = 64

// readBuffer is the room for packets that wait in a socket, in octets; a small one takes 768. What does not fit is lost
// while others use the processor. The kernel gives as much of it as it may (net.core.rmem_max).
const readBuffer = 1 << 20

// Open makes a group of n sockets that listen opens, each at the same address and with SO_REUSEPORT, and begins to
// answer what comes in on them. Cores is how many other sockets have that address and take what is no plain query.
func Open(n, cores int, listen func() (net.PacketConn, error), server func() Server) (*Group, error) {
	g := &Group{cores: cores, filter: anySocket}
	for range min(n, maxSockets) {
		if err := g.add(listen, server()); err != nil {
			g.Close()
			return nil, err
		}
	}
	for _, l := range g.loops {
		g.done.Go(func() {
			if l.run() != nil { // it can't be used any more; the kernel gives its packets to the others
				_ = l.conn.Close()
			}
		})
	}
	if err := g.Steer(cores); err != nil {
		g.Stop()
		g.Close()
		return nil, err
	}
	return g, nil
}

func (g *Group) add(listen func() (net.PacketConn, error), server Server) error {
	conn, err := listen()
	if err != nil {
		return err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return errors.Join(fmt.Errorf("a %T is no UDP socket", conn), conn.Close())
	}
	var l *loop
	if l, err = newLoop(udp, server, func(packet []byte) bool { return g.take(l, packet) }); err != nil {
		return errors.Join(err, conn.Close())
	}
	_ = udp.SetReadBuffer(readBuffer) // smaller, it does, too
	g.loops = append(g.loops, l)
	return nil
}

// Sockets is how many sockets g has.
func (g *Group) Sockets() int { return len(g.loops) }

// Cores is how many other sockets g knows of.
func (g *Group) Cores() int { return g.cores }

// Steer sets the kernel's filter, for so many other sockets. Where its own sockets stand among all of that address is
// found out first: it depends on the order they were opened and closed in.
func (g *Group) Steer(cores int) error {
	plain, rest, err := g.positions(cores)
	if err != nil {
		return err
	}
	g.cores, g.filter = cores, plainFilter(plain, rest)
	return g.attach(g.filter)
}

func (g *Group) attach(f filter) error {
	if err := g.loops[0].control(f.attach); err != nil {
		return fmt.Errorf("the kernel takes no filter for sockets with SO_REUSEPORT: %w", err)
	}
	return nil
}

// grace is how long packets may still come to a socket that the filter has none for any more: the kernel is done with
// those that it looked at before.
const grace = 20 * time.Millisecond

// Stop gives all packets to the other sockets, and returns when those that came before have been served. Replies can
// still be written.
func (g *Group) Stop() {
	if _, rest, err := g.positions(g.cores); err == nil && g.attach(shareOut(rest)) == nil {
		time.Sleep(grace)
	}
	for _, l := range g.loops {
		l.close()
	}
	g.done.Wait()
}

// Close closes the sockets of a group that was stopped.
func (g *Group) Close() {
	for _, l := range g.loops {
		_ = l.conn.Close()
	}
}

// The probes that find positions look like a response, which no server heeds, and are as long as a header.
const (
	probeOctets   = 12
	probePosition = 8 // a position of four octets stands there, behind the nonce
)

// probeBurst is how many probes are sent before the first result is looked at: more than most groups have sockets.
const probeBurst = 16

// probePatience is how long probes may take. They never leave the machine.
const probePatience = 250 * time.Millisecond

// maxPositions is how many positions are tried: as many as sockets may be there, ours and others.
const maxPositions = 512

var errLost = errors.New("packets that this process sends to itself do not come back")

// positions finds the positions of the group's sockets, and those of others before or between them, or as many as there
// are. Packets are sent to all positions in turn; the first one that a socket gets tells its own.
func (g *Group) positions(cores int) (plain, rest []uint32, err error) {
	probe, all := g.startProbing()
	defer g.stopProbing()
	if err := g.attach(probeFilter(binary.BigEndian.Uint32(probe), binary.BigEndian.Uint32(probe[4:]), g.filter)); err != nil {
		return nil, nil, err
	}
	conn, err := net.Dial("udp", g.reachable())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errLost, err)
	}
	defer conn.Close()
	timeout := time.NewTimer(0)
	defer timeout.Stop()
	for position := range uint32(maxPositions) {
		binary.BigEndian.PutUint32(probe[probePosition:], position)
		if _, err := conn.Write(probe); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errLost, err)
		}
		if (position+1)%probeBurst != 0 {
			continue
		}
		timeout.Reset(probePatience)
		select {
		case <-all:
			plain, rest = g.sort(cores)
			return plain, rest, nil
		case <-timeout.C:
		}
	}
	return nil, nil, errLost
}

// reachable is the address of the group as this machine reaches it.
func (g *Group) reachable() string {
	addr := *g.loops[0].conn.LocalAddr().(*net.UDPAddr)
	if addr.IP.IsUnspecified() {
		addr.IP = net.IPv4(127, 0, 0, 1) // Go's sockets for all addresses take IPv4, too
	}
	return addr.String()
}

func (g *Group) startProbing() (probe []byte, all <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	binary.BigEndian.PutUint64(g.nonce[:], rand.Uint64()) //nolint:gosec // it tells probes from queries, and lasts a moment
	g.nonce[2] |= 0x80                                    // QR
	g.found, g.all = make(map[*loop]uint32), make(chan struct{})
	return append(g.nonce[:], make([]byte, probeOctets-len(g.nonce))...), g.all
}

func (g *Group) stopProbing() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found = nil
}

// take takes a packet of the length of probes that came to a socket, if it is one.
func (g *Group) take(l *loop, packet []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil || !slices.Equal(packet[:len(g.nonce)], g.nonce[:]) {
		return false
	}
	if _, ok := g.found[l]; !ok && g.found != nil { // probes may come when all is known
		g.found[l] = binary.BigEndian.Uint32(packet[probePosition:])
		if len(g.found) == len(g.loops) {
			close(g.all)
		}
	}
	return true
}

// sort is the positions that were found, and those of others.
func (g *Group) sort(cores int) (plain, rest []uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.loops {
		plain = append(plain, g.found[l])
	}
	for position := uint32(0); len(rest) < cores; position++ {
		if !slices.Contains(plain, position) {
			rest = append(rest, position)
		}
	}
	return plain, rest
}
