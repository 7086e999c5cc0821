package datagram

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// spares are sockets that only send: they take the replies that the other sockets of a group have
// no room for.
//
// A reply to a neighbour that does not exist stays in its socket for the three seconds in which the
// kernel asks for the neighbour's link-layer address. So a few hundred packets a second from such
// addresses fill a socket, which then has no room for any reply. The spares are opened when that
// first happens, and have room for a few thousand. Replies that find no room there are dropped.
//
// The spares have the port that clients ask, but an address that nobody asks, and so get no
// packets. Each reply carries the address that it has to leave from.
type spares struct {
	local unix.Sockaddr // the group's address

	mu      sync.Mutex
	opened  bool
	sockets []*os.File
}

// maxSpares bounds the memory of packets that wait for neighbours. The kernel takes 400 kilobytes a
// socket by default (twice net.core.wmem_max).
const maxSpares = 8

// standFor makes the spares stand in for a socket.
func (s *spares) standFor(fd int) (err error) {
	s.local, err = unix.Getsockname(fd)
	return os.NewSyscallError("getsockname", err)
}

// send sends replies, and returns the same as the function send.
func (s *spares) send(replies []mmsghdr) (rest []mmsghdr, failed error) {
	control := s.source()
	for i := range replies {
		if hdr := &replies[i].hdr; hdr.Control == nil {
			hdr.Control = &control[0]
			hdr.SetControllen(len(control))
		}
	}
	for _, socket := range s.open() {
		raw, err := socket.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { replies, failed = send(fd, replies) })
		}
		if failed = errors.Join(failed, err); len(replies) == 0 {
			break
		}
	}
	return replies, failed
}

// source returns a control message that makes a reply leave from the group's address. Where the
// group has all addresses, each reply carries its own.
func (s *spares) source() []byte {
	switch local := s.local.(type) {
	case *unix.SockaddrInet4:
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.Addr})
	case *unix.SockaddrInet6:
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.Addr, Ifindex: local.ZoneId})
	}
	return nil
}

// open opens the sockets at the first call, and returns them. It returns none if that fails, and
// none after close.
func (s *spares) open() []*os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.opened {
		socket, err := s.listen()
		if err == nil {
			s.sockets = append(s.sockets, socket)
		}
		s.opened = err != nil || len(s.sockets) == maxSpares
	}
	return s.sockets
}

// listen opens a socket at the group's port, and at one of the millions of loopback addresses. One
// of IPv6 can send to both kinds of address from there.
func (s *spares) listen() (*os.File, error) {
	loopback := [4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))} //nolint:gosec // no secret
	var own unix.Sockaddr
	family := unix.AF_INET
	switch local := s.local.(type) {
	case *unix.SockaddrInet4:
		own = &unix.SockaddrInet4{Addr: loopback, Port: local.Port}
	case *unix.SockaddrInet6:
		family, own = unix.AF_INET6, &unix.SockaddrInet6{Addr: netip.AddrFrom4(loopback).As16(), Port: local.Port}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// The rest of the group has the port, too.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	if err == nil {
		err = unix.Bind(fd, own)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, writeBuffer)
	return os.NewFile(uintptr(fd), "spare"), nil
}

// close closes the sockets, so that none is opened again.
func (s *spares) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, socket := range s.sockets {
		_ = socket.Close()
	}
	s.opened, s.sockets = true, nil
}
