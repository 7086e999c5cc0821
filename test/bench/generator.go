//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// window is how many queries a generator has on their way: enough for a server to find a batch each time it looks, and far
// less than a socket holds.
const window = 64

// packedQuery is what a generator asks.
type packedQuery struct {
	octets []byte // but for the ID
	rcode  byte   // of the right answer
}

// generator asks one socket of a server, many queries with one system call. dnsperf makes a call for each query and each
// answer, which costs more than a fast server takes for both: then the client is the limit, the server finds few queries
// each time it looks, and the figure is about waking up.
type generator struct {
	fd      int
	queries []packedQuery
	next    int    // the query that is asked next
	id      uint16 // the last that was used

	waiting     [1 << 16]*packedQuery // by ID
	outstanding int

	in, out       [window]mmsghdr
	inIOV, outIOV [window]unix.Iovec
	replies       [window][ednsSize]byte
	asked         [window][dns.MinMsgSize]byte
}

// newGenerator makes a generator that asks a loopback port.
func newGenerator(queries []packedQuery, port int) (*generator, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	g := &generator{fd: fd, queries: queries}
	for i := range window {
		g.inIOV[i].Base, g.outIOV[i].Base = &g.replies[i][0], &g.asked[i][0]
		g.inIOV[i].SetLen(ednsSize)
		g.in[i].hdr.Iov, g.out[i].hdr.Iov = &g.inIOV[i], &g.outIOV[i]
		g.in[i].hdr.SetIovlen(1)
		g.out[i].hdr.SetIovlen(1)
	}
	timeout := unix.NsecToTimeval(int64(maxWait))
	if err := errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}),
	); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *generator) close() error { return unix.Close(g.fd) }

// load asks as fast as answers come, for some seconds, and then waits for those that are on their way.
func (g *generator) load(ctx context.Context, seconds float64) (tally, error) {
	var t tally
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	err := g.send(&t, window)
	for err == nil && g.outstanding > 0 {
		var answers int
		if answers, err = g.receive(&t); err == nil {
			err = ctx.Err()
		}
		if err == nil && time.Now().Before(end) {
			err = g.send(&t, answers)
		}
	}
	if t.completed > 0 {
		t.octets /= t.completed
	}
	t.rate = uint64(float64(t.completed) / time.Since(start).Seconds())
	return t, err
}

// send asks the next n queries.
func (g *generator) send(t *tally, n int) error {
	for i := range n {
		q := &g.queries[g.next]
		g.next = (g.next + 1) % len(g.queries)
		g.id++
		g.outIOV[i].SetLen(copy(g.asked[i][:], q.octets))
		binary.BigEndian.PutUint16(g.asked[i][:], g.id)
		g.waiting[g.id] = q
	}
	g.outstanding += n
	t.sent += uint64(n)
	for batch := g.out[:n]; len(batch) > 0; {
		sent, err := g.call("sendmmsg", unix.SYS_SENDMMSG, batch, 0)
		if err != nil {
			return err
		}
		batch = batch[sent:]
	}
	return nil
}

// receive takes the answers that are there, and waits for one if there are none. It returns how many queries they make
// room for: all of the window if none came in time, as those that were on their way are lost.
func (g *generator) receive(t *tally) (answers int, err error) {
	n, err := g.call("recvmmsg", unix.SYS_RECVMMSG, g.in[:], unix.MSG_WAITFORONE)
	if errors.Is(err, unix.EAGAIN) {
		g.outstanding = 0
		clear(g.waiting[:])
		return window, nil
	}
	for i := range n {
		if g.take(t, g.replies[i][:g.in[i].octets]) {
			answers++
		}
	}
	return answers, err
}

// take counts an answer. It reports false if nobody waits for it.
func (g *generator) take(t *tally, reply []byte) bool {
	const header, flags = 12, 2 // see RFC 1035 §4.1.1
	const qr, tc, rcode = 1 << 15, 1 << 9, 0x0f
	if len(reply) < header {
		return false
	}
	id, bits := binary.BigEndian.Uint16(reply), binary.BigEndian.Uint16(reply[flags:])
	q := g.waiting[id]
	if q == nil || bits&qr == 0 {
		return false
	}
	g.waiting[id] = nil
	g.outstanding--
	t.completed++
	t.octets += uint64(len(reply))
	if bits&tc == 0 && byte(bits&rcode) == q.rcode {
		t.good++
	}
	return true
}

func (g *generator) call(name string, number uintptr, batch []mmsghdr, flags uintptr) (int, error) {
	return retry(func() (int, error) {
		n, _, errno := unix.Syscall6(number, uintptr(g.fd), uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), flags, 0, 0)
		if errno != 0 {
			return 0, os.NewSyscallError(name, errno)
		}
		return int(n), nil
	})
}

// packQueries makes questions into queries.
func packQueries(asked []question, edns bool) ([]packedQuery, error) {
	queries := make([]packedQuery, len(asked))
	for i, q := range asked {
		octets, err := q.query(edns).Pack()
		if err != nil {
			return nil, fmt.Errorf("pack the query for %s: %w", q.name, err)
		}
		queries[i] = packedQuery{octets, byte(q.rcode)}
	}
	return queries, nil
}

// query is a question as dnsperf asks it.
func (q question) query(edns bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(q.name, q.qtype)
	if edns {
		m.SetEdns0(ednsSize, false)
	}
	return m
}
