//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// endpoints are what is checked or looked up: each an address, with a port that all have in common. Where values are names,
// it is the resolver's.
type endpoints struct {
	histories []history // by value
	accepted  atomic.Uint64
	slowest   atomic.Int64 // the longest, in nanoseconds, from a connection to the first answer over it; not of tcp
	port      int

	server    *http.Server   // one for all; nil for tcp
	resolver  *dns.Server    // for names
	listeners []net.Listener // by value, for tcp: to refuse a connection takes a listener of its own that closes
	serving   sync.WaitGroup
}

// open opens endpoints, which answer until close.
func open(s settings, certificate *tls.Certificate) (*endpoints, error) {
	e := &endpoints{histories: make([]history, s.checks)}
	began := time.Now()
	for i := range e.histories {
		e.histories[i].began = began
	}
	switch s.kind {
	case kindTCP:
		return e, e.openListeners()
	case kindNames:
		return e, e.openResolver(s)
	}
	return e, e.openServer(s, certificate)
}

// openServer listens at all addresses at once. Which one is meant is in the connection.
func (e *endpoints) openServer(s settings, certificate *tls.Certificate) error {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return fmt.Errorf("listen for checks: %w", err)
	}
	e.port = listener.Addr().(*net.TCPAddr).Port
	e.server = &http.Server{Handler: http.HandlerFunc(e.answer), ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	e.server.Protocols.SetHTTP1(true)
	e.server.Protocols.SetHTTP2(s.http2)
	e.server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.accepted.Add(1)
		}
	}
	e.server.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, arrivalKey{}, &arrival{at: time.Now()})
	}
	serve := e.server.Serve
	if certificate != nil {
		e.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		serve = func(l net.Listener) error { return e.server.ServeTLS(l, "", "") }
	}
	e.serving.Go(func() { _ = serve(listener) }) // ends with close
	return nil
}

// arrival is when a connection came, in the context of its requests.
type arrival struct {
	at   time.Time
	used atomic.Bool
}

type arrivalKey struct{}

// note notes how long the first answer over a connection took.
func (e *endpoints) note(a *arrival) {
	if a.used.Swap(true) {
		return
	}
	took := int64(time.Since(a.at))
	for {
		slowest := e.slowest.Load()
		if took <= slowest || e.slowest.CompareAndSwap(slowest, took) {
			return
		}
	}
}

// answer answers an HTTP check.
func (e *endpoints) answer(w http.ResponseWriter, r *http.Request) {
	e.note(r.Context().Value(arrivalKey{}).(*arrival))
	local := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	addr, _ := netip.AddrFromSlice(local.IP.To4())
	status := http.StatusNotFound
	if n := number(addr); n >= 0 && n < len(e.histories) {
		status = http.StatusOK
		if up, _ := e.histories[n].at(time.Now()); !up {
			status = http.StatusServiceUnavailable
		}
	}
	w.WriteHeader(status)
}

// openListeners listens at each address.
func (e *endpoints) openListeners() error {
	e.listeners = make([]net.Listener, len(e.histories))
	for i := range e.listeners {
		if err := e.openListener(i); err != nil {
			return err
		}
	}
	return nil
}

func (e *endpoints) openListener(i int) error {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address(i), uint16(e.port))))
	if err != nil {
		return fmt.Errorf("listen for checks: %w", err)
	}
	if e.port == 0 {
		e.port = listener.Addr().(*net.TCPAddr).Port // that of the first one is for all
	}
	e.listeners[i] = listener
	e.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				e.accepted.Add(1)
				_ = conn.Close()
			}
		}
	})
	return nil
}

// close ends all endpoints, and waits for it.
func (e *endpoints) close() {
	if e.server != nil {
		_ = e.server.Close()
	}
	if e.resolver != nil {
		_ = e.resolver.Shutdown()
	}
	for _, listener := range e.listeners {
		if listener != nil {
			_ = listener.Close()
		}
	}
	e.serving.Wait()
}

// flap makes some endpoints go down and come up, until the context ends. Every time they stay like that for an interval
// more than the bound: long enough for wrong answers to show. They begin at different times.
func (e *endpoints) flap(ctx context.Context, s settings) error {
	b := s.bounds()
	down, up := b.down+s.interval, b.up+s.interval
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	random := rand.New(rand.NewPCG(5, 3))
	var running sync.WaitGroup
	for _, value := range flapping(s.checks, s.flap) {
		first := time.Duration(random.Int64N(int64(down + up)))
		running.Go(func() {
			if err := e.flapOne(ctx, value, first, down, up); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// flapOne makes one endpoint go down and come up.
func (e *endpoints) flapOne(ctx context.Context, value int, first, down, up time.Duration) error {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for isUp := true; ; isUp = !isUp {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := e.turn(value, !isUp); err != nil {
			return err
		}
		if isUp {
			timer.Reset(down)
		} else {
			timer.Reset(up)
		}
	}
}

// turn takes an endpoint down, or brings it up. Its history has it when it is so.
func (e *endpoints) turn(value int, up bool) error {
	if e.listeners != nil && up {
		if err := e.openListener(value); err != nil {
			return err
		}
	} else if e.listeners != nil {
		if err := e.listeners[value].Close(); err != nil {
			return fmt.Errorf("close an endpoint: %w", err)
		}
	}
	e.histories[value].add()
	return nil
}

// switches is how often endpoints went down or came up so far.
func (e *endpoints) switches() int {
	sum := 0
	for i := range e.histories {
		sum += e.histories[i].count()
	}
	return sum
}
