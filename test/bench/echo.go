//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"golang.org/x/sys/unix"
)

// echoOption makes this program an echo, with a configuration as echoConfig writes it. It is for the bench itself and
// not among the flags.
const echoOption = "-echo"

// serveEcho sends all datagrams back until a socket fails.
func serveEcho(config string) error {
	addr, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	failed := make(chan error)
	for range workers(false) {
		conn, err := reuseport.ListenPacket("udp", strings.TrimSpace(string(addr)))
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		go func() { failed <- newMirror(raw).run() }()
	}
	return <-failed
}

const (
	mirrorBatch  = 32  // datagrams that one system call takes in or out, as many as on the fast path
	mirrorOctets = 512 // of one of them
)

// mirror sends back what comes to a socket, and does nothing else: it is what a Go program pays at least for datagrams in
// and out. It waits for them in the runtime's poller, as the fast path does. A call that blocks instead returns sooner,
// with less in it, so that there are more calls: that takes a fourth more processor time.
type mirror struct {
	raw    syscall.RawConn
	batch  [mirrorBatch]mmsghdr
	names  [mirrorBatch]unix.RawSockaddrInet4
	iovs   [mirrorBatch]unix.Iovec
	octets [mirrorBatch][mirrorOctets]byte

	received, sent int
	errno          syscall.Errno
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr    unix.Msghdr
	octets uint32
	_      [unsafe.Sizeof(uintptr(0)) - 4]byte
}

func newMirror(raw syscall.RawConn) *mirror {
	m := &mirror{raw: raw}
	for i := range m.batch {
		m.iovs[i].Base = &m.octets[i][0]
		m.batch[i].hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&m.names[i])), Iov: &m.iovs[i]}
		m.batch[i].hdr.SetIovlen(1)
	}
	return m
}

func (m *mirror) run() error {
	receive, send := m.receive, m.send // methods of the mirror, made once: a batch makes no garbage
	for {
		for i := range m.batch {
			m.batch[i].hdr.Namelen = unix.SizeofSockaddrInet4
			m.iovs[i].SetLen(mirrorOctets)
		}
		if err := m.raw.Read(receive); err != nil {
			return err
		}
		for i := range m.received {
			m.octets[i][2] |= 1 << 7 // QR: dnsperf wants a response
			m.iovs[i].SetLen(int(m.batch[i].octets))
		}
		if err := m.raw.Write(send); err != nil {
			return err
		}
		if m.errno != 0 {
			return os.NewSyscallError("recvmmsg or sendmmsg", m.errno)
		}
	}
}

// receive reads the datagrams that are there. It reports false if there are none yet.
func (m *mirror) receive(fd uintptr) bool {
	m.sent = 0
	m.received, m.errno = m.call(unix.SYS_RECVMMSG, fd, m.batch[:])
	return m.errno != unix.EAGAIN
}

// send sends them back. It reports false if the socket takes no more for now.
func (m *mirror) send(fd uintptr) bool {
	for m.sent < m.received && m.errno == 0 {
		var n int
		n, m.errno = m.call(unix.SYS_SENDMMSG, fd, m.batch[m.sent:m.received])
		m.sent += n
	}
	if m.errno == unix.EAGAIN {
		m.errno = 0
		return false
	}
	return true
}

func (m *mirror) call(number, fd uintptr, batch []mmsghdr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(number, fd, uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
