package health

import (
	"context"
	"io"
	"net"
	"time"
)

const (
	// partingTime is how long the other side has to end a connection of which nothing more is wanted: a round trip and a
	// moment. Whatever it has not read by then is no concern of ours.
	partingTime = 300 * time.Millisecond
	// partingOctets are thrown away meanwhile, at most: a greeting, or the rest of a page.
	partingOctets = 64 << 10
)

// parting is a connection that a probe is done with, and that is to be ended as applications expect it: by FIN, with all
// read that comes before the other side's. To close with octets unread resets the connection (RFC 2525, section 2.17), and
// servers log that, or hold it against the sender. The zero value is no connection.
type parting struct {
	conn   *net.TCPConn
	theirs bool // the other side was asked to close first, which then has the connection in TIME_WAIT (RFC 9293, section 3.6)
}

// end ends the connection. It takes partingTime at most, and no longer than the context.
func (p parting) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, partingTime)
	defer cancel()
	defer bind(ctx, p.conn)()
	if !p.theirs {
		_ = p.conn.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, p.conn, partingOctets)
	_ = p.conn.Close()
}
