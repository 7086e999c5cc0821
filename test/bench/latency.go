//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pace is the time between two queries, on average: 5,000 a second, which leaves every side idle most of the time.
const pace = 200 * time.Microsecond

// maxWait is how long an answer may take.
const maxWait = time.Second

// latencyClient asks one query at a time. Its socket blocks: the runtime's poller would add to all that it measures.
type latencyClient struct {
	fd    int
	id    uint16
	query []byte
	reply [ednsSize]byte
}

// newLatencyClient makes a client that asks a packed query of a loopback port.
func newLatencyClient(query []byte, port int) (*latencyClient, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &latencyClient{fd: fd, query: query}
	timeout := unix.NsecToTimeval(int64(maxWait))
	if err := errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}),
	); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *latencyClient) close() error { return unix.Close(c.fd) }

// waits asks for some seconds and returns how many of them each answer took. The time between queries is random, lest it be in step
// with something that a side does from time to time.
func (c *latencyClient) waits(ctx context.Context, seconds float64) ([]float64, error) {
	var waits []float64
	next := time.Now()
	for end := next.Add(time.Duration(seconds * float64(time.Second))); next.Before(end); next = next.Add(rand.N(2 * pace)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if wait := time.Until(next); wait > 0 {
			nap := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&nap, nil) // a signal makes it short, which is random, too
		}
		asked := time.Now()
		if err := c.ask(); err != nil {
			return nil, fmt.Errorf("query %d: %w", len(waits)+1, err)
		}
		waits = append(waits, time.Since(asked).Seconds())
	}
	return waits, nil
}

// ask asks once and waits for the answer.
func (c *latencyClient) ask() error {
	c.id++
	binary.BigEndian.PutUint16(c.query, c.id)
	if _, err := retry(func() (int, error) { return unix.Write(c.fd, c.query) }); err != nil {
		return os.NewSyscallError("write", err)
	}
	for {
		n, err := retry(func() (int, error) { return unix.Read(c.fd, c.reply[:]) })
		const flags, rcode = 3, 0x0f // see RFC 1035 §4.1.1
		switch {
		case errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("no answer within %v", maxWait)
		case err != nil:
			return os.NewSyscallError("read", err)
		case n < 12 || binary.BigEndian.Uint16(c.reply[:]) != c.id:
			continue // of another query
		case c.reply[flags]&rcode != 0:
			return fmt.Errorf("the answer is an error, code %d", c.reply[flags]&rcode)
		}
		return nil
	}
}

// retry makes a system call again that a signal of the runtime has interrupted.
func retry(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
