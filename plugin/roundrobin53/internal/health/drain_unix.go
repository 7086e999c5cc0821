//go:build unix

package health

import (
	"errors"
	"net"
	"syscall"
)

// drainReads bounds what is read of a peer that goes on sending, to 64 KiB.
const drainReads = 16

// drain reads what has come over a connection, without waiting, and reports whether that is all
// there will be.
func drain(conn *net.TCPConn) (ended bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Read(func(descriptor uintptr) bool {
		var octets [4096]byte
		for range drainReads {
			n, err := syscall.Read(int(descriptor), octets[:]) // does not wait: Go's sockets never do
			if n <= 0 {
				ended = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
				break
			}
		}
		return true
	})
	return ended || err != nil
}
