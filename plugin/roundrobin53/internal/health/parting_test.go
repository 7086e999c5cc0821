package health

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestProbesEndWithoutReset: the other side, which has said something that nobody reads, sees the
// end of the connection.
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
			left, err := newProber(targetAt(listener, row.scheme)).Probe(t.Context())
			if left == nil || err != nil {
				t.Fatalf("probe: %v, %v, want a connection that is yet to be closed", left, err)
			}
			for !drain(left) {
				time.Sleep(time.Millisecond)
			}
			hangUp(left)
			if err := <-ends; err != nil {
				t.Errorf("the other side reads: %v, want the end", err)
			}
		})
	}
}

// TestPartings has a connection that waited long enough, one too many, and one that has time.
func TestPartings(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	now := time.Now()
	p := partings{limit: 2}
	if end := p.last(); !end.IsZero() {
		t.Errorf("none has waited long enough at %s, want never", end)
	}
	var conns []*net.TCPConn
	for _, age := range []time.Duration{partingTime, partingTime / 2, partingTime / 2, 0} {
		conn, _, err := dial(t.Context(), targetAt(listener, schemeTCP))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn.TCPConn)
		p.add(conn.TCPConn, now.Add(-age))
	}
	if got := p.last().Sub(now); got != partingTime {
		t.Errorf("all have waited long enough in %s, want %s", got, partingTime)
	}
	p.end(now)
	for i, conn := range conns {
		_, err := conn.Write([]byte("a"))
		if isOpen := err == nil; isOpen != (i >= 2) {
			t.Errorf("connection %d is open: %t", i, isOpen)
		}
	}
	p.end(now.Add(partingTime))
	if len(p.list) != 0 {
		t.Errorf("%d are left, want none", len(p.list))
	}
}

// TestDrainIsBounded: who goes on sending is not listened to for ever.
func TestDrainIsBounded(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { endlessBody(conn, 0) })
	conn, _, err := dial(t.Context(), targetAt(listener, schemeTCP))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if drain(conn.TCPConn) {
			t.Fatal("what is endless has ended")
		}
	}
	hangUp(conn.TCPConn)
	if !drain(conn.TCPConn) || !drain(new(net.TCPConn)) {
		t.Error("there is more to come over a closed connection")
	}
}

// TestMonitorClosesConnections waits for the end of the connections of a monitor whose next probe
// is a long time off, and of one that is stopped.
func TestMonitorClosesConnections(t *testing.T) {
	for name, leave := range map[string]func(*Monitor){"left alone": func(*Monitor) {}, "stopped": (*Monitor).Stop} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			ended := make(chan struct{}, 1)
			serveConns(t, listener, func(conn net.Conn) {
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // and does not close, as it was asked to
				_, _ = io.Copy(io.Discard, conn)
				ended <- struct{}{}
			})
			target := targetAt(listener, schemeHTTP)
			target.Check.Interval = 24 * time.Hour
			m := NewMonitor([]Target{target}, Observer{Changed: func([]Transition) {}})
			defer m.Stop()
			m.Start()
			<-m.FirstRound()
			leave(m)
			<-ended
		})
	}
}
