package datagram

import (
	"math"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// hashes is the result of a filter for a packet whose socket the kernel is to choose by its own
// hash.
const hashes = math.MaxUint32

// A filter is the program that distributes the packets of a SO_REUSEPORT group. It sees a packet
// from the octet behind the UDP header on, and returns the position in the group of the socket that
// gets it. If there is no such position, the kernel chooses. Reading beyond the end of a packet
// ends the program with position 0.
type filter []bpf.Instruction

// plainFilter gives packets that can be plain queries to the sockets at the positions plain, and
// all others to those at the positions rest. Where either list is empty, the kernel chooses.
func plainFilter(plain, rest []uint32) filter {
	others := shareOut(rest)
	looks := filter{
		bpf.LoadAbsolute{Off: 2, Size: 2}, // QR and opcode
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0xF800, SkipTrue: 7},
		bpf.LoadAbsolute{Off: 4, Size: 2}, // questions
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 1, SkipTrue: 5},
		bpf.LoadAbsolute{Off: 6, Size: 4}, // answer and authority records
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadAbsolute{Off: 10, Size: 2}, // additional records
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 1, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(others))},
	}
	return slices.Concat(looks, others, shareOut(plain))
}

// The offsets of fields in the header in front of the UDP header, as the kernel counts them:
// SKF_NET_OFF and so on.
const (
	network = 1<<32 - 0x100000

	ipv4Source, ipv4Port = network + 12, network + 20 // the latter if the header has no options
	ipv6Source, ipv6Port = network + 20, network + 40 // the last 32 bits; the latter if there are no extension headers
)

// shareOut chooses one of the positions by the source address and port, so that the packets of a
// flow go to one socket.
func shareOut(positions []uint32) filter {
	if len(positions) == 0 {
		return anySocket
	}
	if len(positions) == 1 {
		return filter{bpf.RetConstant{Val: positions[0]}}
	}
	f := filter{
		bpf.LoadAbsolute{Off: network, Size: 1}, // IP version
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 4},
		bpf.LoadAbsolute{Off: ipv4Source, Size: 4},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: ipv4Port, Size: 2},
		bpf.Jump{Skip: 3},
		bpf.LoadAbsolute{Off: ipv6Source, Size: 4},
		bpf.TAX{},
		bpf.LoadAbsolute{Off: ipv6Port, Size: 2},
		bpf.ALUOpX{Op: bpf.ALUOpXor},
		// The golden ratio spreads neighbours (Knuth, The Art of Computer Programming, volume 3,
		// 6.4); its upper bits count.
		bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 0x9E3779B1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 16},
		bpf.ALUOpConstant{Op: bpf.ALUOpMod, Val: uint32(len(positions))},
	}
	for i, position := range positions {
		f = append(f, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(i), SkipTrue: 1}, bpf.RetConstant{Val: position})
	}
	return append(f, bpf.RetConstant{Val: hashes}) // not reached
}

// anySocket leaves all packets to the kernel.
var anySocket = filter{bpf.RetConstant{Val: hashes}}

// probeFilter gives probes, which begin with a nonce of two parts, to the socket at the position
// that they name, and all other packets to the filter others.
func probeFilter(first, second uint32, others filter) filter {
	return slices.Concat(filter{
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: first, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: second, SkipTrue: 2},
		bpf.LoadAbsolute{Off: probePosition, Size: 4},
		bpf.RetA{},
	}, others)
}

// attach replaces the filter of the group that a socket belongs to.
func (f filter) attach(fd int) error {
	raw, err := bpf.Assemble(f)
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &fprog)
}
