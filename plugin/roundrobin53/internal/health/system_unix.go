//go:build unix

package health

import (
	"errors"
	"net"
	"syscall"
)

// openFileLimit returns how many files this process may have open. Go's runtime has already raised
// the limit as far as it may.
func openFileLimit() uint64 {
	limit := syscall.Rlimit{Cur: 1024}                   // what every Unix allows
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) // does not fail for a limit that there is
	return uint64(limit.Cur)                             //nolint:unconvert // signed on FreeBSD
}

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
