package health

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// families are the loopback addresses that every kind of probe is tried against.
var families = []string{"127.0.0.1", "::1"}

// authority signs the certificates of test servers.
type testAuthority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

var newTestAuthority = sync.OnceValue(func() *testAuthority {
	a := &testAuthority{key: newKey(), pool: x509.NewCertPool()}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = sign(&template, &template, &a.key.PublicKey, a.key)
	a.pool.AddCert(a.cert)
	return a
})

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	octets, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(octets)
	if err != nil {
		panic(err)
	}
	return cert
}

// certificate is one for names and loopback addresses that is valid until a time.
func (a *testAuthority) certificate(until time.Time, names ...string) tls.Certificate {
	key := newKey()
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, DNSNames: names,
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.IPv6loopback}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return tls.Certificate{Certificate: [][]byte{sign(&template, a.cert, &key.PublicKey, a.key).Raw}, PrivateKey: key}
}

// servers holds for each scheme a server whose probes pass. The tests of a scheme add its own.
var servers = make(map[string]func(testing.TB, net.Listener))

// servePage answers any request with a page.
func servePage(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }

// serverConfig is TLS for a good server under the name www.example.org.
func serverConfig(protocols ...string) *tls.Config {
	cert := newTestAuthority().certificate(time.Now().Add(time.Hour), "www.example.org")
	return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols, MinVersion: tls.VersionTLS12}
}

func listen(tb testing.TB, address string) net.Listener {
	tb.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	return listener
}

// targetAt returns the address of a listener as a target, with a check that passes 200-399 within a
// time that no machine is too slow for.
func targetAt(listener net.Listener, scheme string) Target {
	at := listener.Addr().(*net.TCPAddr).AddrPort()
	path := ""
	if kind, ok := SchemeOf(scheme); ok && kind.DNS {
		path = "app.example.org/A"
	}
	return Target{at.Addr().Unmap(), &Check{
		Scheme: scheme, Path: path, Port: at.Port(), Interval: 20 * time.Second, Timeout: 20 * time.Second, Rise: 1, Fall: 1,
		Status: []StatusRange{{200, 399}}, Roots: newTestAuthority().pool,
	}}
}

// serveConns hands each connection to a function. At the end of the test it closes them and waits.
func serveConns(tb testing.TB, listener net.Listener, handle func(net.Conn)) {
	tb.Helper()
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			})
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// serveHTTP is a web server, with TLS if there is a configuration.
func serveHTTP(tb testing.TB, listener net.Listener, config *tls.Config, handler http.HandlerFunc) {
	tb.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = listener
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config == nil {
		server.Start()
	} else {
		server.EnableHTTP2 = config.NextProtos != nil && config.NextProtos[0] == protocolHTTP2
		server.TLS = config
		server.StartTLS()
	}
	tb.Cleanup(server.Close)
}

// probeOnce makes one probe as the monitor does.
func probeOnce(tb testing.TB, target Target) error {
	tb.Helper()
	p := newProber(target)
	return probeAgain(tb, p, target)
}

func probeAgain(tb testing.TB, p prober, target Target) error {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), target.Check.Timeout)
	defer cancel()
	left, err := p.Probe(ctx)
	if err != nil {
		err = explain(ctx, err, target.Check.Timeout)
	}
	if left != nil {
		hangUp(left)
	}
	return err
}

// wantReason checks how a probe went; an empty want is a pass.
func wantReason(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("probe: %q, want %q", got, want)
	}
}

// unusedPort is a target that nobody listens on.
func unusedPort(t *testing.T, address, scheme string) Target {
	t.Helper()
	listener := listen(t, address)
	target := targetAt(listener, scheme)
	_ = listener.Close()
	return target
}

func addrOf(text string) netip.Addr { return netip.MustParseAddr(text) }
