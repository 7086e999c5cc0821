//go:build unix

package health

import (
	"errors"
	"net"
	"syscall"
)

// quiet says whether a kept connection is fit for a request: the other side neither closed it nor sent something that
// nobody asked for, such as a 408, which would pass for the answer to the next request.
func quiet(conn *net.TCPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Read(func(descriptor uintptr) bool {
		var octet [1]byte
		_, err := syscall.Read(int(descriptor), octet[:]) // does not wait: Go's sockets never do
		silent = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && silent
}
