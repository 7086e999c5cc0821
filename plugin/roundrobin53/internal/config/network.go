package config

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// Network is a network line, which gives networks a name.
type Network struct {
	Position
	name     string
	prefixes []netip.Prefix
}

// parseNetwork reads NAME CIDR...
func parseNetwork(d *Directive, l line) error {
	args := l.args()
	if len(args) < 2 {
		return fmt.Errorf("%q is not a name and networks; write network NAME CIDR..., as in network office 192.0.2.0/24", strings.Join(args, " "))
	}
	n := &Network{Position: l.Position, name: args[0]}
	if err := validateWord(n.name); err != nil {
		return err
	}
	if _, err := parseNetworkText(n.name); err == nil || strings.ContainsAny(n.name, "/:") {
		return fmt.Errorf("%q is a network, not a name for one, which comes first, as in network office 192.0.2.0/24", n.name)
	}
	if n.name == ForAll {
		return fmt.Errorf("%q can't be a name, since it stands for clients that no network or place is for", n.name)
	}
	if other := d.network(n.name); other != nil {
		return fmt.Errorf("%q is defined already, at %s", n.name, other.Position)
	}
	for _, arg := range args[1:] {
		if err := n.add(arg); err != nil {
			return err
		}
	}
	if twice, ok := firstDuplicate(n.prefixes); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	if len(n.prefixes) == 0 {
		return fmt.Errorf("%q: no network; is it an {$ENV} variable that is not set?", n.name)
	}
	d.networks = append(d.networks, n)
	d.networkByName[n.name] = n
	return nil
}

// add reads the networks of a word: one, or several from an {$ENV} variable.
func (n *Network) add(word string) error {
	for text := range strings.FieldsSeq(word) {
		prefix, err := parseNetworkText(text)
		if err != nil && strings.Contains(text, ",") {
			return fmt.Errorf("%q is not a network; networks are separated by spaces alone", text)
		}
		if err != nil {
			return err
		}
		n.prefixes = append(n.prefixes, prefix)
	}
	return nil
}

// parseNetworkText reads a network in CIDR form. An address is a network of its own.
func parseNetworkText(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" && !addr.Is4In6() {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network, as in 192.0.2.0/24 or 2001:db8::/32", text)
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 network in IPv6 dress; write it in IPv4 form", text)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length; write %q", text, prefix.Masked())
	}
	return prefix, nil
}

// validateFrom returns an error unless the words of a from mean networks, each once. Most lines
// have the words of another line, so it remembers them.
func (d *Directive) validateFrom(from []string) error {
	key := strings.Join(from, " ")
	if from == nil || d.validFrom[key] {
		return nil
	}
	var prefixes []netip.Prefix
	for _, word := range from {
		more, err := d.prefixesOf(word)
		if err != nil {
			return err
		}
		prefixes = append(prefixes, more...)
	}
	if twice, ok := firstDuplicate(prefixes); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	d.validFrom[key] = true
	return nil
}

// prefixesOf returns the networks that a word of a from means.
func (d *Directive) prefixesOf(word string) ([]netip.Prefix, error) {
	if n := d.network(word); n != nil {
		return n.prefixes, nil
	}
	prefix, err := parseNetworkText(word)
	switch {
	case err != nil && strings.Contains(word, ","):
		return nil, fmt.Errorf("%q is not a network; networks are separated by spaces alone", word)
	case err != nil && meansEveryone(word):
		return nil, fmt.Errorf("%q is not a network; values without from are for the clients that no other is for", word)
	case err != nil && strings.ContainsAny(word, "/:"):
		return nil, err
	case err != nil:
		return nil, &Undefined{KindNetwork, word, fmt.Errorf("%q is neither a network, as in 192.0.2.0/24, nor the name of one%s", word, d.networkNames())}
	}
	return []netip.Prefix{prefix}, nil
}

// network returns the network line of a name, nil if there is none.
func (d *Directive) network(name string) *Network { return d.networkByName[name] }

func (d *Directive) networkNames() string {
	if len(d.networks) == 0 {
		return "; this block defines none"
	}
	names := make([]string, len(d.networks))
	for i, n := range d.networks {
		names[i] = n.name
	}
	return "; this block defines " + strings.Join(names, ", ")
}

// Clients returns the words that say for which clients the values are: networks, places, and the
// point on the globe, "" if there is none.
func (o *ValueOptions) Clients() (from, geo []string, at string) {
	if o.Seen.At {
		at = o.At.String()
	}
	return o.from, o.geo, at
}

// parseAddress reads one address.
func parseAddress(text string) (netip.Addr, error) {
	addresses, err := parseAddresses(text, dns.TypeNone)
	if err != nil {
		return netip.Addr{}, err
	}
	if len(addresses) > 1 {
		return netip.Addr{}, fmt.Errorf("%q is not one address", text)
	}
	return addresses[0], nil
}

// parseAddresses reads the addresses of a word: one, or several separated by spaces, as an {$ENV}
// variable gives them. Type TypeNone takes both families.
func parseAddresses(word string, rrtype uint16) ([]netip.Addr, error) {
	texts := strings.Fields(word)
	if len(texts) == 0 {
		return nil, fmt.Errorf("%q is not an address; is it an {$ENV} variable that is not set?", word)
	}
	addresses := make([]netip.Addr, len(texts))
	for i, text := range texts {
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil || addr.Zone() != "":
			return nil, fmt.Errorf("%q is not %s%s", text, familyName(rrtype), addressHint(text))
		case addr.Is4In6():
			return nil, fmt.Errorf("%q is an IPv4 address in IPv6 dress; write %q", text, addr.Unmap())
		case rrtype == dns.TypeA && !addr.Is4(), rrtype == dns.TypeAAAA && addr.Is4():
			return nil, fmt.Errorf("%q is not %s; a record without a type takes both families", text, familyName(rrtype))
		}
		addresses[i] = addr
	}
	return addresses, nil
}

// addressHint suggests what may have been meant by a text that is not an address. It returns "" if
// it does not know.
func addressHint(text string) string {
	_, notPrefix := netip.ParsePrefix(text)
	_, notAddrPort := netip.ParseAddrPort(text)
	switch {
	case strings.Contains(text, ","):
		return "; values are separated by spaces alone"
	case notPrefix == nil:
		return "; it is one address, without a prefix length"
	case notAddrPort == nil:
		return "; an address record has no port: an SRV record has one, and so has the URL of a check"
	case strings.HasPrefix(text, "["):
		return "; brackets belong to URLs"
	}
	return ""
}

func familyName(rrtype uint16) string {
	switch rrtype {
	case dns.TypeA:
		return "an IPv4 address"
	case dns.TypeAAAA:
		return "an IPv6 address"
	}
	return "an IPv4 or IPv6 address"
}
