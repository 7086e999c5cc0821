package health

import "slices"

// Scheme is a kind of probe, named as in the URL of a check.
type Scheme struct {
	Name        string
	DefaultPort uint16 // of a URL without a port; 0: a URL needs one
	HTTP        bool   // the probe asks for a page: it can send a header and look at status and body
	Path        bool   // the URL may have a path
	TLS         bool   // the probe verifies a certificate
	Text        bool   // the probe can send and expect a text
	DNS         bool   // the URL's path is the question of a DNS query, see ReadQuestion
	NoPort      bool   // there are no ports

	impliedPort uint16              // what an authority leaves out (RFC 9110, section 4.2); 0: it always has a port
	newAsker    func(Target) asker  // of a probe over a TCP connection
	newProber   func(Target) prober // of any other probe
}

// The names of the schemes.
const (
	schemeTCP   = "tcp"
	schemeTLS   = "tls"
	schemeHTTP  = "http"
	schemeHTTPS = "https"
	schemeGRPC  = "grpc"
	schemeGRPCS = "grpcs"

	schemeDNS    = "dns"
	schemeDNSTCP = "dns+tcp"
	schemeICMP   = "icmp"
)

// schemes holds all kinds of probes, in the order in which messages list them.
var schemes []Scheme

func init() { // not a literal, because the askers look their scheme up here
	schemes = []Scheme{
		{Name: schemeTCP, Text: true, newAsker: newTCPAsker},
		{Name: schemeTLS, TLS: true, Text: true, newAsker: newTLSAsker},
		{Name: schemeHTTP, DefaultPort: 80, HTTP: true, Path: true, impliedPort: 80, newAsker: newHTTPAsker},
		{Name: schemeHTTPS, DefaultPort: 443, HTTP: true, Path: true, TLS: true, impliedPort: 443, newAsker: newHTTPSAsker},
		{Name: schemeGRPC, Path: true, impliedPort: 80, newAsker: newGRPCAsker},
		{Name: schemeGRPCS, Path: true, TLS: true, impliedPort: 443, newAsker: newGRPCAsker},
		{Name: schemeDNS, DefaultPort: 53, Path: true, DNS: true, newProber: newDNSProber},
		{Name: schemeDNSTCP, DefaultPort: 53, Path: true, DNS: true, newAsker: newDNSAsker},
		{Name: schemeICMP, NoPort: true, newProber: newEchoProber},
	}
}

// SendsName reports whether the probe tells the endpoint a name: in a Host field, as the authority of
// a gRPC call, or for TLS.
func (s *Scheme) SendsName() bool { return s.TLS || s.impliedPort != 0 }

// SchemeOf returns the scheme of a name, and false if there is none.
func SchemeOf(name string) (Scheme, bool) {
	i := slices.IndexFunc(schemes, func(s Scheme) bool { return s.Name == name })
	if i < 0 {
		return Scheme{}, false
	}
	return schemes[i], true
}

// SchemeNames returns the names of all schemes, in the order in which messages list them.
func SchemeNames() []string {
	names := make([]string, len(schemes))
	for i := range schemes {
		names[i] = schemes[i].Name
	}
	return names
}
