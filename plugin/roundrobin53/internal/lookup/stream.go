package lookup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// streamIdle is how long a connection over TCP or TLS waits for the next lookup (RFC 7766 section
// 6.2.3). Over TLS a new connection costs ten times what a lookup does.
const streamIdle = 10 * time.Second

var errOther = errors.New("an answer to another question")

// newStreams makes the connections to a server over TCP or TLS, none at first. Nil roots are the
// system's.
func newStreams(s Server, roots *x509.CertPool) *connections {
	p := &connections{idleLimit: streamIdle, inUse: make(map[*connection]struct{})}
	address := s.Address.String()
	if s.Network != "tls" {
		p.dial = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
		return p
	}
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName: s.Name, RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"dot"},
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}}
	p.dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	return p
}

// exchangeStream asks a server over TCP or TLS. A connection that the server closed meanwhile is
// replaced.
func exchangeStream(ctx context.Context, p *connections, q query, deadline time.Time) ([]byte, error) {
	for {
		c, err := p.take(ctx, deadline)
		if err != nil {
			return nil, err
		}
		message, err := c.exchangeFramed(q)
		p.give(c, err == nil)
		if err == nil || c.uses == 1 || errors.Is(err, errOther) || !time.Now().Before(deadline) || ctx.Err() != nil {
			return message, err
		}
	}
}

// exchangeFramed writes a query and reads its answer. Messages follow their length in two octets.
func (c *connection) exchangeFramed(q query) ([]byte, error) {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(q.message)), uint16(len(q.message)))
	if _, err := c.Write(append(framed, q.message...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, message); err != nil {
		return nil, err
	}
	if !q.isAnsweredBy(message) {
		return nil, errOther
	}
	return message, nil
}
