package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestProbesEndWithoutReset: the other side, which has said something that nobody reads, sees the end of the connection.
func TestProbesEndWithoutReset(t *testing.T) {
	greeting := func(conn net.Conn) { write(conn, "220 mail.example.org ESMTP\r\n") }
	page := func(conn net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore")
	}
	for _, row := range []struct {
		scheme string
		config *tls.Config
		handle func(net.Conn)
	}{
		{schemeTCP, nil, greeting},
		{schemeTLS, serverConfig(), greeting}, // and tickets for sessions, in TLS 1.3
		{schemeHTTP, nil, page},
		{schemeHTTPS, serverConfig("http/1.1"), page},
	} {
		t.Run(row.scheme, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			ends := make(chan error, 1)
			serveConns(t, listener, func(conn net.Conn) {
				plain := conn
				if row.config != nil {
					conn = tls.Server(conn, row.config)
				}
				row.handle(conn)
				if row.scheme == schemeTCP || row.scheme == schemeTLS {
					_, _ = io.Copy(io.Discard, conn) // until the other side says goodbye
				}
				_ = plain.(*net.TCPConn).CloseWrite()
				_, err := io.Copy(io.Discard, plain)
				ends <- err
			})
			wantReason(t, probeOnce(t, targetAt(listener, row.scheme)), "")
			if err := <-ends; err != nil {
				t.Errorf("the other side reads: %v, want the end", err)
			}
		})
	}
}

// TestPartingEnds with its context, and with its time, where the other side says nothing or too much.
func TestPartingEnds(t *testing.T) {
	for name, handle := range map[string]func(net.Conn){
		"silence":  func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn); <-t.Context().Done() },
		"too much": func(conn net.Conn) { endlessBody(conn, 0) },
	} {
		listener := listen(t, "127.0.0.1")
		serveConns(t, listener, handle)
		t.Run(name, func(t *testing.T) {
			for _, theirs := range []bool{false, true} {
				conn, _, err := dial(t.Context(), targetAt(listener, schemeTCP))
				if err != nil {
					t.Fatal(err)
				}
				parting{conn.TCPConn, theirs}.end(t.Context())
				if _, err := conn.Write([]byte("a")); err == nil {
					t.Error("the connection is open after its end")
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	listener := listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	conn, _, err := dial(t.Context(), targetAt(listener, schemeTCP))
	if err != nil {
		t.Fatal(err)
	}
	parting{conn.TCPConn, true}.end(ctx)
}

// TestPartingsAreBounded: the second of two connections is closed at once.
func TestPartingsAreBounded(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	l := &loop{partings: newAllowance(0)}
	conn, _, err := dial(t.Context(), targetAt(listener, schemeTCP))
	if err != nil {
		t.Fatal(err)
	}
	l.end(t.Context(), parting{conn.TCPConn, true})
	if _, err := conn.Write([]byte("a")); err == nil {
		t.Error("the connection is open after its end")
	}
	l.end(t.Context(), parting{}) // of a probe that led to no connection
	if left := l.partings.left.Load(); left != 0 {
		t.Errorf("%d more may be ended, want 0", left)
	}
}
