package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// userAgent tells whoever reads the log of an endpoint where the probes come from.
const userAgent = "roundrobin53"

// httpProber asks for a page over HTTP/1.1. It keeps the connection from probe to probe where it may, which costs no
// goroutine and no buffer meanwhile.
type httpProber struct {
	target  Target
	request []byte // as it goes over the wire, always the same
	invalid error  // why there is no request
	kept    *allowance
	conn    *net.TCPConn // kept from the last probe, nil if there is none
}

func newHTTPProber(target Target, kept *allowance) *httpProber {
	request, err := newRequest(target)
	if err != nil {
		return &httpProber{invalid: err}
	}
	return &httpProber{target: target, kept: kept, request: render(request)}
}

// Probe implements prober.
func (p *httpProber) Probe(ctx context.Context) error {
	if p.invalid != nil {
		return p.invalid
	}
	if conn := p.take(); conn != nil {
		release := bind(ctx, conn)
		if quiet(conn) {
			begun, err := p.ask(conn, release)
			if begun || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				return err
			}
		}
		// The other side gave up the connection meanwhile, as it may at any time (RFC 9112, section 9.5).
		release()
		_ = conn.Close()
	}
	conn, release, err := dial(ctx, p.target)
	if err != nil {
		return err
	}
	_, err = p.ask(conn, release)
	return err
}

// ask makes the request over a connection, and then keeps or closes that. Begun says whether an answer came.
func (p *httpProber) ask(conn *net.TCPConn, release func() bool) (begun bool, err error) {
	begun, reusable, err := exchange(conn, p.request, p.target.Check)
	// If release fails, the deadline of this probe may yet be set, in the middle of the next one.
	if release() && reusable && p.kept.take() {
		p.conn = conn
		return begun, err
	}
	_ = conn.Close()
	return begun, err
}

// take takes the kept connection.
func (p *httpProber) take() *net.TCPConn {
	conn := p.conn
	if conn != nil {
		p.conn = nil
		p.kept.give()
	}
	return conn
}

func (p *httpProber) close() {
	if conn := p.take(); conn != nil {
		_ = conn.Close()
	}
}

// newRequest is what an HTTP probe asks, in any version of HTTP.
func newRequest(target Target) (*http.Request, error) {
	check := target.Check
	location, err := url.ParseRequestURI(check.path())
	if err != nil {
		return nil, fmt.Errorf("path: %w", errors.Unwrap(err)) // without the path, which may hold a token
	}
	location.Scheme, location.Host = check.Scheme, check.authority(target.Address)
	request := &http.Request{Method: http.MethodGet, URL: location, Host: location.Host, Header: make(http.Header)}
	request.Header.Set("User-Agent", userAgent)
	for _, field := range check.Header {
		switch {
		case strings.EqualFold(field.Name, "Host"):
			request.Host = field.Value
		case strings.EqualFold(field.Name, "User-Agent"):
			request.Header.Set(field.Name, field.Value)
		default:
			request.Header.Add(field.Name, field.Value)
		}
	}
	return request, nil
}

// render is a request as it goes over the wire in HTTP/1.1.
func render(request *http.Request) []byte {
	var wire bytes.Buffer
	_ = request.Write(&wire) // a buffer takes everything
	return wire.Bytes()
}
