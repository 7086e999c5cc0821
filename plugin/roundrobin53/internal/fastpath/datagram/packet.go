// Package datagram reads and answers UDP packets in batches, on sockets of its own beside
// CoreDNS's.
//
// A Group adds a socket for each processor to the SO_REUSEPORT group of the address that the other
// sockets are bound to. A filter in the kernel distributes the packets: what can be a plain query
// comes to the Group, chosen by flow; everything else goes to the other sockets. The filter is a
// classic BPF program (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5) and needs no privileges.
//
// A packet that the filter sends to the wrong socket does no harm, since every socket takes every
// packet. So the filter decides about speed, and the Server about answers.
package datagram

import (
	"net"
	"net/netip"
)

// A Server answers packets. Each socket of a group has a Server of its own.
type Server interface {
	// Serve answers a batch of packets. It must not wait for anything: the next batch comes when
	// it has returned.
	Serve(batch []Packet)
}

// A Packet is a packet that came in, and the reply to it.
type Packet struct {
	In  []byte // valid until Serve returns; empty if the packet is not for the server
	Out []byte // empty at first, with some room; Serve appends the reply, and none is sent if it stays empty

	slot *slot
}

// Source returns the address and port that the packet came from.
func (p *Packet) Source() netip.AddrPort { return p.slot.source() }

// Client returns the address that the packet came from, without a zone. An IPv4 address is in its
// own form, not in that of IPv6.
func (p *Packet) Client() netip.Addr { return p.slot.client() }

// IsIPv4 reports whether the packet came by IPv4.
func (p *Packet) IsIPv4() bool { return p.slot.isIPv4() }

// Local returns the address of the socket that it came to.
func (p *Packet) Local() net.Addr { return p.slot.loop.conn.LocalAddr() }

// Detach returns the way back for a reply that is sent after Serve has returned.
func (p *Packet) Detach() Reply { return p.slot.detach() }
