package health

import (
	"net"
	"time"
)

// partingTime is how long the other side has to end a connection after its probe: a round trip and
// a moment. What it sends later is ignored.
const partingTime = 300 * time.Millisecond

// partings holds the connections of probes that are over, the oldest first. They end as servers
// expect: with FIN, after reading everything that comes before the other side's FIN. Closing with
// octets unread would reset the connection (RFC 2525, section 2.17), which servers log, or count
// against the sender. No goroutine waits for a connection to end.
type partings struct {
	limit int // of connections
	list  []departure
}

// departure is a connection and the time when its probe ended.
type departure struct {
	conn  *net.TCPConn
	since time.Time
}

func (p *partings) add(conn *net.TCPConn, now time.Time) {
	p.list = append(p.list, departure{conn, now})
}

// end closes the connections that have waited long enough, and the oldest ones beyond the limit.
func (p *partings) end(now time.Time) {
	for len(p.list) > 0 && (len(p.list) > p.limit || now.Sub(p.list[0].since) >= partingTime) {
		hangUp(p.list[0].conn)
		p.list = p.list[1:]
	}
}

// last returns when all connections will have waited long enough; the zero time if there is none.
func (p *partings) last() time.Time {
	if len(p.list) == 0 {
		return time.Time{}
	}
	return p.list[len(p.list)-1].since.Add(partingTime)
}

// hangUp closes a connection after reading what has come.
func hangUp(conn *net.TCPConn) {
	drain(conn)
	_ = conn.Close()
}
