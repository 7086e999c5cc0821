package datagram

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A slot is the room for a packet and its reply.
type slot struct {
	loop    *loop
	number  int
	name    unix.RawSockaddrInet6 // where the packet came from: the larger of the two kinds of address
	iov     unix.Iovec
	outIov  unix.Iovec
	octets  [inOctets]byte
	control [8]uint64 // aligned as the kernel requires
	reply   [outOctets]byte
}

// freeInterface removes the interface from a control message: a reply may leave by another
// interface than the packet came by.
func (s *slot) freeInterface(length int) {
	const hdr = unix.SizeofCmsghdr // of 16 octets or of 12, without padding behind it
	cmsg := (*unix.Cmsghdr)(unsafe.Pointer(&s.control))
	info := unsafe.Add(unsafe.Pointer(&s.control), hdr)
	if length < hdr {
		return
	}
	switch {
	case cmsg.Level == unix.IPPROTO_IP && cmsg.Type == unix.IP_PKTINFO && length >= hdr+unix.SizeofInet4Pktinfo:
		(*unix.Inet4Pktinfo)(info).Ifindex = 0
	case cmsg.Level == unix.IPPROTO_IPV6 && cmsg.Type == unix.IPV6_PKTINFO && length >= hdr+unix.SizeofInet6Pktinfo:
		info := (*unix.Inet6Pktinfo)(info)
		if !netip.AddrFrom16(info.Addr).IsLinkLocalUnicast() { // such an address is nothing without its interface
			info.Ifindex = 0
		}
	}
}

// source returns the address and port that the packet came from.
func (s *slot) source() netip.AddrPort {
	port := func(octets *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(octets))[:]) }
	if s.name.Family == unix.AF_INET {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name))
		return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), port(&name.Port))
	}
	addr := netip.AddrFrom16(s.name.Addr)
	if s.name.Scope_id != 0 {
		addr = addr.WithZone(s.loop.interfaceName(s.name.Scope_id))
	}
	return netip.AddrPortFrom(addr, port(&s.name.Port))
}

// client returns the address that the packet came from, without its zone.
func (s *slot) client() netip.Addr {
	if s.name.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name)).Addr)
	}
	return netip.AddrFrom16(s.name.Addr).Unmap()
}

// interfaceName returns the name of an interface, or its number if it has gone. It makes one system
// call; package net would read the table of all interfaces.
func (l *loop) interfaceName(number uint32) string {
	name := strconv.FormatUint(uint64(number), 10)
	request, err := unix.NewIfreq("")
	if err != nil {
		return name
	}
	request.SetUint32(number)
	if l.control(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFNAME, request) }) == nil {
		name = request.Name()
	}
	return name
}

// isIPv4 reports whether the packet came by IPv4; a socket of IPv6 has the address mapped (RFC 4291
// §2.5.5.2).
func (s *slot) isIPv4() bool {
	return s.name.Family == unix.AF_INET || netip.AddrFrom16(s.name.Addr).Is4In6()
}

// A Reply is the way back to where a packet came from.
type Reply struct {
	loop    *loop
	name    unix.RawSockaddrInet6
	length  uint32    // of name
	control [8]uint64 // so that the reply leaves from the address that the packet came to
	octets  int       // of control
}

func (s *slot) detach() Reply {
	hdr := &s.loop.in[s.number].hdr
	r := Reply{loop: s.loop, name: s.name, length: hdr.Namelen, octets: int(hdr.Controllen)}
	if hdr.Control != nil {
		s.freeInterface(r.octets)
		r.control = s.control
	}
	return r
}

// errFull is returned when packets to clients that don't exist, or are slow to be found, fill all
// sockets.
var errFull = errors.New("no room for a reply")

// Write sends a reply. It does not wait.
func (r *Reply) Write(octets []byte) (int, error) {
	if len(octets) == 0 {
		return 0, nil
	}
	var rest []mmsghdr
	packets := r.packets(octets)
	err := r.loop.control(func(fd int) (failed error) {
		rest, failed = send(uintptr(fd), packets)
		return failed
	})
	if errors.Is(err, net.ErrClosed) { // the group has fewer sockets since
		rest = packets
	}
	if len(rest) > 0 {
		rest, err = r.loop.spares.send(rest)
	}
	switch {
	case err != nil:
		return 0, err
	case len(rest) > 0:
		return 0, errFull
	}
	return len(octets), nil
}

// packets returns the reply as a batch of one packet.
func (r *Reply) packets(octets []byte) []mmsghdr {
	iov := unix.Iovec{Base: &octets[0]}
	iov.SetLen(len(octets))
	hdr := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&r.name)), Namelen: r.length, Iov: &iov}
	hdr.SetIovlen(1)
	if r.octets > 0 {
		hdr.Control = (*byte)(unsafe.Pointer(&r.control))
		hdr.SetControllen(r.octets)
	}
	return []mmsghdr{{hdr: hdr}}
}
