package lookup

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

const (
	portDNS = 53
	portTLS = 853 // RFC 7858 section 3.1
)

// Server is one address of a resolver, and how it is asked.
type Server struct {
	Network string // "udp", which turns to TCP for a truncated answer; "tcp"; "tls"
	Address netip.AddrPort
	Name    string // tls: what the certificate must be valid for, a name or an address
}

// Resolver is a list of servers, which are tried in turn. Equal lists are equal as map keys. The
// zero Resolver has no servers.
type Resolver struct {
	text string // the servers as String writes them, so that a Resolver can be compared
}

// NewResolver makes a resolver of servers, which are as ParseServer or ReadServers returned them.
func NewResolver(servers ...Server) Resolver {
	words := make([]string, len(servers))
	for i, s := range servers {
		words[i] = s.String()
	}
	return Resolver{strings.Join(words, " ")}
}

// String returns the servers as ParseServer reads them, with spaces between.
func (r Resolver) String() string { return r.text }

// Servers returns the servers.
func (r Resolver) Servers() []Server {
	var servers []Server
	for word := range strings.FieldsSeq(r.text) {
		s, err := ParseServer(word)
		if err != nil {
			panic("lookup: a server that can't be read again: " + err.Error())
		}
		servers = append(servers, s)
	}
	return servers
}

// ParseServer reads a server as a Corefile writes it: ADDRESS[:PORT], tcp://ADDRESS[:PORT] or
// tls://ADDRESS[:PORT]#NAME. Errors quote the word and say what is accepted.
func ParseServer(word string) (Server, error) {
	s := Server{Network: "udp"}
	rest := word
	if scheme, after, ok := strings.Cut(word, "://"); ok {
		s.Network, rest = strings.ToLower(scheme), after
	}
	switch s.Network {
	case "udp", "tcp":
		if strings.Contains(rest, "#") {
			return Server{}, fmt.Errorf("%q: a name behind # is for tls:// only, whose certificate it verifies", word)
		}
	case "dns":
		s.Network = "udp"
	case "tls":
		var err error
		if rest, s.Name, err = cutName(rest); err != nil {
			return Server{}, fmt.Errorf("%q: %w", word, err)
		}
	default:
		return Server{}, fmt.Errorf("%q is not a server; write ADDRESS[:PORT], tcp://ADDRESS[:PORT] or \"tls://ADDRESS[:PORT]#NAME\"", word)
	}
	var err error
	if s.Address, err = parseAddress(rest, s.defaultPort()); err != nil {
		return Server{}, fmt.Errorf("%q: %w", word, err)
	}
	return s, nil
}

// cutName splits what stands behind tls:// at the #.
func cutName(text string) (address, name string, err error) {
	address, name, _ = strings.Cut(text, "#")
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	_, isDomainName := dns.IsDomainName(name)
	switch {
	case name == "":
		return "", "", fmt.Errorf("the name that the certificate is verified for is missing; write \"tls://%s#NAME\" in quotes, since # begins a comment", address)
	case !isDomainName || strings.ContainsAny(name, " \t\r\n/#\"\\"):
		return "", "", fmt.Errorf("%q is not a name that a certificate can be verified for", name)
	}
	return address, name, nil
}

// parseAddress reads ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT.
func parseAddress(text string, port uint16) (netip.AddrPort, error) {
	bare := text
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		bare = strings.TrimSuffix(inner, "]")
	}
	if a, err := netip.ParseAddr(bare); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port), usable(a)
	}
	ap, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("%q is not an address with or without a port, as in 10.96.0.10, 192.0.2.1:5353 or [2001:db8::1]:53; a resolver can't be a name", text)
	case ap.Port() == 0:
		return netip.AddrPort{}, errors.New("port 0; it is a whole number from 1 to 65535")
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), usable(ap.Addr())
}

// usable returns an error for an address that no server can have.
func usable(a netip.Addr) error {
	switch {
	case a.IsUnspecified():
		return fmt.Errorf("%s stands for every address of a host; write the one that the server has", a)
	case a.IsMulticast():
		return fmt.Errorf("%s is a multicast address", a)
	}
	return nil
}

// String returns the server as ParseServer reads it, with its port.
func (s Server) String() string {
	switch s.Network {
	case "udp":
		return s.Address.String()
	case "tls":
		return "tls://" + s.Address.String() + "#" + s.Name
	}
	return s.Network + "://" + s.Address.String()
}

func (s Server) defaultPort() uint16 {
	if s.Network == "tls" {
		return portTLS
	}
	return portDNS
}
