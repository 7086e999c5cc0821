package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that FreePort chooses among. Systems give ports from 32768 on to sockets that ask for any.
const (
	lowestFreePort = 20000
	firstAnyPort   = 32768
)

// FreePort is a port of the loopback address that nobody listens at, over UDP and TCP. Nor does anybody get it by chance:
// until it is listened at, other processes open sockets whose ports the system chooses.
func FreePort() (int, error) {
	const tries = 100
	var err error
	for range tries {
		port := lowestFreePort + rand.IntN(firstAnyPort-lowestFreePort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		var stream net.Listener
		if stream, err = net.Listen("tcp", address); err != nil {
			continue
		}
		var packet net.PacketConn
		packet, err = net.ListenPacket("udp", address)
		_ = stream.Close()
		if err == nil {
			return port, packet.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
