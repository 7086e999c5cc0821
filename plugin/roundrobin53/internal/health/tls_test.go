package health

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func init() {
	servers[schemeTLS] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveHTTP(tb, listener, serverConfig(protocolHTTP2, protocolHTTP1), servePage)
	}
}

func TestTLS(t *testing.T) {
	authority := newTestAuthority()
	for _, address := range families {
		for _, row := range []struct {
			name  string
			until time.Duration
			check func(*Check)
			want  string // how the reason begins
		}{
			{"by name", time.Hour, func(c *Check) { c.Name = "www.example.org" }, ""},
			{"by address", time.Hour, func(*Check) {}, ""},
			{"other name", time.Hour, func(c *Check) { c.Name = "example.net" }, "certificate: certificate is valid for www.example.org, not example.net"},
			{"other name, insecure", time.Hour, func(c *Check) { c.Name, c.Insecure = "example.net", true }, ""},
			{"unknown authority", time.Hour, func(c *Check) { c.Name, c.Roots = "www.example.org", nil }, "certificate: certificate signed by unknown authority"},
			{"unknown authority, insecure", time.Hour, func(c *Check) { c.Roots, c.Insecure = nil, true }, ""},
			{"expired", -time.Hour, func(c *Check) { c.Name = "www.example.org" }, "certificate: certificate has expired or is not yet valid: "},
			{"expired, insecure", -time.Hour, func(c *Check) { c.Insecure = true }, ""},
		} {
			t.Run(row.name+" "+address, func(t *testing.T) {
				listener := listen(t, address)
				names := make(chan string, 1)
				config := &tls.Config{
					Certificates: []tls.Certificate{authority.certificate(time.Now().Add(row.until), "www.example.org")},
					GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
						names <- hello.ServerName
						return nil, nil
					},
				}
				serveConns(t, listener, func(conn net.Conn) { _, _ = tls.Server(conn, config).Read(make([]byte, 1)) })
				target := targetAt(listener, schemeTLS)
				row.check(target.Check)
				err := probeOnce(t, target)
				if row.want == "" || err == nil {
					wantReason(t, err, row.want)
				} else if !strings.HasPrefix(err.Error(), row.want) {
					t.Errorf("probe: %v, want %s", err, row.want)
				}
				if got := <-names; got != target.Check.Name {
					t.Errorf("server name sent: %q, want %q", got, target.Check.Name)
				}
			})
		}
	}
}

func TestTLSWithoutCommonVersion(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	config := serverConfig()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	serveConns(t, listener, func(conn net.Conn) { _, _ = tls.Server(conn, config).Read(make([]byte, 1)) })
	wantReason(t, probeOnce(t, targetAt(listener, schemeTLS)), "tls: protocol version not supported")
}

func TestAuthority(t *testing.T) {
	for _, row := range []struct {
		address string
		check   Check
		want    string
	}{
		{"192.0.2.1", Check{Scheme: "http", Port: 80}, "192.0.2.1"},
		{"192.0.2.1", Check{Scheme: "http", Port: 8080}, "192.0.2.1:8080"},
		{"2001:db8::1", Check{Scheme: "http", Port: 80}, "[2001:db8::1]"},
		{"2001:db8::1", Check{Scheme: "https", Port: 80}, "[2001:db8::1]:80"},
		{"fe80::1%eth0", Check{Scheme: "https", Port: 443}, "[fe80::1]"},
		{"2001:db8::1", Check{Scheme: "https", Port: 443, Name: "www.example.org"}, "www.example.org"},
		{"2001:db8::1", Check{Scheme: "grpc", Port: 9000, Name: "www.example.org"}, "www.example.org:9000"},
	} {
		t.Run(fmt.Sprintf("%s %s %d %s", row.address, row.check.Scheme, row.check.Port, row.check.Name), func(t *testing.T) {
			if got := row.check.authority(addrOf(row.address)); got != row.want {
				t.Errorf("authority(%s) = %s, want %s", row.address, got, row.want)
			}
		})
	}
}

