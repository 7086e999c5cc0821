// Package health finds out whether endpoints are up.
//
// A Monitor probes its targets, each an address and a check, at a fixed rate. Only runs of equal
// results change a verdict. The monitor tells its observer of a change, and verdicts can be read at
// any time. One deadline bounds all that a probe does, whatever the other side does.
//
// The package leaves to others what a verdict means for answers, logs and metrics. It never looks
// up a name.
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

// BodyLimit bounds the octets of a body that are read and searched. A page for probes is far
// shorter.
const BodyLimit = 64 << 10

// ExpectLimit bounds the octets of a greeting or reply that are searched for a text.
const ExpectLimit = 1 << 10

// Check says what a probe does and how its results count. It never changes once it is in use.
type Check struct {
	Scheme   string // the name of a Scheme
	Name     string // Host header, :authority and TLS server name; empty: the address itself
	Port     uint16
	Path     string // http, https: path and query, "/" if empty; grpc, grpcs: the service, empty for the whole server; dns: NAME/TYPE
	Interval time.Duration
	Timeout  time.Duration  // bounds everything that one probe does; at most Interval
	Rise     int            // passes in a row to come up
	Fall     int            // failures in a row to go down
	Status   []StatusRange  // http, https: codes that pass
	Send     string         // tcp, tls: what the probe sends first; empty: nothing
	Expect   string         // tcp, tls: text that the first ExpectLimit octets from the other side have to hold; empty: the connection is enough
	Body     string         // http, https: text that the first BodyLimit octets of the body have to hold; empty: any body
	Header   []HeaderField  // http, https: further fields; Host overrides Name for the Host header
	Roots    *x509.CertPool // tls, https, grpcs: who may sign the certificate; nil: the system's
	RootsPEM string         // the text that Roots was made of, which the Key has in its place
	Insecure bool           // certificates are not verified
	Invert   bool           // a probe that passes counts as a failure, and the other way round
}

// StatusRange is the status codes from First to Last, both included.
type StatusRange struct{ First, Last int }

// String writes the range as in the Corefile.
func (r StatusRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// HeaderField is one line of the header of a request.
type HeaderField struct{ Name, Value string }

// Key returns all that the check says as text, so that equal checks have equal keys. A pool of
// certificates can't be compared: RootsPEM stands for it. The key may hold secrets, so it is never
// logged.
func (c *Check) Key() string {
	whole := *c
	whole.Path, whole.Roots = c.path(), nil
	return fmt.Sprintf("%#v", whole)
}

// path returns the path that a request asks for. A service of gRPC is left as it is.
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

// authority returns the host and port that a request to addr names. Like browsers, it leaves out a
// port that the scheme implies: some servers know their names only without it.
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

// accepts reports whether a status code passes.
func (c *Check) accepts(code int) bool {
	for _, r := range c.Status {
		if r.First <= code && code <= r.Last {
			return true
		}
	}
	return false
}

// Target is an address, and the check that finds out whether it is up.
type Target struct {
	Address netip.Addr
	Check   *Check
}
