package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

// Limits keep whoever reaches the page from using up the process that answers queries.
const (
	maxConnections = 64
	maxHeader      = 8 << 10 // octets; the path and a search are short
	readLimit      = 5 * time.Second
	writeLimit     = 30 * time.Second // a large document over a slow line
	idleLimit      = 10 * time.Second // the page asks every second
	closeLimit     = time.Second      // for answers under way when the page ends
)

// A Server is the page at one address. Configurations hand it on: it shows the instance that serves,
// and outlives reloads.
type Server struct {
	address  netip.AddrPort
	listener net.Listener
	http     http.Server
	shown    atomic.Pointer[Instance] // nil before the first Show
	ending   atomic.Bool              // see Withdraw
	begin    sync.Once
	serving  sync.WaitGroup
	renders  renders
}

// Listen takes an address. Nobody is answered before Show.
func Listen(address netip.AddrPort) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	s := &Server{address: address, listener: netutil.LimitListener(listener, maxConnections), renders: newRenders()}
	s.http = http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readLimit,
		ReadTimeout:       readLimit,
		WriteTimeout:      writeLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // of connections, whatever strangers do with them
	}
	return s, nil
}

// Address returns where the page is.
func (s *Server) Address() netip.AddrPort { return s.address }

// IsPublic reports whether other machines may reach the page.
func (s *Server) IsPublic() bool { return !s.address.Addr().IsLoopback() }

// Show makes the page show an instance. The first call opens it.
func (s *Server) Show(in *Instance) {
	s.shown.Store(in)
	s.begin.Do(func() {
		s.serving.Go(func() {
			if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				_ = s.listener.Close()
			}
		})
	})
}

// Withdraw reports all names as not ready from now on. The server still answers, so that its
// clients can go elsewhere first.
func (s *Server) Withdraw() { s.ending.Store(true) }

// Close ends the page and waits until every answer has ended.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	_ = s.listener.Close() // if it never served
	s.serving.Wait()
}
