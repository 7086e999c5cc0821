package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Port is the port of a kind of server. The first call for a kind starts its server. The kinds are
//
//	http, https (HTTP/1.1), http2 (over TLS), expired (https with a certificate that has expired), tls, grpc, grpcs
//	refused: nobody listens
func (tg *Target) Port(kind string) string {
	tg.t.Helper()
	if port, ok := tg.ports[kind]; ok {
		return port
	}
	switch kind {
	case "http":
		tg.serveHTTP(kind, nil)
	case "https", "http2", "expired":
		tg.serveHTTP(kind, tg.tlsConfig(kind))
	case "tls":
		tg.serveTLS(tg.tlsConfig(kind))
	case "grpc":
		tg.serveGRPC(kind)
	case "grpcs":
		tg.serveGRPC(kind, grpc.Creds(credentials.NewTLS(tg.tlsConfig(kind))))
	case "refused":
		tg.refuse()
	default:
		tg.t.Fatalf("a target has no server of the kind %s", kind)
	}
	return tg.ports[kind]
}

// tlsConfig is the TLS configuration of a kind of server, with a certificate of its own.
func (tg *Target) tlsConfig(kind string) *tls.Config {
	tg.t.Helper()
	tg.CAFile()
	until := time.Now().Add(time.Hour)
	if kind == "expired" {
		until = time.Now().Add(-time.Minute)
	}
	certificate, err := tg.authority.Certificate(until, TargetName)
	if err != nil {
		tg.t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if kind == "http2" || kind == "grpcs" {
		config.NextProtos = []string{"h2"}
	}
	return config
}

func (tg *Target) listen(kind string) net.Listener {
	tg.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(tg.address, "0"))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.ports[kind] = portOf(listener.Addr())
	return countingListener{listener, tg, kind}
}

func portOf(address net.Addr) string { return strconv.Itoa(address.(*net.TCPAddr).Port) }

// countingListener counts the connections to a kind of server.
type countingListener struct {
	net.Listener
	tg   *Target
	kind string
}

// Accept implements net.Listener.
func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.tg.mu.Lock()
		l.tg.connections[l.kind]++
		l.tg.mu.Unlock()
	}
	return conn, err
}

func (tg *Target) serveHTTP(kind string, config *tls.Config) {
	server := httptest.NewUnstartedServer(tg)
	_ = server.Listener.Close()
	server.Listener = tg.listen(kind)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.TLS = config; config == nil {
		server.Start()
	} else {
		server.EnableHTTP2 = config.NextProtos != nil
		server.StartTLS()
	}
	tg.t.Cleanup(server.Close)
}

// serveTLS completes handshakes in which the client names the server, or names none, and nothing more.
func (tg *Target) serveTLS(config *tls.Config) {
	certificate := config.Certificates[0]
	config.Certificates = nil
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName != "" && hello.ServerName != TargetName {
			return nil, fmt.Errorf("server name %q", hello.ServerName)
		}
		return &certificate, nil
	}
	listener := tls.NewListener(tg.listen("tls"), config)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				_, _ = conn.Read(make([]byte, 1))
			})
		}
	})
	tg.t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
}

// serveGRPC starts a server with a service that serves and one that does not.
func (tg *Target) serveGRPC(kind string, options ...grpc.ServerOption) {
	server := grpc.NewServer(options...)
	services := health.NewServer()
	services.SetServingStatus("test.Serving", grpc_health_v1.HealthCheckResponse_SERVING)
	services.SetServingStatus("test.Ailing", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(server, services)
	listener := tg.listen(kind)
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	tg.t.Cleanup(func() {
		server.Stop()
		running.Wait()
	})
}

// refuse finds a port that is taken, so that no other test gets it, but by a connection and not by a listener.
func (tg *Target) refuse() {
	conn, err := net.Dial("tcp", net.JoinHostPort(tg.address, tg.Port("tls")))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.t.Cleanup(func() { _ = conn.Close() })
	tg.ports["refused"] = portOf(conn.LocalAddr())
}

// ServeHTTP implements http.Handler. It answers by path.
func (tg *Target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signal, isOver := tg.await(r)
	word, rest, _ := strings.Cut(endpoint(r.URL.Path), "/")
	switch {
	case isOver:
	case signal == Fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case signal == failByScript:
		w.WriteHeader(http.StatusInternalServerError)
	case word == "status":
		code, _ := strconv.Atoi(rest)
		w.WriteHeader(code)
	case word == "redirect":
		http.Redirect(w, r, "/followed", http.StatusFound)
	case word == "far":
		_, _ = io.WriteString(w, strings.Repeat(".", 64<<10)+"all is well")
	case word == "fields":
		answerFields(w, r)
	case word == "garbled":
		garble(w, r)
	default:
		_, _ = io.WriteString(w, "all is well")
	}
}

// endpoint is the name of the endpoint at a path.
func endpoint(path string) string { return strings.TrimPrefix(path, "/") }

// await counts a request and returns the signal for it, once there is one. IsOver says that the client has given up.
func (tg *Target) await(r *http.Request) (signal Signal, isOver bool) {
	name := endpoint(r.URL.Path)
	tg.mu.Lock()
	defer tg.mu.Unlock()
	n := tg.requests[name]
	tg.requests[name]++
	if script := tg.scripts[name]; script != "" && script[min(n, len(script)-1)] == 'x' {
		return failByScript, false
	}
	for tg.signals[name] == Hang {
		changed := tg.changed
		tg.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			isOver = true
		}
		tg.mu.Lock()
		if isOver {
			return Hang, true
		}
	}
	return tg.signals[name], false
}

// answerFields writes what a request says of itself into the body: fields of the header, as one line.
func answerFields(w http.ResponseWriter, r *http.Request) {
	sni := ""
	if r.TLS != nil {
		sni = r.TLS.ServerName
	}
	_, _ = fmt.Fprintf(w, "method=%s; proto=%s; host=%s; sni=%s; token=%s; agent=%s; query=%s;",
		r.Method, r.Proto, r.Host, sni, r.Header.Get("X-Token"), r.UserAgent(), r.URL.RawQuery)
}

// garble answers with something that is not HTTP, and that holds what the request said.
func garble(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(conn, "%s %s\r\n\r\n", r.Header.Get("X-Token"), r.URL.RawQuery)
	_ = conn.Close()
}
