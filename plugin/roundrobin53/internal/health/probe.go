package health

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// prober makes the probes of one target, one at a time. No error means that the probe passed. A
// probe ends with its context, whatever the other side does. It may leave a connection that is yet
// to be closed.
type prober interface {
	Probe(ctx context.Context) (left *net.TCPConn, err error)
}

// newProber makes the prober of a target.
func newProber(target Target) prober {
	scheme := target.Check.scheme()
	if scheme.newProber != nil {
		return scheme.newProber(target)
	}
	return visitor{target, scheme.newAsker(target)}
}

// visitor makes a new connection for each probe. A connection that was kept says nothing about new
// ones: a server that is out of descriptors, or a service that has moved, goes on answering clients
// that are connected while it lets nobody else in.
type visitor struct {
	target Target
	asker
}

var _ prober = visitor{}

// asker finds out what an endpoint says over a connection that has just been made.
type asker interface {
	ask(ctx context.Context, conn connection) error
}

// Probe implements prober.
func (v visitor) Probe(ctx context.Context) (*net.TCPConn, error) {
	conn, release, err := dial(ctx, v.target)
	if err != nil {
		return nil, err
	}
	err = v.ask(ctx, conn)
	if !release() { // the context has ended
		_ = conn.Close()
		return nil, err
	}
	// The side that closes first keeps the connection in TIME_WAIT (RFC 9293, section 3.6). HTTP
	// asks the server to close.
	if !v.target.Check.scheme().HTTP {
		_ = conn.CloseWrite()
	}
	_ = conn.TCPConn.SetDeadline(time.Time{})
	return conn.TCPConn, err
}

// connection is the connection of one probe. It ignores deadlines that libraries set for saying
// goodbye (crypto/tls 5 seconds, gRPC 10): with a peer that does not read, the probe would last as
// long.
type connection struct{ *net.TCPConn }

var _ net.Conn = connection{}

// SetDeadline implements net.Conn.
func (connection) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (connection) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (connection) SetWriteDeadline(time.Time) error { return nil }

// dialer makes all connections. They do not live long enough for keep-alive packets.
var dialer = net.Dialer{KeepAlive: -1}

// dial connects to the address of a target; the name of a check is not looked up. The connection
// ends with the context, until release is called. Release reports false if the context has ended.
func dial(ctx context.Context, target Target) (connection, func() bool, error) {
	// Not DialTCP: it binds to a port before it connects, and then one address has no more ports
	// than all together.
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(target.Address, target.Check.Port).String())
	if err != nil {
		return connection{}, nil, err
	}
	return connection{conn.(*net.TCPConn)}, bind(ctx, conn), nil
}

// bind makes a connection end with the context. The deadline of the context bounds all reads and
// writes together, so that a peer that sends an octet now and then can't prolong a probe.
func bind(ctx context.Context, conn net.Conn) (release func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only if the connection is closed, as every read then does
	}
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// errGone is the error of a library that wants a second connection. A probe that needs one has
// failed.
var errGone = errors.New("connection given up before the answer")

// handOver gives a connection to a library that wants to connect by itself, once.
func handOver(conn net.Conn) func() (net.Conn, error) {
	var used atomic.Bool
	return func() (net.Conn, error) {
		if used.Swap(true) {
			return nil, errGone
		}
		return conn, nil
	}
}
