package roundrobin53

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"
)

// defaultTTL is the TTL of records without one, in seconds. Route 53's default is 300, but its advice for records with
// health checks is 60 or less: an address that is taken out must go from resolvers soon.
const defaultTTL = 60

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
	zones   []string
	ttl     uint32
	soa     *soa // nil if not given
	ns      []nameServer
	fall    fall.F
	ecs     bool // the client is who ECS says
	fast    bool // queries may be answered beside the chain
	records []*recordLine

	checks   []*checkLine
	networks []*networkLine

	checkByName   map[string]*checkLine
	networkByName map[string]*networkLine
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
func (d *directive) isRoot() bool { return slices.Contains(d.zones, ".") }

// zoneOf is the zone of the directive that name lies in.
func (d *directive) zoneOf(name string) string { return plugin.Zones(d.zones).Matches(name) }

// touches reports whether names of the directive's zones can lie in zone.
func (d *directive) touches(zone string) bool {
	return d.zoneOf(zone) != "" || slices.ContainsFunc(d.zones, func(own string) bool { return dns.IsSubDomain(zone, own) })
}

// checkTarget tells whether a name can stand in the data of a record of each zone.
func (d *directive) checkTarget(name string) error {
	for _, zone := range d.zones {
		full, err := target(name, zone, d.zones)
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
func (d *directive) overlays(zone string) bool { return d.fall.Through(zone) }
