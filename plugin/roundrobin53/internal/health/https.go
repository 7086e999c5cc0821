package health

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
)

// protocolHTTP2 is what HTTP/2 is called in a TLS handshake (RFC 9113, section 3.2).
const protocolHTTP2 = "h2"

// httpsProber asks for a page over TLS, by HTTP/2 where the other side speaks it. Each probe has a connection of its own:
// on one that was kept, nobody would notice that the certificate expired.
type httpsProber struct {
	tlsProber
	request *http.Request
	wire    []byte // the request in HTTP/1.1
	invalid error  // why there is no request
}

func newHTTPSProber(target Target) *httpsProber {
	p := &httpsProber{tlsProber: tlsProber{target, tlsConfig(target, protocolHTTP2, "http/1.1")}}
	if p.request, p.invalid = newRequest(target); p.invalid == nil {
		p.request.Close = true
		p.wire = render(p.request)
	}
	return p
}

// Probe implements prober.
func (p *httpsProber) Probe(ctx context.Context) error {
	if p.invalid != nil {
		return p.invalid
	}
	conn, release, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer func() {
		release()
		_ = conn.Close()
	}()
	if conn.ConnectionState().NegotiatedProtocol == protocolHTTP2 {
		return p.askHTTP2(ctx, conn)
	}
	_, _, err = exchange(conn, p.wire, p.target.Check)
	return err
}

// http2Transport speaks HTTP/2 over connections that were made already: it has none of its own, and so cannot mix up two
// addresses under one name.
var http2Transport = &http.Transport{
	DialTLSContext:         handedOver,
	ForceAttemptHTTP2:      true,
	DisableCompression:     true,
	MaxResponseHeaderBytes: headerLimit,
}

// connKey is where a context has the connection for handedOver.
type connKey struct{}

// handedOver is the connection of a context.
func handedOver(ctx context.Context, _, _ string) (net.Conn, error) {
	return ctx.Value(connKey{}).(net.Conn), nil
}

// askHTTP2 makes the request over a connection that the handshake found to speak HTTP/2.
func (p *httpsProber) askHTTP2(ctx context.Context, conn *tls.Conn) error {
	client, err := http2Transport.NewClientConn(context.WithValue(ctx, connKey{}, conn), schemeHTTPS, conn.RemoteAddr().String())
	if err != nil {
		return http2Error(err)
	}
	defer func() { _ = client.Close() }()
	response, err := client.RoundTrip(p.request.WithContext(ctx))
	if err != nil {
		return http2Error(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = judge(response, p.target.Check)
	return err
}

// http2Error leaves out what the other side said on closing a connection.
func http2Error(err error) error {
	if reason, _, cut := strings.Cut(err.Error(), ", debug="); cut {
		return errors.New(reason)
	}
	return err
}
