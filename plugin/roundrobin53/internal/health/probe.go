package health

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// prober makes one attempt to reach an endpoint; no error means that it passed. Each belongs to one target, which is never
// probed twice at a time. An attempt ends when its context does, whatever the other side does. What it may leave is a
// connection that nothing more is wanted of, which is yet to be closed.
type prober interface {
	Probe(ctx context.Context) (left *net.TCPConn, err error)
}

// newProber makes the prober of a target.
func newProber(target Target) prober {
	return visitor{target, target.Check.scheme().newAsker(target)}
}

// visitor connects for each probe anew. A connection that was kept says nothing of new ones: whoever has it goes on being
// answered where nobody else is let in, by a server out of descriptors, and behind a service that moved. Since each of
// `fall` probes in a row has to tell, none of them may use it.
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
	if !release() { // its time is over
		_ = conn.Close()
		return nil, err
	}
	// Whoever closes first has the connection in TIME_WAIT (RFC 9293, section 3.6). HTTP asks the server to.
	if !v.target.Check.scheme().HTTP {
		_ = conn.CloseWrite()
	}
	_ = conn.TCPConn.SetDeadline(time.Time{})
	return conn.TCPConn, err
}

// connection is a connection of one probe, and its deadline is the probe's. Libraries set deadlines of their own for the
// time that they want to say goodbye (crypto/tls 5 seconds, gRPC 10), and a peer that does not read would make a probe
// last for as long.
type connection struct{ *net.TCPConn }

var _ net.Conn = connection{}

// SetDeadline implements net.Conn.
func (connection) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (connection) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (connection) SetWriteDeadline(time.Time) error { return nil }

// dialer makes all connections. None lives for as long as it takes to send keep-alive packets.
var dialer = net.Dialer{KeepAlive: -1}

// dial connects to a target, and nowhere else: a check's name is not looked up. The connection ends with the context: its
// deadline is the connection's, and release gives up watching for an earlier end.
func dial(ctx context.Context, target Target) (connection, func() bool, error) {
	// Not DialTCP: it binds to a port before it connects, and then one address has no more ports than all together.
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(target.Address, target.Check.Port).String())
	if err != nil {
		return connection{}, nil, err
	}
	return connection{conn.(*net.TCPConn)}, bind(ctx, conn), nil
}

// bind makes a connection end with the context. The deadline of the context bounds all reads and writes together, so a
// peer gains nothing by sending an octet now and then.
func bind(ctx context.Context, conn net.Conn) (release func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only if the connection is closed, as every read then does
	}
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// errGone is why a library does not get a second connection: a probe that needs one has failed.
var errGone = errors.New("connection given up before the answer")

// handOver gives a connection that was made already to a library that wants to connect by itself, once.
func handOver(conn net.Conn) func() (net.Conn, error) {
	var used atomic.Bool
	return func() (net.Conn, error) {
		if used.Swap(true) {
			return nil, errGone
		}
		return conn, nil
	}
}
