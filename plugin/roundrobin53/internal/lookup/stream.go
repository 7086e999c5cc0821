package lookup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// idleLimit is how long a connection waits for the next lookup, RFC 7766 section 6.2.3.
	idleLimit = 10 * time.Second
)

var errOther = errors.New("an answer to another question")

// streams are the connections to a server over TCP or TLS. A connection has one lookup at a time,
// and then waits for the next one: over TLS a new one would cost the most by far.
type streams struct {
	address string
	config  *tls.Config // nil: TCP

	mu     sync.Mutex // guards what follows
	idle   []*stream  // the one that waits for the shortest time comes last
	closed bool
}

// A stream is one connection.
type stream struct {
	net.Conn
	timer *time.Timer // closes it when it has been idle for too long; nil before it was idle
}

// newStreams makes the connections to a server, none at first. Nil roots are the system's.
func newStreams(s Server, roots *x509.CertPool) *streams {
	p := &streams{address: s.Address.String()}
	if s.Network == "tls" {
		p.config = &tls.Config{
			ServerName: s.Name, RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"dot"},
			ClientSessionCache: tls.NewLRUClientSessionCache(1),
		}
	}
	return p
}

// exchange asks the server. A connection that the server closed meanwhile is replaced.
func (p *streams) exchange(ctx context.Context, q query) ([]byte, error) {
	for {
		conn, used, err := p.take(ctx)
		if err != nil {
			return nil, err
		}
		message, err := conn.exchange(ctx, q)
		if err == nil {
			p.give(conn)
			return message, nil
		}
		conn.Close()
		if !used || ctx.Err() != nil || errors.Is(err, errOther) {
			return nil, err
		}
	}
}

// take returns an idle connection or a new one, and whether it was used before.
func (p *streams) take(ctx context.Context) (conn *stream, used bool, err error) {
	if conn := p.takeIdle(); conn != nil {
		return conn, true, nil
	}
	var dialed net.Conn
	if p.config != nil {
		dialed, err = (&tls.Dialer{Config: p.config}).DialContext(ctx, "tcp", p.address)
	} else {
		dialed, err = new(net.Dialer).DialContext(ctx, "tcp", p.address)
	}
	return &stream{Conn: dialed}, false, err
}

// takeIdle returns the connection that was used last; nil if none is idle.
func (p *streams) takeIdle() *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		conn := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if conn.timer.Stop() {
			return conn
		}
	}
	return nil
}

// give keeps a connection for the next lookup, for idleLimit.
func (p *streams) give(conn *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.Close()
		return
	}
	if conn.timer == nil {
		conn.timer = time.AfterFunc(idleLimit, func() { p.drop(conn) })
	} else {
		conn.timer.Reset(idleLimit)
	}
	p.idle = append(p.idle, conn)
}

// drop closes a connection that has been idle for too long.
func (p *streams) drop(conn *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.idle {
		if p.idle[i] == conn {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			break
		}
	}
	conn.Close()
}

// close closes the idle connections, and the others when they are given back.
func (p *streams) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, conn := range p.idle {
		if conn.timer.Stop() {
			conn.Close()
		}
	}
	p.idle = nil
}

// exchange writes a query and reads its answer. Messages follow their length in two octets.
func (s *stream) exchange(ctx context.Context, q query) ([]byte, error) {
	defer endWith(ctx, s)()
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(q.message)), uint16(len(q.message)))
	if _, err := s.Write(append(framed, q.message...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(s, length[:]); err != nil {
		return nil, fmt.Errorf("no answer on the connection: %w", err)
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(s, message); err != nil {
		return nil, fmt.Errorf("half an answer on the connection: %w", err)
	}
	if !q.isAnsweredBy(message) {
		return nil, errOther
	}
	return message, nil
}
