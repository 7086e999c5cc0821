//go:build !unix

package health

import "net"

// drain can't read without waiting here.
func drain(*net.TCPConn) bool { return true }
