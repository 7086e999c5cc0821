package lookup

import (
	"context"
	"net"
	"time"
)

// strayLimit is how many messages that are no answers a lookup waits through. More of them are an
// attempt to guess its id, so it asks over TCP, where guessing is hard.
const strayLimit = 16

// exchangeUDP asks a server over UDP. Each attempt has a socket of its own, for which the kernel
// picks a random port, and which gets packets from the server's address and port only. It reports
// whether the answer is worth asking for over TCP.
func exchangeUDP(ctx context.Context, s Server, q query) (message []byte, again bool, err error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Address))
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	defer endWith(ctx, conn)()
	if _, err := conn.Write(q.message); err != nil {
		return nil, false, err
	}
	buffer := make([]byte, payloadSize)
	for range strayLimit {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, false, err
		}
		if message := buffer[:n]; q.isAnsweredBy(message) {
			return message, isTruncated(message), nil
		}
	}
	return nil, true, nil
}

// endWith makes the reads and writes of a connection end with a context. The function that it
// returns must be called when they are over.
func endWith(ctx context.Context, conn net.Conn) func() {
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline) //nolint:errcheck // a closed connection says so when it is read
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}
