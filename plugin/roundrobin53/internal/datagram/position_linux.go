package datagram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"time"
)

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
