// Package config reads what the roundrobin53 directives of a server block say, and writes it out again.
//
// A Block is the whole: its directives with their records, checks and networks as they are written, and the same by owner name
// and type, which is what is served. Reading checks all that can be told from the text, and each error names file and line,
// quotes what was read, and says what is accepted. What comes of a block is package store's; the package knows neither
// CoreDNS nor caddy, which hand in their words (Tokens) and what stands around them (Surroundings).
package config

import (
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

// defaultTTL is the TTL of records without one, in seconds. Route 53's default is 300, but its advice for records with
// health checks is 60 or less: an address that is taken out must go from resolvers soon.
const defaultTTL = 60

// The names that are made for a zone without soa and ns lines.
const (
	DefaultNameServer = "ns.dns"
	DefaultMailbox    = "hostmaster"
)

// Block is what the roundrobin53 directives of one server block say.
type Block struct {
	Directives []*Directive
	Owners     []*Owner          // every owner name, in the order of the Corefile
	index      map[string]*Owner // the same by name
	aliases    []*alias          // names that have the addresses of others
	Warnings   []string          // what is no error, but may not be meant
}

// Directive is one roundrobin53 directive.
type Directive struct {
	Position
	around      *Surroundings
	Zones       []string
	Index       ZoneIndex // of the zones
	block       []string  // the zones of the server block, if the directive names its own
	TTL         uint32
	SOA         *SOA // nil if not given
	NameServers []NameServer
	Fallthrough []string  // the zones that fall through
	Through     ZoneIndex // of the zones that fall through
	ECS         bool      // the client is who ECS says
	Fastpath    bool      // queries may be answered beside the chain
	records     []*Record

	checks   []*Check
	networks []*Network

	systemRoots   *x509.CertPool // of checks without certificates of their own; nil until the first
	checkByName   map[string]*Check
	networkByName map[string]*Network
	validFrom     map[string]bool          // lists of networks that were found right
	routings      map[string]*Routing      // by the lines' from and geo
	seen          struct{ ttl, fall bool } // options that were given
}

// SOA is a soa line. Names are as they were written, since relative ones differ from zone to zone.
type SOA struct {
	MName, RName string
	Timers       []uint32 // REFRESH RETRY EXPIRE MINIMUM, as many as were given
}

// NameServer is a ns line.
type NameServer struct {
	Position
	Name      string
	addresses []netip.Addr
}

// isRoot reports whether the directive serves the root zone.
func (d *Directive) isRoot() bool { return d.Index["."] }

// ZoneOf is the zone of the directive that name lies in.
func (d *Directive) ZoneOf(name string) string { return d.Index.Of(name) }

// ZoneIndex is some zones by name, each of them true. A directive can have thousands, and each of its names is looked up.
type ZoneIndex map[string]bool

func newZoneIndex(zones []string) ZoneIndex {
	index := make(ZoneIndex, len(zones))
	for _, zone := range zones {
		index[zone] = true
	}
	return index
}

// Of is the longest zone that a full, lower-case name lies in, "" if it lies in none.
func (z ZoneIndex) Of(name string) string {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if z[name[off:]] {
			return name[off:]
		}
	}
	if z["."] {
		return "."
	}
	return ""
}

// around is the zones and all names above them.
func (z ZoneIndex) around() ZoneIndex {
	all := ZoneIndex{".": true}
	for zone := range z {
		for off, end := 0, false; !end && !all[zone[off:]]; off, end = dns.NextLabel(zone, off) {
			all[zone[off:]] = true
		}
	}
	return all
}

// validateRDataName tells whether a name can stand in the data of a record of each zone.
func (d *Directive) validateRDataName(name string) error {
	for _, zone := range d.Zones {
		full, err := FullName(name, zone, d.Index)
		if err == nil {
			_, err = canonical(full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// validateDefaults tells whether the names that are made for a zone are names: a long zone leaves no room for them.
func (d *Directive) validateDefaults() error {
	var made []string
	if d.SOA == nil {
		made = append(made, DefaultMailbox)
	}
	if len(d.NameServers) == 0 {
		made = append(made, DefaultNameServer)
	}
	for _, zone := range d.Zones {
		for _, name := range made {
			if _, err := canonical(Below(name, zone)); err != nil {
				return fmt.Errorf("%w; write soa and ns lines for a zone this long", err)
			}
		}
	}
	return nil
}

// Overlays reports whether the directive's zone lies over another plugin's zone of the same name.
func (d *Directive) Overlays(zone string) bool { return d.Through.Of(zone) != "" }

// directiveName is the word that a directive begins with.
const directiveName = "roundrobin53"
