package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// targetName is what the certificates of targets are for. Nobody could look it up.
const targetName = "www.target.invalid"

// target is what checks probe: servers of every kind on one loopback address. It counts requests by path and connections
// by kind of server.
type target struct {
	t       *testing.T
	address string
	ca      string            // the file of the authority that signs its certificates
	ports   map[string]string // by kind of server

	mu          sync.Mutex
	requests    map[string]int
	connections map[string]int
	scripts     map[string]string        // what a path says request by request, see scripted
	gates       map[string]chan struct{} // closed when a path answers
}

// startTarget starts the servers on 127.0.0.1 or ::1, until the test ends:
//
//	http, https (HTTP/1.1), http2 (over TLS), expired (https, with a certificate that is), tls, grpc, grpcs
//	refused: a port that nobody listens on
func startTarget(t *testing.T, address string) *target {
	t.Helper()
	a := newAuthority(t)
	tg := &target{
		t: t, address: address, ca: a.file, ports: make(map[string]string), requests: make(map[string]int),
		connections: make(map[string]int), scripts: make(map[string]string), gates: make(map[string]chan struct{}),
	}
	good := a.certificate(t, time.Now().Add(time.Hour))
	tg.serveHTTP("http", nil)
	tg.serveHTTP("https", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS12})
	tg.serveHTTP("http2", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}})
	expired := a.certificate(t, time.Now().Add(-time.Minute))
	tg.serveHTTP("expired", &tls.Config{Certificates: []tls.Certificate{expired}, MinVersion: tls.VersionTLS12})
	tg.serveTLS(good)
	tg.serveGRPC("grpc")
	tg.serveGRPC("grpcs", grpc.Creds(credentials.NewServerTLSFromCert(&good)))
	tg.refuse()
	return tg
}

func (tg *target) listen(kind string) net.Listener {
	tg.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(tg.address, "0"))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.ports[kind] = portOf(listener.Addr())
	return countingListener{listener, tg, kind}
}

func portOf(address net.Addr) string { return strconv.Itoa(address.(*net.TCPAddr).Port) }

// countingListener counts the connections of a kind of server.
type countingListener struct {
	net.Listener
	tg   *target
	kind string
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.tg.mu.Lock()
		l.tg.connections[l.kind]++
		l.tg.mu.Unlock()
	}
	return conn, err
}

func (tg *target) serveHTTP(kind string, config *tls.Config) {
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
func (tg *target) serveTLS(certificate tls.Certificate) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName != "" && hello.ServerName != targetName {
			return nil, fmt.Errorf("server name %q", hello.ServerName)
		}
		return &certificate, nil
	}}
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

// serveGRPC has a service that serves and one that does not.
func (tg *target) serveGRPC(kind string, options ...grpc.ServerOption) {
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
func (tg *target) refuse() {
	conn, err := net.Dial("tcp", net.JoinHostPort(tg.address, tg.ports["tls"]))
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.t.Cleanup(func() { _ = conn.Close() })
	tg.ports["refused"] = portOf(conn.LocalAddr())
}

// fill puts what is known of the target into a text: ADDRESS, the TARGETNAME of its certificates, the
// CAFILE that they can be verified by, and for each kind of server the port, as in PORT(http).
func (tg *target) fill(text string) string {
	for kind, port := range tg.ports {
		text = strings.ReplaceAll(text, "PORT("+kind+")", port)
	}
	return strings.NewReplacer("ADDRESS", tg.address, "CAFILE", tg.ca, "TARGETNAME", targetName).Replace(text)
}

// ServeHTTP answers by path; unknown ones say that all is well.
func (tg *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tg.mu.Lock()
	n := tg.requests[r.URL.Path]
	tg.requests[r.URL.Path]++
	script, isScripted := tg.scripts[r.URL.Path]
	gate := tg.gates[r.URL.Path]
	tg.mu.Unlock()

	word, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case gate != nil:
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	case isScripted && script[min(n, len(script)-1)] == 'x':
		w.WriteHeader(http.StatusInternalServerError)
	case word == "status":
		code, _ := strconv.Atoi(rest)
		w.WriteHeader(code)
	case word == "redirect":
		http.Redirect(w, r, "/followed", http.StatusFound)
	case word == "far":
		_, _ = io.WriteString(w, strings.Repeat(".", 64<<10)+"all is well")
	case word == "fields":
		tg.answerFields(w, r)
	case word == "garbled":
		tg.garble(w, r)
	default:
		_, _ = io.WriteString(w, "all is well")
	}
}

// answerFields writes what a request says of itself into the body: fields of the header, as one line.
func (tg *target) answerFields(w http.ResponseWriter, r *http.Request) {
	sni := ""
	if r.TLS != nil {
		sni = r.TLS.ServerName
	}
	_, _ = fmt.Fprintf(w, "method=%s; proto=%s; host=%s; sni=%s; token=%s; agent=%s; query=%s;",
		r.Method, r.Proto, r.Host, sni, r.Header.Get("X-Token"), r.UserAgent(), r.URL.RawQuery)
}

// garble answers with something that is not HTTP, and that holds what the request said.
func (tg *target) garble(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(conn, "%s %s\r\n\r\n", r.Header.Get("X-Token"), r.URL.RawQuery)
	_ = conn.Close()
}

// script makes a path fail (x) and pass (.) request by request; its last result goes on.
func (tg *target) script(path, results string) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.scripts[path] = results
}

// hold makes a path answer nothing until it is released.
func (tg *target) hold(path string) (release func()) {
	gate := make(chan struct{})
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.gates[path] = gate
	release = sync.OnceFunc(func() { close(gate) })
	tg.t.Cleanup(release)
	return release
}

// requested is how many requests for a path there were, and connected how many connections to a kind of server.
func (tg *target) requested(path string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.requests[path]
}

func (tg *target) connected(kind string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.connections[kind]
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string // its own certificate in PEM form
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of the test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	octets, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(octets); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: octets}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// certificate is one for targetName that is valid until a time.
func (a *authority) certificate(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{targetName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	octets, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{octets}, PrivateKey: key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
