package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/miekg/dns"
)

// unwritten are characters that a name can have only in escaped form. A plain one is more likely a
// mistake.
const unwritten = " \t\r\n{}:\"'(),;@$"

// canonical returns the spelling of a domain name that the names of queries are compared with: in
// lower case, fully qualified, and escaped as miekg/dns does. A name without a final dot is
// relative to the root.
func canonical(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New(`"" is not a domain name; is it an {$ENV} variable that is not set?`)
	case strings.ContainsAny(name, unwritten):
		at := strings.IndexAny(name, unwritten)
		return "", fmt.Errorf(`%q is not a domain name: %q in a name is written \%03d`, name, name[at:at+1], name[at])
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf(`%q is not a domain name: it has a control character`, name)
	}
	if err := validateASCII(name); err != nil {
		return "", err
	}
	var wire [256]byte
	end, err := dns.PackDomainName(dns.Fqdn(name), wire[:], 0, nil, false)
	if err != nil || end > 255 {
		return "", fmt.Errorf("%q is not a domain name: labels have 1 to 63 octets, names at most 255 (RFC 1035)", name)
	}
	if isPlain(name) {
		return dns.Fqdn(name), nil
	}
	unpacked, _, err := dns.UnpackDomainName(wire[:end], 0)
	if err != nil {
		return "", fmt.Errorf("%q is not a domain name: %w", name, err)
	}
	return strings.ToLower(unpacked), nil
}

// validateASCII returns an error if a name is not ASCII, as names in DNS are.
func validateASCII(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r > '~' }) {
		return fmt.Errorf("%q is not ASCII; write an internationalized name in its xn-- form", name)
	}
	return nil
}

// isPlain reports whether a name is in canonical spelling, except perhaps for the final dot.
func isPlain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '*' {
			return false
		}
	}
	return true
}

// owners turns the NAME of a record into owner names: one if it is absolute, else one in each zone.
func owners(name string, d *Directive) ([]string, error) {
	zones := d.Zones
	if name == "@" {
		return zones, nil
	}
	if err := validateOwnerName(name, d); err != nil {
		return nil, err
	}
	full, err := canonical(name)
	if err != nil {
		return nil, err
	}
	if d.ZoneOf(full) != "" {
		return []string{full}, nil
	}
	if dns.IsFqdn(name) {
		return nil, fmt.Errorf("%q is outside the zones of this block: %s", name, strings.Join(zones, " "))
	}
	names := make([]string, len(zones))
	for i, zone := range zones {
		names[i], err = canonical(Below(name, zone))
		if err != nil {
			return nil, err
		}
		if dns.CountLabel(full) > 1 && topLabel(full) == topLabel(zone) {
			return nil, fmt.Errorf("%q would become %s, which looks like a mistyped zone; write a name in %s, or the whole name with its final dot",
				name, names[i], strings.Join(zones, " "))
		}
	}
	return names, nil
}

// validateOwnerName returns an error if a word in the place of an owner name is a wrong wildcard,
// or an address.
func validateOwnerName(name string, d *Directive) error {
	if rest := strings.TrimPrefix(name, "*"); strings.Contains(rest, "*") || rest != name && rest != "" && rest[0] != '.' {
		return fmt.Errorf(`%q: a "*" is a wildcard only as the whole first label; where it is to stand for itself, write \042`, name)
	}
	if _, err := netip.ParseAddr(name); err != nil || !slices.ContainsFunc(d.Zones, isReverse) {
		return nil
	}
	reverse, _ := dns.ReverseAddr(name) // it is an address
	for _, meant := range []string{reverse, name + ".in-addr.arpa."} {
		if d.ZoneOf(meant) != "" {
			return fmt.Errorf("%q is an address; its name in the zone %s is %q", name, d.ZoneOf(meant), meant)
		}
	}
	return fmt.Errorf("%q is an address outside the zones of this block: its name is %q", name, reverse)
}

// isReverse reports whether a zone is one of reverse lookups.
func isReverse(zone string) bool {
	return dns.IsSubDomain("in-addr.arpa.", zone) || dns.IsSubDomain("ip6.arpa.", zone)
}

// FullName makes a name in RDATA fully qualified. It is stricter than the rule for owner names: a
// forgotten final dot is the classic mistake in zone files, and nobody notices it before a client
// does.
func FullName(name, zone string, zones ZoneIndex) (string, error) {
	if name == "@" {
		return zone, nil
	}
	if dns.IsFqdn(name) || zones.Of(strings.ToLower(dns.Fqdn(name))) != "" {
		return dns.Fqdn(name), nil
	}
	full := Below(name, zone)
	if dns.CountLabel(name) > 1 {
		return "", fmt.Errorf("%q is outside the zones of this block and has no final dot; write %q, or %q if that is meant", name, name+".", full)
	}
	return full, nil
}

// Below returns the full name of a name that is relative to a zone.
func Below(name, zone string) string {
	if zone == "." {
		return name + "."
	}
	return name + "." + zone
}

// topLabel returns the last label of a full name.
func topLabel(name string) string {
	labels := dns.Split(name)
	if len(labels) == 0 {
		return ""
	}
	return name[labels[len(labels)-1]:]
}

// zones reads the ZONES of a directive. Without arguments it returns others.
func (s *Surroundings) zones(args, others []string) ([]string, error) {
	zones := others
	if len(args) > 0 {
		zones = nil
	}
	for _, arg := range args {
		if err := s.validateZone(arg); err != nil {
			return nil, err
		}
		zones = append(zones, s.ReadZone(arg)...)
	}
	seen := make(map[string]bool, len(zones))
	distinct := make([]string, 0, len(zones))
	for _, zone := range zones {
		zone, err := canonical(zone)
		if err != nil {
			return nil, fmt.Errorf("zone %w", err)
		}
		if strings.HasPrefix(zone, "*.") {
			return nil, fmt.Errorf("zone %q is a wildcard; name the zone, and write a record for *", zone)
		}
		if seen[zone] && len(args) > 0 {
			return nil, fmt.Errorf("zone %q stands twice", zone)
		}
		if !seen[zone] { // the keys of a block name a zone once for each port
			distinct = append(distinct, zone)
		}
		seen[zone] = true
	}
	return distinct, nil
}

// validateZone returns an error unless an argument is a zone: a name, or a network, which means its
// reverse zones.
func (s *Surroundings) validateZone(arg string) error {
	_, err := canonical(arg)
	switch {
	case err != nil && !strings.ContainsAny(arg, "/:"):
		return fmt.Errorf("zone %w", err)
	case len(s.ReadZone(arg)) == 0:
		return fmt.Errorf("zone %q is neither a domain name nor a network in CIDR form", arg)
	}
	return nil
}
