package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// prober makes one attempt to reach an endpoint; nil means that it passed. Each belongs to one target, which is never
// probed twice at a time. An attempt ends when its context does, whatever the other side does.
type prober interface {
	Probe(ctx context.Context) error
	close() // the connection that is kept between probes, if there is one
}

// newProber makes the prober of a target.
func newProber(target Target, kept *allowance) prober {
	switch target.Check.Scheme {
	case schemeTCP:
		return tcpProber{target}
	case schemeTLS:
		return newTLSProber(target)
	case schemeHTTP:
		return newHTTPProber(target, kept)
	case schemeHTTPS:
		return newHTTPSProber(target)
	case schemeGRPC, schemeGRPCS:
		return newGRPCProber(target)
	default:
		panic(fmt.Sprintf("health: unknown scheme %q", target.Check.Scheme)) // the glue knows the same ones
	}
}

// dialer makes all connections. Keep-alive packets would outnumber the probes on a kept connection.
var dialer = net.Dialer{KeepAlive: -1}

// dial connects to a target, and nowhere else: a check's name is not looked up. The connection ends with the context: its
// deadline is the connection's, and release gives up watching for an earlier end.
func dial(ctx context.Context, target Target) (*net.TCPConn, func() bool, error) {
	// Not DialTCP: it binds to a port before it connects, and then one address has no more ports than all together.
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(target.Address, target.Check.Port).String())
	if err != nil {
		return nil, nil, err
	}
	return conn.(*net.TCPConn), bind(ctx, conn), nil
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
