package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// userAgent tells people who read the log of an endpoint where the probes come from.
const userAgent = "roundrobin53"

// httpAsker asks for a page over HTTP/1.1.
type httpAsker struct {
	check   *Check
	request []byte // in wire format, the same for each probe
	invalid error  // why there is no request
}

func newHTTPAsker(target Target) asker {
	request, err := newRequest(target)
	if err != nil {
		return httpAsker{invalid: err}
	}
	return httpAsker{check: target.Check, request: render(request)}
}

func (a httpAsker) ask(_ context.Context, conn connection) error {
	if a.invalid != nil {
		return a.invalid
	}
	return exchange(conn, a.request, a.check)
}

// newRequest makes the request of a target, for any version of HTTP. In HTTP/1.1 it asks the server
// to close the connection.
func newRequest(target Target) (*http.Request, error) {
	check := target.Check
	location, err := url.ParseRequestURI(check.path())
	if err != nil {
		return nil, fmt.Errorf("path: %w", errors.Unwrap(err)) // without the path, which may hold a token
	}
	location.Scheme, location.Host = check.Scheme, check.authority(target.Address)
	request := &http.Request{Method: http.MethodGet, URL: location, Host: location.Host, Header: make(http.Header), Close: true}
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

// render writes a request in the wire format of HTTP/1.1.
func render(request *http.Request) []byte {
	var wire bytes.Buffer
	_ = request.Write(&wire) // a buffer takes everything
	return wire.Bytes()
}
