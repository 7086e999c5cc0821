package datagram

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize = 32 // packets that one system call reads

	// inOctets is the largest packet that is read whole, as in CoreDNS; larger packets are cut
	// off.
	inOctets = 512

	// outOctets is the room for a reply. Larger ones cost an allocation.
	outOctets = 1500
)

// A loop reads packets from one socket and sends the replies. It owns all the room that it needs
// for that.
type loop struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	spares *spares // of the group
	server Server
	probed func(packet []byte) bool // takes packets that the group sends to itself

	slots   [batchSize]slot
	packets [batchSize]Packet
	in, out [batchSize]mmsghdr
	wide    bool // packets carry the address they came to, and replies have to leave from it

	received, replies int   // of the batch at hand
	failed            error // of the socket

	receive func(fd uintptr) bool // a method of the loop, made once

	closing atomic.Bool
	ended   chan struct{} // closed when nothing is read any more
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr    unix.Msghdr
	octets uint32
}

func newLoop(conn *net.UDPConn, spares *spares, server Server, probed func([]byte) bool) (*loop, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &loop{conn: conn, raw: raw, spares: spares, server: server, probed: probed, ended: make(chan struct{})}
	l.receive = l.answerAll
	if addr, ok := conn.LocalAddr().(*net.UDPAddr); ok && addr.IP.IsUnspecified() {
		l.wide = true
	}
	for i := range l.slots {
		s := &l.slots[i]
		s.loop, s.number = l, i
		s.iov.Base = &s.octets[0]
		s.iov.SetLen(inOctets)
		l.packets[i].slot = s
		l.in[i].hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&s.name)), Iov: &s.iov}
		l.in[i].hdr.SetIovlen(1)
	}
	l.received = batchSize // so that all headers are set before the first call
	return l, l.control(func(fd int) error {
		if err := isAllowed(fd); err != nil || !l.wide {
			return err
		}
		return wantDestination(fd)
	})
}

// isAllowed returns an error if a sandbox refuses the system calls of the loop. It calls them
// without packets.
func isAllowed(fd int) error {
	for name, number := range map[string]uintptr{"recvmmsg": unix.SYS_RECVMMSG, "sendmmsg": unix.SYS_SENDMMSG} {
		if _, _, errno := unix.RawSyscall6(number, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0); errno != 0 {
			return os.NewSyscallError(name, errno)
		}
	}
	return nil
}

// wantDestination makes packets carry the address they came to. A socket of IPv6 may also take
// packets of IPv4; these carry theirs as an IPv6 address.
func wantDestination(fd int) error {
	if unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1) == nil {
		return nil
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1))
}

// control calls f with the descriptor of the socket.
func (l *loop) control(f func(fd int) error) error {
	var err error
	if failed := l.raw.Control(func(fd uintptr) { err = f(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// runToEnd runs the loop. A socket that fails is closed, and the kernel gives its packets to the
// others.
func (l *loop) runToEnd() {
	defer close(l.ended)
	if l.run() != nil {
		_ = l.conn.Close()
	}
}

// hasEnded reports whether the loop has stopped reading.
func (l *loop) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// run answers packets until close is called and all that came before are answered, or the socket
// fails.
func (l *loop) run() error {
	err := l.raw.Read(l.receive)
	if l.closing.Load() {
		return l.drain()
	}
	return errors.Join(err, l.failed)
}

// answerAll answers the packets that are there, and returns false so that the runtime waits for
// more. It returns true to end the loop.
func (l *loop) answerAll(fd uintptr) bool {
	for !l.closing.Load() {
		if !l.receiveBatch(fd) {
			return false
		}
		if l.failed != nil {
			return true
		}
		l.answer(fd)
		if l.received <= fewPackets {
			return false
		}
	}
	return true
}

// fewPackets is how many packets of a batch tell that few come: nothing is likely to have come while
// they were answered, and a system call to see that would be a third more of them. What did come is
// not lost: the kernel tells the runtime of every packet that comes after the last call.
const fewPackets = 2

// drain answers the packets that are still there.
func (l *loop) drain() error {
	err := l.raw.Control(func(fd uintptr) {
		for l.receiveBatch(fd) && l.failed == nil {
			l.answer(fd)
		}
	})
	return errors.Join(err, l.failed)
}

// answer has the packets of the batch answered, and sends the replies. It never waits, since nobody
// reads packets meanwhile.
func (l *loop) answer(fd uintptr) {
	for i := range l.received {
		p := &l.packets[i]
		s := p.slot
		p.In, p.Out = s.octets[:l.in[i].octets], s.reply[:0]
		if len(p.In) == probeOctets && l.probed(p.In) {
			p.In = nil
		}
	}
	l.server.Serve(l.packets[:l.received])
	l.replies = 0
	for i := range l.received {
		if p := &l.packets[i]; len(p.Out) > 0 {
			l.addReply(i, p)
		}
	}
	if rest, _ := send(fd, l.out[:l.replies]); len(rest) > 0 {
		_, _ = l.spares.send(rest)
	}
}

// addReply adds the reply to packet i to those to be sent. The reply goes to the packet's source,
// and the control message that came with the packet makes it leave from the packet's destination.
func (l *loop) addReply(i int, p *Packet) {
	s := p.slot
	s.outIov.Base = &p.Out[0]
	s.outIov.SetLen(len(p.Out))
	hdr := &l.out[l.replies].hdr
	*hdr = l.in[i].hdr
	hdr.Iov = &s.outIov
	hdr.Flags = 0
	if l.wide {
		s.freeInterface(int(hdr.Controllen))
	}
	l.replies++
}

// receiveBatch reads the packets that are there. It reports false if there are none yet.
//
// The system calls are raw: they never wait, and take microseconds. The runtime would take ordinary
// ones for calls that wait, and give the processor away in their midst, which costs more than the
// packets do.
func (l *loop) receiveBatch(fd uintptr) bool {
	for i := range l.received { // restore what the last call overwrote
		hdr := &l.in[i].hdr
		hdr.Namelen = uint32(unsafe.Sizeof(l.slots[i].name))
		if l.wide {
			hdr.Control = (*byte)(unsafe.Pointer(&l.slots[i].control))
			hdr.SetControllen(int(unsafe.Sizeof(l.slots[i].control)))
		}
	}
	l.received, l.failed = 0, nil
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&l.in)), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			l.received = int(n)
			return true
		case unix.EAGAIN, unix.ENOMEM, unix.ENOBUFS:
			return false
		case unix.EINTR:
		default:
			l.failed = os.NewSyscallError("recvmmsg", errno)
			return true
		}
	}
}

// send sends replies. It returns the replies that the socket has no room for now, and the last
// reason why another one could not be sent, such as a missing route or a firewall. Of a batch,
// nobody waits for the reason.
func send(fd uintptr, replies []mmsghdr) (rest []mmsghdr, failed error) {
	for len(replies) > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&replies[0])), uintptr(len(replies)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			replies = replies[n:]
		case unix.EAGAIN:
			return replies, failed
		case unix.EINTR:
		default:
			failed = os.NewSyscallError("sendmmsg", errno)
			replies = replies[1:]
		}
	}
	return nil, failed
}

// close makes run end.
func (l *loop) close() {
	l.closing.Store(true)
	_ = l.conn.SetReadDeadline(time.Unix(1, 0)) // long ago
}