// TestInsecureReachesOldServers has what Go refuses unless it is told otherwise. Where certificates
// are verified, it stays refused.
func TestInsecureReachesOldServers(t *testing.T) {
	certificate := rsaCertificate(t)
	for _, row := range []struct {
		name   string
		config *tls.Config
	}{
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}},
		{"RSA key exchange", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}},
		{"3DES", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}},
		{"RC4", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}}},
	} {
		for _, scheme := range []string{schemeTLS, schemeHTTPS} {
			t.Run(row.name+" "+scheme, func(t *testing.T) {
				config := row.config.Clone()
				config.Certificates = []tls.Certificate{certificate}
				config.NextProtos = []string{protocolHTTP1}
				listener := listen(t, "127.0.0.1")
				serveHTTP(t, listener, config, func(http.ResponseWriter, *http.Request) {})
				target := targetAt(listener, scheme)
				if probeOnce(t, target) == nil {
					t.Error("passed, and the certificate was verified")
				}
				target.Check.Insecure = true
				wantReason(t, probeOnce(t, target), "")
			})
		}
	}
}

// rsaCertificate has a negative serial number, as some devices make them. Go does not sign such:
// the octet is changed.
func rsaCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(0x7a53cafe), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	octets, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	octets[bytes.Index(octets, []byte{0x7a, 0x53, 0xca, 0xfe})] = 0xfa
	return tls.Certificate{Certificate: [][]byte{octets}, PrivateKey: key}
}

// TestForgedLine has a certificate whose names would write a line of their own into the log.
func TestForgedLine(t *testing.T) {
	const name = "evil\n[ERROR] plugin/errors: forged line\x1b[2J"
	listener := listen(t, "127.0.0.1")
	config := &tls.Config{Certificates: []tls.Certificate{newTestAuthority().certificate(time.Now().Add(time.Hour), name)}}
	serveConns(t, listener, func(conn net.Conn) { _, _ = tls.Server(conn, config).Read(make([]byte, 1)) })
	target := targetAt(listener, schemeTLS)
	target.Check.Name = "www.example.org"
	wantReason(t, probeOnce(t, target), `certificate: certificate is valid for evil\n[ERROR] plugin/errors: forged line\x1b[2J, not www.example.org`)
}

// TestDialogue covers what a check sends and expects: a greeting, and an answer to a question.
func TestDialogue(t *testing.T) {
	greet := func(conn net.Conn) { _, _ = conn.Write([]byte("220 mail.example.org ESMTP\r\n")) }
	pong := func(conn net.Conn) {
		octets := make([]byte, 6)
		if n, _ := conn.Read(octets); string(octets[:n]) == "PING\r\n" {
			_, _ = conn.Write([]byte("+PO"))
			_, _ = conn.Write([]byte("NG\r\n"))
		}
	}
	const absent = `no "+PONG" in the first 1024 octets, or the other side ended the connection before`
	for _, row := range []struct {
		name, send, expect, want string
		handle                   func(net.Conn)
	}{
		{"greeting", "", "220 ", "", greet},
		{"another greeting", "", "+PONG", absent, greet},
		{"answer", "PING\r\n", "+PONG", "", pong},
		{"another question", "PONG\r\n", "+PONG", absent, pong},
		{"too far behind", "", "+PONG", absent, func(conn net.Conn) {
			_, _ = conn.Write([]byte(strings.Repeat("x", ExpectLimit-4) + "+PONG"))
			_, _ = conn.Read(make([]byte, 1))
		}},
		{"just in time", "", "+PONG", "", func(conn net.Conn) {
			_, _ = conn.Write([]byte(strings.Repeat("x", ExpectLimit-5) + "+PONG"))
			_, _ = conn.Read(make([]byte, 1))
		}},
	} {
		for _, scheme := range []string{schemeTCP, schemeTLS} {
			t.Run(row.name+" "+scheme, func(t *testing.T) {
				listener := listen(t, "127.0.0.1")
				serveConns(t, listener, func(conn net.Conn) {
					if scheme == schemeTLS {
						secure := tls.Server(conn, serverConfig())
						defer func() { _ = secure.Close() }()
						conn = secure
					}
					row.handle(conn)
				})
				target := targetAt(listener, scheme)
				target.Check.Send, target.Check.Expect = row.send, row.expect
				wantReason(t, probeOnce(t, target), row.want)
			})
		}
	}
}
