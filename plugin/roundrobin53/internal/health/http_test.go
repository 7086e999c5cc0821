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

// TestInvalidRequest has a path that no request can be made of. The reason does not tell it: it may hold a secret.
func TestInvalidRequest(t *testing.T) {
	for _, scheme := range []string{schemeHTTP, schemeHTTPS} {
		target := Target{addrOf("192.0.2.1"), &Check{Scheme: scheme, Timeout: time.Second, Path: "no slash"}}
		wantReason(t, probeOnce(t, target), "path: invalid URI for request")
	}
}

// rawAnswers serves each request with the text of an answer, on connections that stay open, and counts those.
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

// TestKeptConnection makes three probes one after another and counts the connections.
func TestKeptConnection(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, row := range []struct {
		name   string
		answer func(conn net.Conn, request int)
		want   string // the same for each probe
		conns  int32
	}{
		{"kept", func(c net.Conn, _ int) { write(c, whole) }, "", 1},
		{"chunked", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
		}, "", 1},
		{"text is missing", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno") }, `body has no "ok" in its first 65536 octets`, 1},
		{"says close", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}, "", 3},
		{"HTTP/1.0", func(c net.Conn, _ int) { write(c, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") }, "", 3},
		{"until the end", func(c net.Conn, _ int) { write(c, "HTTP/1.0 200 OK\r\n\r\nok"); _ = c.Close() }, "", 3},
		{"more than an answer", func(c net.Conn, _ int) { write(c, whole+"HTTP/1.1") }, "", 3},
		{"status fails", func(c net.Conn, _ int) { write(c, "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok") }, "status 500, want 200-399", 1},
		{"reset after an answer", func(c net.Conn, _ int) { write(c, whole); _ = c.Close() }, "", 3},
		{"closed at the second request", func(c net.Conn, request int) {
			if request == 0 {
				write(c, whole)
				return
			}
			_ = c.Close()
		}, "", 3},
		{"short body", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"); _ = c.Close() }, "connection closed before the end of the answer", 3},
		{"malformed chunk", func(c net.Conn, _ int) {
			write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n")
		}, "body is malformed", 3},
		{"short header", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nX: "); _ = c.Close() }, "connection closed before the end of the answer", 3},
		{"endless body", endlessBody, `body has no "ok" in its first 65536 octets`, 3},
		{"endless header", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-Y: z\r\n", 20_000)) }, "header of the answer is longer than 65536 octets", 3},
		{"endless line", func(c net.Conn, _ int) { write(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 200_000)) }, "header of the answer is longer than 65536 octets", 3},
		{"endless interim answers", func(c net.Conn, _ int) { write(c, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10_000)) }, "header of the answer is longer than 65536 octets", 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			listener := listen(t, "127.0.0.1")
			conns := rawAnswers(t, listener, row.answer)
			target := targetAt(listener, schemeHTTP)
			target.Check.Body = "ok"
			p := newProber(target, newAllowance(1))
			defer p.close()
			for range 3 {
				wantReason(t, probeAgain(t, p, target), row.want)
			}
			if got := conns.Load(); got != row.conns {
				t.Errorf("%d connections, want %d", got, row.conns)
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

// TestDrippedBodyFails: an endpoint that cannot finish its own page does not pass.
func TestDrippedBodyFails(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	rawAnswers(t, listener, func(conn net.Conn, _ int) { drip(conn, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 1000)) })
	target := targetAt(listener, schemeHTTP)
	target.Check.Timeout = 800 * time.Millisecond
	wantReason(t, probeOnce(t, target), "no answer within 800ms")
}

// TestUnaskedAnswerIsNotTaken guards against a 408 on an idle connection that passes for the next answer.
func TestUnaskedAnswerIsNotTaken(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	more, sent := make(chan struct{}), make(chan struct{}, 2)
	conns := rawAnswers(t, listener, func(conn net.Conn, _ int) {
		write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		<-more
		write(conn, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
		sent <- struct{}{}
	})
	target := targetAt(listener, schemeHTTP)
	p := newProber(target, newAllowance(1))
	defer p.close()
	wantReason(t, probeAgain(t, p, target), "")
	more <- struct{}{}
	<-sent
	wantReason(t, probeAgain(t, p, target), "")
	more <- struct{}{}
	if got := conns.Load(); got != 2 {
		t.Errorf("%d connections, want 2", got)
	}
}

// TestKeptConnectionsAreBounded has two targets and an allowance of one connection.
func TestKeptConnectionsAreBounded(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	conns := rawAnswers(t, listener, func(conn net.Conn, _ int) { write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") })
	target, kept := targetAt(listener, schemeHTTP), newAllowance(1)
	one, other := newProber(target, kept), newProber(target, kept)
	for range 3 {
		wantReason(t, probeAgain(t, one, target), "")
		wantReason(t, probeAgain(t, other, target), "")
	}
	if got := conns.Load(); got != 4 {
		t.Errorf("%d connections, want one that is kept and three that are not", got)
	}
	one.close()
	one.close()
	wantReason(t, probeAgain(t, other, target), "")
	if kept.left.Load() != 0 {
		t.Error("the connection that another target gave up is not kept")
	}
	other.close()
	if kept.left.Load() != 1 {
		t.Errorf("allowance is %d at the end, want 1", kept.left.Load())
	}
}

// TestQuietOfClosedConnection: what this side closed is of no use either.
func TestQuietOfClosedConnection(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if !quiet(conn.(*net.TCPConn)) {
		t.Error("an open connection is not quiet")
	}
	_ = conn.Close()
	if quiet(conn.(*net.TCPConn)) || quiet(new(net.TCPConn)) {
		t.Error("a closed connection is quiet")
	}
}

// TestExchangeOverClosedConnection: nothing was sent, so another connection may do.
func TestExchangeOverClosedConnection(t *testing.T) {
	conn, other := net.Pipe()
	_, _ = conn.Close(), other.Close()
	if begun, reusable, err := exchange(conn, []byte("GET"), &Check{}); begun || reusable || err == nil {
		t.Errorf("exchange: %t, %t, %v, want an error before any answer", begun, reusable, err)
	}
}
