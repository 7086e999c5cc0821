package health

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func init() {
	servers[schemeHTTP] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveHTTP(tb, listener, nil, servePage)
	}
	servers[schemeHTTPS] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveHTTP(tb, listener, serverConfig(protocolHTTP2, protocolHTTP1), servePage)
	}
}

func TestHTTP(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			code := 0
			_, _ = fmt.Sscan(r.URL.RawQuery, &code)
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(code)
		case "/early":
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		case "/long":
			_, _ = w.Write([]byte(strings.Repeat("x", BodyLimit-2) + "ok"))
		case "/longer":
			_, _ = w.Write([]byte(strings.Repeat("x", BodyLimit-1) + "ok"))
		default:
			_, _ = fmt.Fprintf(w, "%s %s %s %s %q", r.Method, r.Host, r.RequestURI, r.UserAgent(), r.Header["X-Token"])
		}
	}
	for _, address := range families {
		plain, secure, older := listen(t, address), listen(t, address), listen(t, address)
		serveHTTP(t, plain, nil, handler)
		serveHTTP(t, secure, serverConfig(protocolHTTP2, "http/1.1"), handler)
		serveHTTP(t, older, serverConfig("http/1.1"), handler)
		for name, listener := range map[string]net.Listener{"http": plain, "https by HTTP/2": secure, "https by HTTP/1.1": older} {
			for _, row := range []struct {
				name  string
				check func(*Check)
				want  string
			}{
				{"any body", func(*Check) {}, ""},
				{"request", func(c *Check) { c.Body = "GET " + listener.Addr().String() + " / roundrobin53 []" }, ""},
				{"name", func(c *Check) { c.Name = "www.example.org"; c.Body = fmt.Sprintf(" www.example.org:%d ", c.Port) }, ""},
				{"path and query", func(c *Check) { c.Path = "/a%20b?c=d&e"; c.Body = " /a%20b?c=d&e " }, ""},
				{"header", func(c *Check) {
					c.Header = []HeaderField{{"host", "example.net"}, {"user-agent", "probe"}, {"X-Token", "a"}, {"x-token", "b"}}
					c.Body = `GET example.net / probe ["a" "b"]`
				}, ""},
				{"no such text", func(c *Check) { c.Body = "ok" }, `body has no "ok" in its first 65536 octets`},
				{"text at the end", func(c *Check) { c.Path = "/long"; c.Body = "ok" }, ""},
				{"text too late", func(c *Check) { c.Path = "/longer"; c.Body = "ok" }, `body has no "ok" in its first 65536 octets`},
				{"redirect passes", func(c *Check) { c.Path = "/status?302" }, ""},
				{"redirect fails", func(c *Check) { c.Path = "/status?302"; c.Status = []StatusRange{{200, 299}} }, "status 302, want 200-299"},
				{"server error", func(c *Check) { c.Path = "/status?503" }, "status 503, want 200-399"},
				{"several ranges", func(c *Check) { c.Path = "/status?404"; c.Status = []StatusRange{{200, 200}, {401, 403}} }, "status 404, want 200 401-403"},
				{"no content", func(c *Check) { c.Path = "/status?204" }, ""},
				{"interim answer", func(c *Check) { c.Path = "/early"; c.Status = []StatusRange{{200, 200}} }, ""},
			} {
				t.Run(row.name+" "+name+" "+address, func(t *testing.T) {
					target := targetAt(listener, strings.Fields(name)[0])
					row.check(target.Check)
					wantReason(t, probeOnce(t, target), row.want)
				})
			}
		}
	}
}

