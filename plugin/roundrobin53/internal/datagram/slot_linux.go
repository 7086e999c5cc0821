package datagram

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slot is what a packet and its reply take.
type slot struct {
	loop    *loop
	number  int
	name    unix.RawSockaddrInet6 // where the packet came from: the larger of the two kinds of address
	iov     unix.Iovec
	outIov  unix.Iovec
	octets  [inOctets]byte
	control [8]uint64 // aligned as the kernel wants it
	reply   [outOctets]byte
}

// freeInterface takes the interface out of a control message: a reply may leave by another one than the packet came by.
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

// source is where the packet came from.
func (s *slot) source() netip.AddrPort {
	port := func(octets *uint16) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(octets))[:]) }
	if s.name.Family == unix.AF_INET {
		name := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.name))
		return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), port(&name.Port))
	}
	addr := netip.AddrFrom16(s.name.Addr)
	if s.name.Scope_id != 0 {
		if itf, err := net.InterfaceByIndex(int(s.name.Scope_id)); err == nil {
			addr = addr.WithZone(itf.Name)
		}
	}
	return netip.AddrPortFrom(addr, port(&s.name.Port))
}

// isIPv4 reports whether the packet came by IPv4; a socket of IPv6 has the address mapped (RFC 4291 §2.5.5.2).
func (s *slot) isIPv4() bool {
	return s.name.Family == unix.AF_INET || netip.AddrFrom16(s.name.Addr).Is4In6()
}

func (s *slot) detach() Reply {
	length := int(s.loop.in[s.number].hdr.Controllen)
	s.freeInterface(length)
	octets := unsafe.Slice((*byte)(unsafe.Pointer(&s.control)), length)
	return Reply{conn: s.loop.conn, control: slices.Clone(octets), to: s.source()}
}
