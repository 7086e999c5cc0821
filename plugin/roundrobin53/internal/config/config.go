// Package config reads the roundrobin53 directives of a server block, and writes them again.
//
// A Block holds directives twice: as written, with their records, checks and networks, and grouped
// by owner name and type, as they are served. Parse finds every error that the text alone can show.
// An error names file and line, quotes the input and says what is accepted.
//
// The package knows neither CoreDNS nor caddy. The caller hands in the words (Tokens) and what the
// server block says around the directives (Surroundings), and makes what is served from the Block.
package config

import (
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

// defaultTTL is used where a directive has no ttl, in seconds. Route 53's default is 300, but it
// advises 60 or less for records with health checks: resolvers must soon forget an address that is
// down.
const defaultTTL = 60

// A zone without ns and soa lines gets these names, relative to it.
const (
	DefaultNameServer = "ns.dns"
	DefaultMailbox    = "hostmaster"
)

// Block holds the roundrobin53 directives of one server block.
type Block struct {
	Directives []*Directive
	Owners     []*Owner          // all owner names, in the order of the Corefile
	index      map[string]*Owner // the owners by name
	aliases    []*alias          // all of them, in the order of the Corefile
	zones      map[string]*Zone  // of all directives, by name
	Warnings   []string          // about lines that are valid, but likely not meant
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
	Fallthrough []string       // the zones that fall through
	Through     ZoneIndex      // of the zones that fall through
	ECS         bool           // a client is identified by EDNS Client Subnet
	Fastpath    bool           // queries may be answered beside the plugin chain
	state       string         // the state file as written, "" for none
	Status      netip.AddrPort // where the status page listens; not valid for nowhere
	records     []*Record

	checks   []*Check
	networks []*Network
	resolver *resolver // of names that are values; nil: the system's

	systemRoots   *x509.CertPool // for checks without ca; nil until the first of them
	checkByName   map[string]*Check
	networkByName map[string]*Network
	validFrom     map[string]bool          // lists of networks that have been validated
	routings      map[string]*Routing      // by the lines' from and geo
	seen          struct{ ttl, fall bool } // options that were given
	detached      *Directive               // its checks alone: see RRset.Detached
}

// SOA is a soa line. Names are kept as written, because a relative one means another name in each
// zone.
type SOA struct {
	Position
	MName, RName string
	Timers       []uint32 // REFRESH RETRY EXPIRE MINIMUM; those that were left out are missing at the end
}

// NameServer is an ns line.
type NameServer struct {
	Position
	Name      string
	addresses []netip.Addr
}

// isRoot reports whether the directive serves the root zone.
func (d *Directive) isRoot() bool { return d.Index["."] }

// ZoneOf returns the longest zone of the directive that contains a full, lower-case name; "" if
// none does.
func (d *Directive) ZoneOf(name string) string { return d.Index.Of(name) }

// ZoneIndex is a set of zones. A directive can have thousands, and each of its names is looked up.
type ZoneIndex map[string]bool

func newZoneIndex(zones []string) ZoneIndex {
	index := make(ZoneIndex, len(zones))
	for _, zone := range zones {
		index[zone] = true
	}
	return index
}

// Of returns the longest zone that contains a full, lower-case name; "" if none does.
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

// around returns the zones and all names above them.
func (z ZoneIndex) around() ZoneIndex {
	all := ZoneIndex{".": true}
	for zone := range z {
		for off, end := 0, false; !end && !all[zone[off:]]; off, end = dns.NextLabel(zone, off) {
			all[zone[off:]] = true
		}
	}
	return all
}

// validateRDataName returns an error unless a name can stand in RDATA in each of the zones.
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

// validateDefaults returns an error if a zone is so long that the default names do not fit below
// it.
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

// Overlays reports whether names that the zone lacks fall through to another plugin.
func (d *Directive) Overlays(zone string) bool { return d.Through.Of(zone) != "" }

// directiveName begins a directive.
const directiveName = "roundrobin53"