// TestInvalidRequest has a path that no request can be made of. The reason does not tell it: it may
// hold a secret.
func TestInvalidRequest(t *testing.T) {
	for _, scheme := range []string{schemeHTTP, schemeHTTPS} {
		listener := listen(t, "127.0.0.1")
		serveConns(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		target := targetAt(listener, scheme)
		target.Check.Path = "no slash"
		wantReason(t, probeOnce(t, target), "path: invalid URI for request")
	}
}

// rawAnswers serves each request with the text of an answer, on connections that stay open, and
// counts those.
func rawAnswers(t *testing.T, listener net.Listener, answer func(conn net.Conn, request int)) *atomic.Int32 {
	t.Helper()
	var conns atomic.Int32
	serveConns(t, listener, func(conn net.Conn) {
		conns.Add(1)
		reader := bufio.NewReader(conn)
		for i := 0; ; i++ {
			if _, err := http.ReadRequest(reader); err != nil {
				return
			}
			answer(conn, i)
		}
	})
	return &conns
}

func write(conn net.Conn, text string) { _, _ = io.WriteString(conn, text) }

// TestHTTPAnswers makes two probes one after another, each over a connection of its own.
func TestHTTPAnswers(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, row := range []struct {
		name   string
		answer func(conn net.Conn, request int)
		want   string // the same for each probe
	}{
		{"whole", func(c net.Conn, _ int) { write(c, whole) }, ""},
		{"chunked", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
		}, ""},
		{"text is missing", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno") }, `body has no "ok" in its first 65536 octets`},
		{"says close", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}, ""},
		{"HTTP/1.0", func(c net.Conn, _ int) { write(c, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") }, ""},
		{"until the end", func(c net.Conn, _ int) { write(c, "HTTP/1.0 200 OK\r\n\r\nok"); _ = c.Close() }, ""},
		{"more than an answer", func(c net.Conn, _ int) { write(c, whole+"HTTP/1.1") }, ""},
		{"status fails", func(c net.Conn, _ int) { write(c, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok") }, "status 500, want 200-399"},
		{"closed without an answer", func(c net.Conn, _ int) { _ = c.Close() }, "connection closed before the end of the answer"},
		{"short body with the text", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"); _ = c.Close() }, ""},
		{"short body without it", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no"); _ = c.Close() }, "connection closed before the end of the answer"},
		{"malformed chunk", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n")
		}, "body is malformed"},
		{"short header", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nX: "); _ = c.Close() }, "connection closed before the end of the answer"},
		{"malformed header line", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nsecret\r\n\r\nok") }, "status 200, but a header line is malformed"},
		{"malformed length", func(c net.Conn, _ int) { write(c, "HTTP/1.0 503 No\r\nContent-Length: secret\r\n\r\n") }, "status 503, but a header line is malformed"},
		{"header behind an interim answer", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 No\r\nsecret\r\n\r\n")
		}, "status 404, but a header line is malformed"},
		{"no status code", func(c net.Conn, _ int) { write(c, "HTTP/1.1 ok\r\nX: y\r\n\r\n") }, "answer is not HTTP"},
		{"status code of four digits", func(c net.Conn, _ int) { write(c, "HTTP/1.1 2000\r\nX: y\r\n\r\n") }, "answer is not HTTP"},
		{"no answer of HTTP/1", func(c net.Conn, _ int) { write(c, "SSH-2.0-OpenSSH_9.9\r\n\r\n") }, "answer is not HTTP"},
		{"endless body", endlessBody, `body has no "ok" in its first 65536 octets`},
		{"endless header", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Y: z\r\n", 20_000)) }, "header of the answer is longer than 65536 octets"},
		{"endless line", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 200_000)) }, "header of the answer is longer than 65536 octets"},
		{"endless interim answers", func(c net.Conn, _ int) { write(c, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10_000)) }, "header of the answer is longer than 65536 octets"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			listener := listen(t, "127.0.0.1")
			conns := rawAnswers(t, listener, row.answer)
			target := targetAt(listener, schemeHTTP)
			target.Check.Body = "ok"
			p := newProber(target)
			for range 2 {
				wantReason(t, probeAgain(t, p, target), row.want)
			}
			if got := conns.Load(); got != 2 {
				t.Errorf("%d connections, want 2", got)
			}
		})
	}
}

func endlessBody(conn net.Conn, _ int) {
	write(conn, "HTTP/1.1 200 OK\r\n\r\n")
	for {
		if _, err := conn.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

// TestEndlessBodyPasses where any body does: its first part came.
func TestEndlessBodyPasses(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	rawAnswers(t, listener, endlessBody)
	wantReason(t, probeOnce(t, targetAt(listener, schemeHTTP)), "")
}

// TestDrippedBody: an endpoint that cannot finish its own page does not pass, but a stream of
// events that begins with the text does.
func TestDrippedBody(t *testing.T) {
	for body, want := range map[string]string{"": "no answer within 800ms", "secret": "no answer within 800ms", "ok": ""} {
		t.Run(body, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			rawAnswers(t, listener, func(conn net.Conn, _ int) {
				write(conn, "HTTP/1.1 200 OK\r\n\r\ndata: o")
				drip(conn, "k\n\n"+strings.Repeat("x", 1000))
			})
			target := targetAt(listener, schemeHTTP)
			target.Check.Body = body
			if want != "" {
				target.Check.Timeout = 800 * time.Millisecond
			}
			wantReason(t, probeOnce(t, target), want)
		})
	}
}
