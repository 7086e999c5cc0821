package roundrobin53

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
	defaultNameServer = "ns.dns"
	defaultMailbox    = "hostmaster"
)

// config is what the roundrobin53 directives of one server block say.
type config struct {
	directives []*directive
	names      []*ownerName          // every owner name, in the order of the Corefile
	index      map[string]*ownerName // the same by name
	aliases    []*aliasName          // names that have the addresses of others
	warnings   []string              // what is no error, but may not be meant
}

// directive is one roundrobin53 directive.
type directive struct {
	position
	around  *Surroundings
	zones   []string
	index   zoneIndex // of the zones
	block   []string  // the zones of the server block, if the directive names its own
	ttl     uint32
	soa     *soa // nil if not given
	ns      []nameServer
	fall    []string  // the zones that fall through
	through zoneIndex // of the zones that fall through
	ecs     bool      // the client is who ECS says
	fast    bool      // queries may be answered beside the chain
	records []*recordLine

	checks   []*checkLine
	networks []*networkLine

	systemRoots   *x509.CertPool // of checks without certificates of their own; nil until the first
	checkByName   map[string]*checkLine
	networkByName map[string]*networkLine
	checkedFrom   map[string]bool          // lists of networks that were found right
	routings      map[string]*routing      // by the lines' from and geo
	seen          struct{ ttl, fall bool } // options that were given
}

// soa is a soa line. Names are as they were written, since relative ones differ from zone to zone.
type soa struct {
	mname, rname string
	timers       []uint32 // REFRESH RETRY EXPIRE MINIMUM, as many as were given
}

// nameServer is a ns line.
type nameServer struct {
	position
	name      string
	addresses []netip.Addr
}

// isRoot reports whether the directive serves the root zone.
func (d *directive) isRoot() bool { return d.index["."] }

// zoneOf is the zone of the directive that name lies in.
func (d *directive) zoneOf(name string) string { return d.index.of(name) }

// zoneIndex is some zones by name, each of them true. A directive can have thousands, and each of its names is looked up.
type zoneIndex map[string]bool

func newZoneIndex(zones []string) zoneIndex {
	index := make(zoneIndex, len(zones))
	for _, zone := range zones {
		index[zone] = true
	}
	return index
}

// of is the longest zone that a full, lower-case name lies in, "" if it lies in none.
func (z zoneIndex) of(name string) string {
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
func (z zoneIndex) around() zoneIndex {
	all := zoneIndex{".": true}
	for zone := range z {
		for off, end := 0, false; !end && !all[zone[off:]]; off, end = dns.NextLabel(zone, off) {
			all[zone[off:]] = true
		}
	}
	return all
}

// checkTarget tells whether a name can stand in the data of a record of each zone.
func (d *directive) checkTarget(name string) error {
	for _, zone := range d.zones {
		full, err := target(name, zone, d.index)
		if err == nil {
			_, err = canonical(full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkDefaults tells whether the names that are made for a zone are names: a long zone leaves no room for them.
func (d *directive) checkDefaults() error {
	var made []string
	if d.soa == nil {
		made = append(made, defaultMailbox)
	}
	if len(d.ns) == 0 {
		made = append(made, defaultNameServer)
	}
	for _, zone := range d.zones {
		for _, name := range made {
			if _, err := canonical(below(name, zone)); err != nil {
				return fmt.Errorf("%w; write soa and ns lines for a zone this long", err)
			}
		}
	}
	return nil
}

// overlays reports whether the directive's zone lies over another plugin's zone of the same name.
func (d *directive) overlays(zone string) bool { return d.through.of(zone) != "" }
