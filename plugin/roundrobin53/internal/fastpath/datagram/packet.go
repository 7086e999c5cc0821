// Package datagram reads and answers UDP packets in batches, on sockets of its own beside one that
// belongs to somebody else.
//
// A Group joins the SO_REUSEPORT group of the address that the other socket, the core's, is bound
// to, with a socket for each processor. A filter in the kernel shares the packets out: what can be
// a plain query comes to the group, chosen by flow, everything else goes on to the core. The filter
// needs no privileges; it is a classic BPF program (SO_ATTACH_ REUSEPORT_CBPF, Linux 4.5).
//
// Nothing is wrong where the filter does not do what it is meant to: every socket of the group
// takes every packet. So the filter decides about speed, and the Server about answers.
package datagram

import (
	"net"
	"net/netip"
)

// Server answers packets. Each socket of a group has one of its own.
type Server interface {
	// Serve answers a batch of packets. It is called again when it has returned, and must not wait
	// for anything.
	Serve(batch []Packet)
}

// Packet is a packet that came in, and the reply to it.
type Packet struct {
	In  []byte // valid until Serve returns; empty if the packet is none for the server
	Out []byte // the reply, appended to what is there (nothing, but some room); none is sent if it stays empty

	slot *slot
}

// Source returns where the packet came from.
func (p *Packet) Source() netip.AddrPort { return p.slot.source() }

// IsIPv4 reports whether the packet came by IPv4.
func (p *Packet) IsIPv4() bool { return p.slot.isIPv4() }

// Local returns the address of the socket that it came to.
func (p *Packet) Local() net.Addr { return p.slot.loop.conn.LocalAddr() }

// Detach returns the way back for a reply after Serve has returned.
func (p *Packet) Detach() Reply { return p.slot.detach() }
