package lookup

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// connections are the connections to one server: sockets for UDP, or connections over TCP or TLS. A
// connection has one lookup at a time, and then waits for the next one. So there are at most as many
// as lookups at a time.
type connections struct {
	dial      func(ctx context.Context) (net.Conn, error)
	idleLimit time.Duration // how long a connection waits for the next lookup
	usesLimit int           // lookups that one connection is used for; 0: any number

	mu     sync.Mutex    // guards what follows
	idle   []*connection // longest idle first
	inUse  map[*connection]struct{}
	timer  *time.Timer // of sweep; nil if nothing is idle
	closed bool
}

type connection struct {
	net.Conn
	uses  int       // lookups so far
	since time.Time // when it became idle
}

// take returns a connection for a lookup, which must be over by the deadline. It takes the idle
// connection that was used last, or opens a new one if none is idle.
func (p *connections) take(ctx context.Context, deadline time.Time) (*connection, error) {
	c := p.takeIdle()
	if c == nil {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		dialed, err := p.dial(ctx)
		if err != nil {
			return nil, err
		}
		c = &connection{Conn: dialed}
	}
	p.use(c, deadline)
	return c, nil
}

// dialOnce returns a new connection, which no other lookups have before or after.
func (p *connections) dialOnce(ctx context.Context, deadline time.Time) (*connection, error) {
	dialed, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: dialed}
	p.use(c, deadline)
	return c, nil
}

// takeIdle returns the connection that was used last; nil if none is idle.
func (p *connections) takeIdle() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// use notes that a connection is in use. Its reads and writes fail from the deadline on, and when
// the connections are closed.
func (p *connections) use(c *connection, deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.uses++
	if p.closed {
		deadline = time.Unix(1, 0)
	}
	_ = c.SetDeadline(deadline) // a closed connection says so when it is read
	p.inUse[c] = struct{}{}
}

// give takes back a connection after a lookup, and keeps it if it is good for another one.
func (p *connections) give(c *connection, isGood bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inUse, c)
	if !isGood || p.closed || c.uses == p.usesLimit {
		_ = c.Close()
		return
	}
	c.since = time.Now()
	p.idle = append(p.idle, c)
	if p.timer == nil {
		p.timer = time.AfterFunc(p.idleLimit, p.sweep)
	}
}

// sweep closes the connections that have been idle for too long, and sets the timer for the next one.
func (p *connections) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.idle) > 0 && now.Sub(p.idle[0].since) >= p.idleLimit {
		_ = p.idle[0].Close()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	if p.timer = nil; len(p.idle) > 0 {
		p.timer = time.AfterFunc(p.idle[0].since.Add(p.idleLimit).Sub(now), p.sweep)
	}
}

// close closes the idle connections and makes the lookups on the others fail.
func (p *connections) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close()
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.idle = nil
	for c := range p.inUse {
		_ = c.SetDeadline(time.Unix(1, 0)) // as above
	}
}
