package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestHTTPSProtocol guards HTTP/2 by ALPN, and that both protocols are probed over a new connection
// each time.
func TestHTTPSProtocol(t *testing.T) {
	for _, row := range []struct {
		name      string
		protocols []string
		want      string
	}{
		{"both", []string{protocolHTTP2, "http/1.1"}, "HTTP/2.0"},
		{"HTTP/1.1", []string{"http/1.1"}, "HTTP/1.1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			clients := make(chan string, 3)
			serveHTTP(t, listener, serverConfig(row.protocols...), func(w http.ResponseWriter, r *http.Request) {
				clients <- r.RemoteAddr
				_, _ = w.Write([]byte(r.Proto))
			})
			target := targetAt(listener, schemeHTTPS)
			target.Check.Body = row.want
			p := newProber(target)
			for range 2 {
				wantReason(t, probeAgain(t, p, target), "")
			}
			if one, other := <-clients, <-clients; one == other {
				t.Errorf("both probes came over one connection, of %s", one)
			}
		})
	}
}

func TestHTTPSVerifiesCertificate(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveHTTP(t, listener, serverConfig(protocolHTTP2), func(http.ResponseWriter, *http.Request) {})
	target := targetAt(listener, schemeHTTPS)
	target.Check.Name = "example.net"
	wantReason(t, probeOnce(t, target), "certificate: certificate is valid for www.example.org, not example.net")
	target.Check.Insecure = true
	wantReason(t, probeOnce(t, target), "")
}

func TestHostileHTTP2(t *testing.T) {
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		body    string
		want    string
	}{
		{"hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", "no answer within 400ms"},
		{"reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", "stream error: stream ID 1; INTERNAL_ERROR; received from peer"},
		{"reset in the body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("a"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "", "body is malformed"},
		{"endless body", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, "ok", `body has no "ok" in its first 65536 octets`},
		{"long header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X"] = slices.Repeat([]string{strings.Repeat("x", 1000)}, 100)
		}, "", "stream error: stream ID 1; PROTOCOL_ERROR; http2: response header list larger than advertised limit"},
		{"drip", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}, "ok", "no answer within 400ms"},
	} {
		t.Run(row.name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			serveHTTP(t, listener, serverConfig(protocolHTTP2), row.handler)
			target := targetAt(listener, schemeHTTPS)
			target.Check.Body = row.body
			if strings.HasPrefix(row.want, "no answer") {
				target.Check.Timeout = 400 * time.Millisecond
			}
			wantReason(t, probeOnce(t, target), row.want)
		})
	}
}

// TestHTTPSWithoutHTTP2Answer has a server that promises HTTP/2 in the handshake and then closes,
// or talks of secrets.
func TestHTTPSWithoutHTTP2Answer(t *testing.T) {
	for name, text := range map[string]string{"closed": "", "GOAWAY": "\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
		"\x00\x00\x0e\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0bsecret"} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			serveConns(t, listener, func(conn net.Conn) {
				secure := tls.Server(conn, serverConfig(protocolHTTP2))
				_, _ = secure.Read(make([]byte, 1024))
				_, _ = secure.Write([]byte(text))
				_ = secure.Close()
			})
			if err := probeOnce(t, targetAt(listener, schemeHTTPS)); err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("probe: %v, want a reason without what was received", err)
			}
		})
	}
	wantReason(t, http2Error(errors.New(`GOAWAY; ErrCode=NO_ERROR, debug="secret"`)), "GOAWAY; ErrCode=NO_ERROR")
	wantReason(t, http2Error(context.DeadlineExceeded), "context deadline exceeded")
}

// TestHTTP1Required has a server that refuses HTTP/2 after the handshake has led to it. The next
// probe is made in HTTP/1.1 at once.
func TestHTTP1Required(t *testing.T) {
	for name, refuse := range map[string]func(*http2.Framer) error{
		"RST_STREAM": func(f *http2.Framer) error { return f.WriteRSTStream(1, http2.ErrCodeHTTP11Required) },
		"GOAWAY":     func(f *http2.Framer) error { return f.WriteGoAway(0, http2.ErrCodeHTTP11Required, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			protocols := make(chan string, 3)
			serveConns(t, listener, func(conn net.Conn) {
				secure := tls.Server(conn, serverConfig(protocolHTTP2, protocolHTTP1))
				if secure.Handshake() != nil {
					return
				}
				reader := bufio.NewReader(secure)
				request, err := http.ReadRequest(reader)
				if err != nil {
					return
				}
				protocols <- request.Proto
				if request.ProtoMajor == 1 {
					write(secure, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
					return
				}
				_, _ = reader.Discard(len("SM\r\n\r\n"))
				framer := http2.NewFramer(secure, reader)
				_ = framer.WriteSettings()
				for frame, err := framer.ReadFrame(); err == nil; frame, err = framer.ReadFrame() {
					if _, ok := frame.(*http2.HeadersFrame); ok {
						_ = refuse(framer)
					}
				}
			})
			target := targetAt(listener, schemeHTTPS)
			target.Check.Body = "ok"
			p := newProber(target)
			for range 2 {
				wantReason(t, probeAgain(t, p, target), "")
			}
			for _, want := range []string{"HTTP/2.0", "HTTP/1.1", "HTTP/1.1"} {
				if got := <-protocols; got != want {
					t.Errorf("request in %s, want %s", got, want)
				}
			}
		})
	}
}
