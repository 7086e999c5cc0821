//go:build !linux

package datagram

import (
	"errors"
	"net"
	"net/netip"
)

// A Group holds the sockets that take the plain queries of one address.
type Group struct{}

// Open returns an error: only Linux has what a group needs.
func Open(int, int, func() (net.PacketConn, error), func() Server) (*Group, error) {
	return nil, errors.New("it needs Linux")
}

// Resize changes the number of sockets.
func (*Group) Resize(int, int) error { return nil }

// Steer sets the kernel's filter, given the number of other sockets.
func (*Group) Steer(int) error { return nil }

// Stop gives all packets to the other sockets.
func (*Group) Stop() {}

// Close closes the sockets.
func (*Group) Close() {}

type slot struct{ loop struct{ conn *net.UDPConn } }

func (*slot) source() netip.AddrPort { return netip.AddrPort{} }

func (*slot) client() netip.Addr { return netip.Addr{} }

func (*slot) isIPv4() bool { return false }

// A Reply is the way back to where a packet came from.
type Reply struct{}

// Write sends a reply.
func (*Reply) Write([]byte) (int, error) { return 0, errors.New("it needs Linux") }

func (*slot) detach() Reply { return Reply{} }
