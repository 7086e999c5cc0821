package health

import (
	"net"
	"time"
)

// partingTime is how long the other side has to end a connection of which nothing more is wanted: a round trip and a
// moment. Whatever it says later is no concern of ours.
const partingTime = 300 * time.Millisecond

// partings are the connections of probes that are over, the oldest first. They are ended as applications expect it: by
// FIN, with all read that comes before the other side's. To close with octets unread resets a connection (RFC 2525,
// section 2.17), which servers log, or hold against the sender. No goroutine waits for it.
type partings struct {
	limit int // how many there may be
	list  []departure
}

// departure is a connection and when its probe was over.
type departure struct {
	conn  *net.TCPConn
	since time.Time
}

func (p *partings) add(conn *net.TCPConn, now time.Time) {
	p.list = append(p.list, departure{conn, now})
}

// end ends the connections that have waited long enough, and the oldest of too many.
func (p *partings) end(now time.Time) {
	for len(p.list) > 0 && (len(p.list) > p.limit || now.Sub(p.list[0].since) >= partingTime) {
		hangUp(p.list[0].conn)
		p.list = p.list[1:]
	}
}

// last is when all of them have waited long enough; the zero time if there is none.
func (p *partings) last() time.Time {
	if len(p.list) == 0 {
		return time.Time{}
	}
	return p.list[len(p.list)-1].since.Add(partingTime)
}

// hangUp closes a connection. What has come is read, and what comes from now on is not.
func hangUp(conn *net.TCPConn) {
	drain(conn)
	_ = conn.Close()
}
