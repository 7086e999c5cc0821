// Package health finds out whether endpoints are up.
//
// A Monitor probes its targets, each a pair of an address and a check, at a fixed rate. Results count through a
// threshold, so that only runs of equal results change a verdict; a change is handed to the observer, and verdicts can
// be read at any time. Every probe is bounded by one deadline for all that it does, whatever the other side does.
//
// What a verdict means for an answer, logs and metrics are left to others. No name is ever looked up here.
package health

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// BodyLimit is how many octets of a body are read and searched. A page made for probes is far shorter.
const BodyLimit = 64 << 10

// The schemes of a check: the protocols that a probe speaks.
const (
	schemeTCP   = "tcp"
	schemeTLS   = "tls"
	schemeHTTP  = "http"
	schemeHTTPS = "https"
	schemeGRPC  = "grpc"
	schemeGRPCS = "grpcs"
)

// defaultPorts are the ports that a Host header leaves out (RFC 9110, section 4.2).
var defaultPorts = map[string]uint16{schemeHTTP: 80, schemeHTTPS: 443, schemeGRPC: 80, schemeGRPCS: 443}

// Check is what a probe does and how its results count. It never changes once used.
type Check struct {
	Scheme   string // tcp, tls, http, https, grpc or grpcs
	Name     string // Host header, :authority and TLS server name; empty: the address itself
	Port     uint16
	Path     string // http, https: path and query, "/" if empty; grpc, grpcs: the service, empty for the whole server
	Interval time.Duration
	Timeout  time.Duration  // bounds everything that one probe does; at most Interval
	Rise     int            // passes in a row to come up
	Fall     int            // failures in a row to go down
	Status   []StatusRange  // http, https: codes that pass
	Body     string         // http, https: text that the first BodyLimit octets of the body have to hold; empty: any body
	Header   []HeaderField  // http, https: further fields; Host overrides Name for the Host header
	Roots    *x509.CertPool // tls, https, grpcs: who may sign the certificate; nil: the system's
	RootsPEM string         // the text that Roots was made of, as part of the Key
	Insecure bool           // certificates are not verified
	Invert   bool           // a probe that passes counts as a failure, and the other way round
}

// StatusRange is the status codes from First to Last, both included.
type StatusRange struct{ First, Last int }

// String is the range as it is configured.
func (r StatusRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// HeaderField is one line of the header of a request.
type HeaderField struct{ Name, Value string }

// Key is the definition as text: equal checks have equal keys. It may hold secrets, so it is never logged.
func (c *Check) Key() string {
	return fmt.Sprintf("%q %q %d %q %d %d %d %d %v %q %q %t %q %t %t", c.Scheme, c.Name, c.Port, c.path(), c.Interval, c.Timeout,
		c.Rise, c.Fall, c.Status, c.Body, c.Header, c.Roots != nil, c.RootsPEM, c.Insecure, c.Invert)
}

// path is what a request asks for. A service of grpc is taken as it is.
func (c *Check) path() string {
	if c.Path == "" && c.isHTTP() {
		return "/"
	}
	return c.Path
}

func (c *Check) isHTTP() bool { return c.Scheme == schemeHTTP || c.Scheme == schemeHTTPS }

// authority is what a request to addr names as the server that it means. A port that the scheme implies is left out, as
// every browser does; some servers know their names only so.
func (c *Check) authority(addr netip.Addr) string {
	name := c.Name
	if name == "" {
		name = addr.WithZone("").String() // a zone means nothing to the other side (RFC 6874, section 1)
	}
	if c.Port != defaultPorts[c.Scheme] {
		return net.JoinHostPort(name, strconv.Itoa(int(c.Port)))
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// accepts says whether a status code passes.
func (c *Check) accepts(code int) bool {
	for _, r := range c.Status {
		if r.First <= code && code <= r.Last {
			return true
		}
	}
	return false
}

// Target is an address and what is done to find out whether it is up.
type Target struct {
	Address netip.Addr
	Check   *Check
}
