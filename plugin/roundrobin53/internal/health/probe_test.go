package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

var schemes = []string{schemeTCP, schemeTLS, schemeHTTP, schemeHTTPS, schemeGRPC, schemeGRPCS}

func TestRefusedConnection(t *testing.T) {
	for _, address := range families {
		for _, scheme := range schemes {
			t.Run(scheme+" "+address, func(t *testing.T) {
				wantReason(t, probeOnce(t, unusedPort(t, address, scheme)), "connect: connection refused")
			})
		}
	}
}

func TestTCP(t *testing.T) {
	for _, address := range families {
		t.Run(address, func(t *testing.T) {
			listener := listen(t, address)
			serveConns(t, listener, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
			wantReason(t, probeOnce(t, targetAt(listener, schemeTCP)), "")
		})
	}
}

// TestHostileEndpoints has every probe that reads end by its deadline, or before, whatever comes.
func TestHostileEndpoints(t *testing.T) {
	reset := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	for _, row := range []struct {
		name   string
		handle func(net.Conn)
		want   map[string]string
	}{
		{"hang", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, everyScheme("no answer within 300ms")},
		{"drip", func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1000)) }, map[string]string{
			schemeTLS:   "tls: first record does not look like a TLS handshake",
			schemeHTTP:  "no answer within 300ms",
			schemeHTTPS: "tls: first record does not look like a TLS handshake",
			schemeGRPC:  "gRPC code Unavailable",
			schemeGRPCS: "tls: first record does not look like a TLS handshake",
		}},
		{"drip of TLS", func(conn net.Conn) { drip(conn, "\x16\x03\x03\x10\x00"+strings.Repeat("x", 4096)) }, map[string]string{
			schemeTLS: "no answer within 300ms", schemeHTTPS: "no answer within 300ms", schemeGRPCS: "no answer within 300ms",
		}},
		{"reset", reset, map[string]string{
			schemeTLS:   "read: connection reset by peer",
			schemeHTTP:  "read: connection reset by peer",
			schemeHTTPS: "read: connection reset by peer",
			schemeGRPC:  "gRPC code Unavailable",
			schemeGRPCS: "read: connection reset by peer",
		}},
		{"goodbye", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }, map[string]string{
			schemeTLS:   "connection closed before the end of the answer",
			schemeHTTP:  "connection closed before the end of the answer",
			schemeHTTPS: "connection closed before the end of the answer",
			schemeGRPC:  "gRPC code Unavailable",
			schemeGRPCS: "connection closed before the end of the answer",
		}},
		{"garbage", func(conn net.Conn) {
			_, _ = conn.Write(bytes.Repeat([]byte("secret\n"), 4096))
			_, _ = io.Copy(io.Discard, conn)
		}, map[string]string{
			schemeTLS:   "tls: first record does not look like a TLS handshake",
			schemeHTTP:  "answer is not HTTP",
			schemeHTTPS: "tls: first record does not look like a TLS handshake",
			schemeGRPC:  "gRPC code Unavailable",
			schemeGRPCS: "tls: first record does not look like a TLS handshake",
		}},
	} {
		listener := listen(t, "127.0.0.1")
		serveConns(t, listener, row.handle)
		for scheme, want := range row.want {
			t.Run(row.name+" "+scheme, func(t *testing.T) {
				target := targetAt(listener, scheme)
				if strings.HasPrefix(want, "no answer") {
					target.Check.Timeout = 300 * time.Millisecond
				}
				wantReason(t, probeOnce(t, target), want)
			})
		}
	}
}

// everyScheme is one reason for all probes that wait for an answer.
func everyScheme(reason string) map[string]string {
	want := make(map[string]string)
	for _, scheme := range schemes[1:] {
		want[scheme] = reason
	}
	return want
}

// drip sends an octet now and then.
func drip(conn net.Conn, text string) {
	for i := range text {
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestProbesEndWithTheirContext guards Stop: it waits for probes, and may not wait for their deadlines.
func TestProbesEndWithTheirContext(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	reached := make(chan struct{}, 1)
	serveConns(t, listener, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		reached <- struct{}{}
		_, _ = io.Copy(io.Discard, conn)
	})
	for _, scheme := range schemes[1:] {
		t.Run(scheme, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			done := make(chan error, 1)
			p := newProber(targetAt(listener, scheme), newAllowance(1))
			go func() { done <- p.Probe(ctx) }()
			<-reached
			cancel()
			if err := <-done; err == nil {
				t.Error("probe passed, want an error")
			}
		})
	}
}

func TestNewProberPanicsAtUnknownScheme(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	newProber(Target{addrOf("192.0.2.1"), &Check{Scheme: "icmp"}}, nil)
}

func TestExplain(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"deadline of the context", context.DeadlineExceeded, "no answer within 4s"},
		{"deadline of a connection", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "no answer within 4s"},
		{"operation", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "connect: no route to host"},
		{"end", io.EOF, "connection closed before the end of the answer"},
		{"certificate", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "a"}}, "certificate: certificate is not valid for any names, but wanted to match a"},
		{"local", fmt.Errorf("dial: %w", syscall.EMFILE), "dial: too many open files"},
		{"other", errNotHTTP, "answer is not HTTP"},
		{"long", errors.New(strings.Repeat("ä", 500)), strings.Repeat("ä", 100) + "..."},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := explain(t.Context(), row.err, 4*time.Second)
			wantReason(t, err, row.want)
			if isLocal(err) != (row.name == "local") {
				t.Errorf("isLocal(%v) = %t", err, isLocal(err))
			}
		})
	}
	if isLocal(nil) {
		t.Error("isLocal(nil) = true")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	wantReason(t, explain(ctx, errGone, time.Second), "no answer within 1s")
}

func TestAllowance(t *testing.T) {
	a := newAllowance(1)
	if !a.take() || a.take() {
		t.Error("an allowance of 1 is not exactly one")
	}
	a.give()
	if !a.take() {
		t.Error("what was given back is not there")
	}
}

func TestSystemBounds(t *testing.T) {
	if got := systemBounds(); got.flight < 1 || got.flight > flightLimit || got.kept < 1 {
		t.Errorf("bounds %+v", got)
	}
}

// TestHandOver: a library that connects again would make a second probe of one.
func TestHandOver(t *testing.T) {
	conn, other := net.Pipe()
	defer func() { _, _ = conn.Close(), other.Close() }()
	connect := handOver(conn)
	if got, err := connect(); got != conn || err != nil {
		t.Errorf("first: %v, %v, want the connection", got, err)
	}
	if got, err := connect(); got != nil || !errors.Is(err, errGone) {
		t.Errorf("second: %v, %v, want %v", got, err, errGone)
	}
}
