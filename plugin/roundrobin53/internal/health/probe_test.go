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
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func init() {
	servers[schemeTCP] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveConns(tb, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	}
}

func TestRefusedConnection(t *testing.T) {
	for _, address := range families {
		for _, scheme := range streamSchemes() {
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

// TestEachProbeConnects guards against endpoints that answer whoever is connected already, and let
// nobody else in.
func TestEachProbeConnects(t *testing.T) {
	for _, scheme := range streamSchemes() {
		t.Run(scheme, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			target := targetAt(listener, scheme)
			single := &singleListener{Listener: listener, closed: make(chan struct{})}
			servers[scheme](t, single)
			p := newProber(target)
			wantReason(t, probeAgain(t, p, target), "")
			<-single.closed // the kernel lets others in before
			for range 3 {
				wantReason(t, probeAgain(t, p, target), "connect: connection refused")
			}
		})
	}
}

// singleListener lets one connection in and then closes.
type singleListener struct {
	net.Listener
	closed chan struct{} // closed behind the listener
	once   sync.Once
}

func (l *singleListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.once.Do(func() {
		_ = l.Close()
		close(l.closed)
	})
	return conn, err
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

// everyScheme gives one reason to all probes that wait for an answer.
func everyScheme(reason string) map[string]string {
	want := make(map[string]string)
	for _, scheme := range waitingSchemes() {
		want[scheme] = reason
	}
	return want
}

// streamSchemes are those whose probes make a TCP connection.
func streamSchemes() []string {
	return slices.DeleteFunc(SchemeNames(), func(name string) bool {
		scheme, _ := SchemeOf(name)
		return scheme.newAsker == nil
	})
}

// waitingSchemes are those whose probes wait for an answer: all but tcp, which needs no more than a
// connection.
func waitingSchemes() []string {
	return slices.DeleteFunc(streamSchemes(), func(scheme string) bool { return scheme == schemeTCP })
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

// TestProbesEndWithTheirContext guards Stop: it waits for probes, and may not wait for their
// deadlines.
func TestProbesEndWithTheirContext(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	reached := make(chan struct{}, 1)
	serveConns(t, listener, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		reached <- struct{}{}
		_, _ = io.Copy(io.Discard, conn)
	})
	for _, scheme := range waitingSchemes() {
		t.Run(scheme, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			done := make(chan error, 1)
			p := newProber(targetAt(listener, scheme))
			go func() {
				_, err := p.Probe(ctx) // which leaves nothing, since its time is over
				done <- err
			}()
			<-reached
			cancel()
			if err := <-done; err == nil {
				t.Error("probe passed, want an error")
			}
		})
	}
}

// TestDeadlineOfConnectionStays: what a library sets does not count.
func TestDeadlineOfConnectionStays(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithCancel(t.Context())
	conn, _, err := dial(ctx, targetAt(listener, schemeTCP))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	cancel()
	for range 2 {
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v, want %v", err, os.ErrDeadlineExceeded)
		}
		_, _, _ = conn.SetDeadline(time.Time{}), conn.SetReadDeadline(time.Time{}), conn.SetWriteDeadline(time.Time{})
	}
}

// TestPeerThatDoesNotRead keeps a client writing, which by itself would take five seconds to say
// goodbye.
func TestPeerThatDoesNotRead(t *testing.T) {
	var pings bytes.Buffer
	framer := http2.NewFramer(&pings, nil)
	_ = framer.WriteSettings()
	for range 4096 {
		_ = framer.WritePing(false, [8]byte{})
	}
	for _, scheme := range []string{schemeGRPC, schemeGRPCS, schemeHTTPS} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			listener := listen(t, "127.0.0.1")
			serveConns(t, listener, func(conn net.Conn) {
				_ = conn.(*net.TCPConn).SetReadBuffer(1)
				if scheme != schemeGRPC {
					conn = tls.Server(conn, serverConfig(protocolHTTP2))
				}
				for {
					if _, err := conn.Write(pings.Bytes()); err != nil {
						return
					}
				}
			})
			target := targetAt(listener, scheme)
			target.Check.Timeout = time.Second
			began := time.Now()
			wantReason(t, probeOnce(t, target), "no answer within 1s")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the probe took %s, want 1s", took)
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
	newProber(Target{addrOf("192.0.2.1"), &Check{Scheme: "ftp"}})
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
		{"local as a certificate that can't be verified", &tls.CertificateVerificationError{Err: x509.SystemRootsError{Err: &os.PathError{Op: "open", Path: "/etc/ssl", Err: syscall.EMFILE}}}, "tls: failed to verify certificate: x509: failed to load system roots and no roots provided; open /etc/ssl: too many open files"},
		{"local at the end of a probe's time", errors.Join(os.ErrDeadlineExceeded, syscall.ENOBUFS), "i/o timeout\\nno buffer space available"},
		{"local, of whatever kind", fmt.Errorf("verify: %w", x509.SystemRootsError{}), "verify: x509: failed to load system roots and no roots provided"},
		{"names of a certificate", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"a\n[ERROR] \x1b[2J"}}, Host: "a"}}, "certificate: certificate is valid for a\\n[ERROR] \\x1b[2J, not a"},
		{"operation with a line break", &net.OpError{Op: "read", Err: errors.New("a\r\nb")}, "a\\r\\nb"},
		{"other", errNotHTTP, "answer is not HTTP"},
		{"long", errors.New(strings.Repeat("ä", 500)), strings.Repeat("ä", 100) + "..."},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := explain(t.Context(), row.err, 4*time.Second)
			wantReason(t, err, row.want)
			if isLocal(err) != strings.HasPrefix(row.name, "local") {
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

func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"plain \"text\", ä 日 \\": "plain \"text\", ä 日 \\",
		"a\nb\r\tc":              `a\nb\r\tc`,
		"\x1b[31m\x00\x7f":       `\x1b[31m\x00\x7f`,
		"\u202ea\u2028\u0085":    `\u202ea\u2028\u0085`, // right to left, and more ends of lines
		"\xff\ufffd\xc3":         `\xff` + "\ufffd" + `\xc3`,
	} {
		if got := quoted(text); got != want {
			t.Errorf("quoted(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestSystemBounds(t *testing.T) {
	if got := systemBounds(); got.inFlight < 1 || got.inFlight > inFlightLimit || got.parting < 1 {
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
