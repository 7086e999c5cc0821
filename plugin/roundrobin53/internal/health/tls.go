package health

import (
	"context"
	"crypto/tls"
	"slices"
)

// tlsAsker passes when a TLS handshake is complete and the certificate, unless it does not count, is good.
type tlsAsker struct{ config *tls.Config }

func newTLSAsker(target Target) asker { return tlsAsker{tlsConfig(target)} }

// classicalCurves are all that withstand the computers of today. Those that withstand quantum computers, too, take half
// as much processor time again for a probe, and there is nothing worth it unless a header is sent: a token may be in it.
var classicalCurves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

// anyCipherSuite are all cipher suites that Go has, those with RSA key exchange, RC4 and 3DES included.
var anyCipherSuite = func() (suites []uint16) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, suite.ID)
	}
	return suites
}()

// tlsConfig has no session cache: each probe sees the certificate again, and notices when it expires.
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
	if check.Insecure { // then what old devices speak will do, too
		config.MinVersion = tls.VersionTLS10 //nolint:gosec // by choice of the operator
		config.CipherSuites = anyCipherSuite
	}
	if check.Name == "" && !check.Insecure {
		config.ServerName = target.Address.WithZone("").String() // is verified, but not sent (RFC 6066, section 3)
	}
	return config
}

func (a tlsAsker) ask(_ context.Context, conn connection) error {
	secure, err := a.handshake(conn)
	if err != nil {
		return err // and no goodbye: there is no common tongue
	}
	return secure.CloseWrite()
}

// handshake completes the handshake over a connection, by its deadline.
func (a tlsAsker) handshake(conn connection) (*tls.Conn, error) {
	secure := tls.Client(conn, a.config)
	return secure, secure.Handshake()
}
