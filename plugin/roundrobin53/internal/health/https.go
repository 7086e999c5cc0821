package health

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
)

// protocolHTTP2 is the name of HTTP/2 in a TLS handshake (RFC 9113, section 3.2).
const protocolHTTP2 = "h2"

// protocolHTTP1 is the name of HTTP/1.1 in a TLS handshake (RFC 7301, section 6).
const protocolHTTP1 = "http/1.1"

// httpsAsker asks for a page over TLS, with HTTP/2 if the other side speaks it.
type httpsAsker struct {
	tlsAsker
	target  Target
	request *http.Request
	wire    []byte // the request in HTTP/1.1
	invalid error  // why there is no request
}

func newHTTPSAsker(target Target) asker {
	a := &httpsAsker{target: target, tlsAsker: tlsAsker{tlsConfig(target, protocolHTTP2, protocolHTTP1), target.Check}}
	if a.request, a.invalid = newRequest(target); a.invalid == nil {
		a.wire = render(a.request)
	}
	return a
}

func (a *httpsAsker) ask(ctx context.Context, conn connection) error {
	if a.invalid != nil {
		return a.invalid
	}
	secure, err := a.handshake(conn)
	if err != nil {
		return err
	}
	if secure.ConnectionState().NegotiatedProtocol != protocolHTTP2 {
		return a.askHTTP1(secure)
	}
	err = a.askHTTP2(ctx, secure)
	if isHTTP1Required(err) {
		return a.askAgain(ctx)
	}
	return err
}

// askHTTP1 makes the request over a connection whose handshake is complete.
func (a *httpsAsker) askHTTP1(conn *tls.Conn) error {
	err := exchange(conn, a.wire, a.target.Check)
	_ = conn.CloseWrite() // says goodbye if it can
	return err
}

// askAgain makes the request in HTTP/1.1 over another connection. Later probes begin with HTTP/1.1.
func (a *httpsAsker) askAgain(ctx context.Context) error {
	a.config = tlsConfig(a.target, protocolHTTP1)
	conn, release, err := dial(ctx, a.target)
	if err != nil {
		return err
	}
	defer release()
	defer func() { _ = conn.Close() }()
	secure, err := a.handshake(conn)
	if err != nil {
		return err
	}
	return a.askHTTP1(secure)
}

// isHTTP1Required reports whether a server has this page for HTTP/1.1 only (RFC 9113, section 7),
// for example because it asks for a client certificate on some paths.
func isHTTP1Required(err error) bool {
	return err != nil && strings.Contains(err.Error(), "HTTP_1_1_REQUIRED") // net/http has no type for it
}

// http2Transport speaks HTTP/2 over connections that it is given. It keeps none, so it can't mix up
// two addresses of one name.
var http2Transport = &http.Transport{
	DialTLSContext:         handedOver,
	ForceAttemptHTTP2:      true,
	DisableCompression:     true,
	MaxResponseHeaderBytes: headerLimit,
}

// connKey is the key under which a context holds the connection for handedOver.
type connKey struct{}

// handedOver returns the connection that a context holds.
func handedOver(ctx context.Context, _, _ string) (net.Conn, error) {
	return ctx.Value(connKey{}).(net.Conn), nil
}

// askHTTP2 makes the request over a connection whose handshake chose HTTP/2.
func (a *httpsAsker) askHTTP2(ctx context.Context, conn *tls.Conn) error {
	client, err := http2Transport.NewClientConn(context.WithValue(ctx, connKey{}, conn), schemeHTTPS, conn.RemoteAddr().String())
	if err != nil {
		return http2Error(err)
	}
	defer func() { _ = client.Close() }()
	response, err := client.RoundTrip(a.request.WithContext(ctx))
	if err != nil {
		return http2Error(err)
	}
	defer func() { _ = response.Body.Close() }()
	return judge(response, a.target.Check)
}

// http2Error leaves out what the other side said when it closed the connection.
func http2Error(err error) error {
	if reason, _, cut := strings.Cut(err.Error(), ", debug="); cut {
		return errors.New(reason)
	}
	return err
}
