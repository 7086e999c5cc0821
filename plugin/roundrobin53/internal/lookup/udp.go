package lookup

import (
	"context"
	"net"
	"time"
)

const (
	// strayLimit is how many messages that are no answers a lookup waits through. More of them are an
	// attempt to guess its id, so it asks over TCP, where guessing is hard.
	strayLimit = 16
	// socketUses and socketIdle bound the life of a socket. The kernel picks a random port for each,
	// and delivers packets from the server's address and port only. A socket for every lookup would
	// double the cost of looking up many names; for few names, it is one for every lookup.
	socketUses = 16
	socketIdle = 200 * time.Millisecond
)

// newSockets makes the UDP sockets for a server, none at first.
func newSockets(s Server) *connections {
	address := net.UDPAddrFromAddrPort(s.Address)
	return &connections{
		dial:      func(context.Context) (net.Conn, error) { return net.DialUDP("udp", nil, address) },
		idleLimit: socketIdle, usesLimit: socketUses, inUse: make(map[*connection]struct{}),
	}
}

// exchangeUDP asks a server over UDP. It reports whether the question is to be asked again over TCP.
func exchangeUDP(ctx context.Context, p *connections, q query, deadline time.Time) (message []byte, again bool, err error) {
	c, err := p.take(ctx, deadline)
	if err != nil {
		return nil, false, err
	}
	message, strays, err := c.exchangeDatagrams(q)
	p.give(c, err == nil && strays == 0)
	return message, err == nil && (message == nil || isCut(message)), err
}

// exchangeDatagrams sends a query and waits for its answer: nil if strayLimit other messages came.
func (c *connection) exchangeDatagrams(q query) (message []byte, strays int, err error) {
	if _, err := c.Write(q.message); err != nil {
		return nil, 0, err
	}
	buffer := make([]byte, datagramRoom)
	for ; strays < strayLimit; strays++ {
		n, err := c.Read(buffer)
		if err != nil {
			return nil, strays, err
		}
		if q.isAnsweredBy(buffer[:n]) {
			return buffer[:n], strays, nil
		}
	}
	return nil, strays, nil
}
