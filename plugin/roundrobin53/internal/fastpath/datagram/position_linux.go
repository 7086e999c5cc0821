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

// The probes that find positions look like a response, which no server heeds, and are as long as a
// header.
const (
	probeOctets   = 12
	probePosition = 8 // a position of four octets stands there, behind the nonce
)

// Positions are probed in several rounds, since probes are lost where sockets are full. The first
// rounds try only as many positions as there should be sockets; if that is not enough, other sockets
// must have joined.
const (
	probeRounds  = 30
	probeExact   = 2                     // rounds before others are reckoned with
	probePause   = 10 * time.Millisecond // between rounds
	maxPositions = 512
)

var errLost = errors.New("packets that this process sends to itself do not come back")

// findPositions finds the positions of the group's sockets, and those of the given number of other
// sockets. It sends a packet to each position, which names that position to the socket that gets
// it. A packet to a position that does not exist may come to any socket, but each socket also gets
// one with its own, lower position.
func (g *Group) findPositions(others int) (plain, rest []uint32, err error) {
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
	pause := time.NewTicker(probePause)
	defer pause.Stop()
	for round, positions := 0, len(g.loops)+others; round < probeRounds; round++ {
		if round >= probeExact {
			positions = min(2*positions, maxPositions)
		}
		for position := range uint32(positions) {
			binary.BigEndian.PutUint32(probe[probePosition:], position)
			if _, err := conn.Write(probe); err != nil {
				return nil, nil, fmt.Errorf("%w: %w", errLost, err)
			}
		}
		select {
		case <-all:
			plain, rest = g.sort(others)
			return plain, rest, nil
		case <-pause.C:
		}
	}
	return nil, nil, errLost
}

// reachable returns the address at which this machine reaches the group.
func (g *Group) reachable() string {
	addr := *g.loops[0].conn.LocalAddr().(*net.UDPAddr)
	if addr.IP.IsUnspecified() {
		// Go's sockets for all addresses take IPv4, too. Any loopback address will do, so it is not
		// a common one, at which others may listen as well.
		addr.IP = net.IPv4(127, byte(1+rand.IntN(254)), byte(rand.IntN(256)), byte(1+rand.IntN(254))) //nolint:gosec // no secret
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

// takeProbe takes a packet of the length of probes that came to a socket. It reports false if the
// packet is no probe.
func (g *Group) takeProbe(l *loop, packet []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil || !slices.Equal(packet[:len(g.nonce)], g.nonce[:]) {
		return false
	}
	if g.found == nil { // a probe that comes when all positions are known
		return true
	}
	position, before := binary.BigEndian.Uint32(packet[probePosition:]), len(g.found)
	if known, ok := g.found[l]; !ok || position < known {
		g.found[l] = position
	}
	if before < len(g.loops) && len(g.found) == len(g.loops) {
		close(g.all)
	}
	return true
}

// sort returns the positions of the group's sockets, and those of the other sockets.
func (g *Group) sort(others int) (plain, rest []uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.loops {
		plain = append(plain, g.found[l])
	}
	for position := uint32(0); len(rest) < others; position++ {
		if !slices.Contains(plain, position) {
			rest = append(rest, position)
		}
	}
	return plain, rest
}
