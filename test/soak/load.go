//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// How queries are sent: from a few sockets, in small groups. A group that is late is at most a few times larger than
// others, since the server's socket holds some hundred queries.
const (
	sockets   = 4
	pace      = 2 * time.Millisecond
	burst     = 5
	grace     = time.Second // how long an answer may take
	readSpace = 1 << 20     // of a socket, in octets
)

// load sends queries until the context ends, and waits for the answers.
func load(ctx context.Context, port int, rate float64, j *judge) (tally, error) {
	askers := make([]*asker, sockets)
	for i := range askers {
		conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			return tally{}, fmt.Errorf("open a socket: %w", err)
		}
		defer func() { _ = conn.Close() }() // nothing is to come any more
		_ = conn.SetReadBuffer(readSpace)   // less will do where it is not granted
		askers[i] = &asker{judge: j, conn: conn, random: rand.New(rand.NewPCG(5, uint64(i))), pending: make(map[uint16]query)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, a := range askers {
		running.Go(func() { cancel(a.send(ctx, rate/sockets)) })
		running.Go(func() { cancel(a.receive()) })
	}
	running.Wait()
	var sum tally
	for _, a := range askers {
		sum.add(a.tally)
	}
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	if err == nil && sum.answered == 0 {
		err = fmt.Errorf("none of %d queries was answered", sum.sent)
	}
	return sum, err
}

// asker asks from one socket.
type asker struct {
	judge  *judge
	conn   *net.UDPConn
	random *rand.Rand

	mu      sync.Mutex
	id      uint16
	pending map[uint16]query
	tally   tally
}

// send sends queries at a rate until the context ends.
func (a *asker) send(ctx context.Context, rate float64) error {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	defer func() { _ = a.conn.SetReadDeadline(time.Now().Add(grace)) }() // an error means that it is closed
	most := max(1, int(burst*rate*pace.Seconds()))
	began, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		due := int(time.Since(began).Seconds()*rate) - sent
		for range min(due, most) {
			if err := a.ask(); err != nil {
				return err
			}
			sent++
		}
	}
}

// ask sends one query.
func (a *asker) ask() error {
	q := query{name: a.random.IntN(len(a.judge.histories) / valuesPerName)}
	m := new(dns.Msg).SetQuestion(owner(q.name), dns.TypeA)
	a.mu.Lock()
	a.id++
	m.Id = a.id
	q.sent = time.Now()
	a.pending[m.Id] = q
	a.tally.sent++
	a.mu.Unlock()
	packet, err := m.Pack()
	if err != nil {
		return fmt.Errorf("pack a query: %w", err)
	}
	if _, err = a.conn.Write(packet); err != nil {
		return fmt.Errorf("send a query: %w", err)
	}
	return nil
}

// receive takes answers until the deadline of the socket.
func (a *asker) receive() error {
	packet := make([]byte, dns.MaxMsgSize)
	for {
		n, err := a.conn.Read(packet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive an answer: %w", err)
		}
		a.take(packet[:n], time.Now())
	}
}

// take judges what came.
func (a *asker) take(packet []byte, received time.Time) {
	m := new(dns.Msg)
	err := m.Unpack(packet)
	a.mu.Lock()
	defer a.mu.Unlock()
	q, ok := a.pending[m.Id]
	if err != nil || !ok {
		a.tally.blame(fmt.Sprintf("%s: an answer that nobody waits for, or none at all: %x (%v)", received.Format(time.TimeOnly), packet, err))
		return
	}
	delete(a.pending, m.Id)
	a.tally.answered++
	if err := a.judge.check(q, m, received, &a.tally); err != nil {
		a.tally.blame(fmt.Sprintf("%s: %s: %v", received.Format(time.TimeOnly), owner(q.name), err))
	}
}
