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

// Check is what a probe does and how its results count. It never changes once used.
type Check struct {
	Scheme   string // the name of a Scheme
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
	RootsPEM string         // the text that Roots was made of, which the Key has in its place
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

// Key returns all that the check says as text, so that equal checks have equal keys. A pool of certificates can't be
// compared: RootsPEM stands for it. The key may hold secrets, so it is never logged.
func (c *Check) Key() string {
	whole := *c
	whole.Path, whole.Roots = c.path(), nil
	return fmt.Sprintf("%#v", whole)
}

// path is what a request asks for. A service of grpc is taken as it is.
func (c *Check) path() string {
	if scheme, _ := SchemeOf(c.Scheme); c.Path == "" && scheme.HTTP {
		return "/"
	}
	return c.Path
}

// scheme returns the check's kind of probe. Whoever made the check has looked it up before.
func (c *Check) scheme() Scheme {
	scheme, ok := SchemeOf(c.Scheme)
	if !ok {
		panic(fmt.Sprintf("health: unknown scheme %q", c.Scheme))
	}
	return scheme
}

// authority is what a request to addr names as the server that it means. A port that the scheme implies is left out, as
// every browser does; some servers know their names only so.
func (c *Check) authority(addr netip.Addr) string {
	name := c.Name
	if name == "" {
		name = addr.WithZone("").String() // a zone means nothing to the other side (RFC 6874, section 1)
	}
	if c.Port != c.scheme().impliedPort {
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
