package health

import (
	"context"
	"crypto/tls"
)

// tlsProber passes when a TLS handshake is complete and the certificate, unless it does not count, is good.
type tlsProber struct {
	target Target
	config *tls.Config
}

func newTLSProber(target Target) tlsProber { return tlsProber{target, tlsConfig(target)} }

// classicalCurves are all that withstand the computers of today. Those that withstand quantum computers, too, take half
// as much processor time again for a probe, and there is nothing worth it unless a header is sent: a token may be in it.
var classicalCurves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

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
	if check.Name == "" && !check.Insecure {
		config.ServerName = target.Address.WithZone("").String() // is verified, but not sent (RFC 6066, section 3)
	}
	return config
}

// Probe implements prober.
func (p tlsProber) Probe(ctx context.Context) error {
	conn, release, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer release()
	return conn.Close()
}

// dial connects and completes the handshake.
func (p tlsProber) dial(ctx context.Context) (*tls.Conn, func() bool, error) {
	plain, release, err := dial(ctx, p.target)
	if err != nil {
		return nil, nil, err
	}
	conn := tls.Client(plain, p.config)
	if err := conn.Handshake(); err != nil {
		release()
		_ = plain.Close() // no goodbye: there is no common tongue
		return nil, nil, err
	}
	return conn, release, nil
}

func (p tlsProber) close() {}
