package health

import (
	"context"
	"crypto/tls"
	"slices"
)

// tlsAsker passes when a TLS handshake is complete and the certificate is valid; with Insecure any
// certificate will do.
type tlsAsker struct {
	config *tls.Config
	check  *Check
}

func newTLSAsker(target Target) asker { return tlsAsker{tlsConfig(target), target.Check} }

// classicalCurves leaves out the curves that withstand quantum computers. Those make a probe take
// half as much processor time again, which is worth it only if the probe sends a header, where a
// token may be.
var classicalCurves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// anyCipherSuite lists all cipher suites of Go, including those with RSA key exchange, RC4 and
// 3DES.
var anyCipherSuite = func() (suites []uint16) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, suite.ID)
	}
	return suites
}()

// tlsConfig makes a configuration without a session cache, so that each probe sees the certificate
// and notices when it expires.
func tlsConfig(target Target, protocols ...string) *tls.Config {
	check := target.Check
	config := &tls.Config{
		ServerName:         check.Name,
		RootCAs:            check.Roots,
		InsecureSkipVerify: check.Insecure, //nolint:gosec // by choice of the operator
		NextProtos:         protocols,
	}
	if len(check.Header) == 0 {
		config.CurvePreferences = classicalCurves
	}
	if check.Insecure { // also accept what old devices speak
		config.MinVersion = tls.VersionTLS10
		config.CipherSuites = anyCipherSuite
	}
	if check.Name == "" && !check.Insecure {
		config.ServerName = target.Address.WithZone("").String() // verified, but not sent (RFC 6066, section 3)
	}
	return config
}

func (a tlsAsker) ask(_ context.Context, conn connection) error {
	secure, err := a.handshake(conn)
	if err != nil {
		return err // without a goodbye, which needs a session
	}
	if err := converse(secure, a.check); err != nil {
		return err
	}
	return secure.CloseWrite()
}

// handshake completes the TLS handshake before the deadline of the connection.
func (a tlsAsker) handshake(conn connection) (*tls.Conn, error) {
	secure := tls.Client(conn, a.config)
	return secure, secure.Handshake()
}
