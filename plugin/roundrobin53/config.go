package roundrobin53

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// defaultTTL is the TTL of records without one, in seconds. Route 53's default is 300, but its advice for records with
// health checks is 60 or less: an address that is taken out must go from resolvers soon.
const defaultTTL = 60

// config is what the roundrobin53 directives of one server block say.
type config struct {
	directives []*directive
	names      []*ownerName          // every owner name, in the order of the Corefile
	index      map[string]*ownerName // the same by name
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
	records []*recordLine
	seen    struct{ ttl, fall bool } // options that were given
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

// recordLine is a record line and its block.
type recordLine struct {
	position
	name      string       // as it was written
	owners    []string     // what it means: one name, or one in each zone
	ttl       uint32       // the directive's if it is not given
	rrtype    uint16       // TypeNone: A and AAAA, whatever the addresses are
	addresses []netip.Addr // of A and AAAA
	order     pool.Order
	answers   int // 0: all
	metrics   bool
	rdata     []string // of other types, as it was written
	rrs       []dns.RR // of other types, one for each owner
	seen      struct{ ttl, order, answers bool }
}

func (rec *recordLine) isAddress() bool {
	return rec.rrtype == dns.TypeNone || rec.rrtype == dns.TypeA || rec.rrtype == dns.TypeAAAA
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

// overlays reports whether the directive's zone lies over another plugin's zone of the same name.
func (d *directive) overlays(zone string) bool { return d.fall.Through(zone) }

// String is the configuration as a Corefile: reading it gives the same configuration.
func (c *config) String() string {
	var b strings.Builder
	for _, d := range c.directives {
		d.write(&b)
	}
	return b.String()
}

func (d *directive) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s {\n    ttl %d\n", pluginName, strings.Join(d.zones, " "), d.ttl)
	if d.soa != nil {
		fmt.Fprintf(b, "    soa %s %s", quote(d.soa.mname), quote(d.soa.rname))
		for _, timer := range d.soa.timers {
			fmt.Fprintf(b, " %d", timer)
		}
		b.WriteByte('\n')
	}
	for _, ns := range d.ns {
		fmt.Fprintf(b, "    ns %s", quote(ns.name))
		writeAddresses(b, ns.addresses)
		b.WriteByte('\n')
	}
	if len(d.fall.Zones) > 0 {
		fmt.Fprintf(b, "    fallthrough %s\n", strings.Join(d.fall.Zones, " "))
	}
	for _, rec := range d.records {
		rec.write(b)
	}
	b.WriteString("}\n")
}

func (rec *recordLine) write(b *strings.Builder) {
	fmt.Fprintf(b, "    record %s", quote(rec.name))
	if rec.seen.ttl {
		fmt.Fprintf(b, " %d", rec.ttl)
	}
	if rec.rrtype != dns.TypeNone {
		fmt.Fprintf(b, " %s", dns.TypeToString[rec.rrtype])
	}
	for _, word := range rec.rdata {
		fmt.Fprintf(b, " %s", quote(word))
	}
	writeAddresses(b, rec.addresses)
	if rec.order == pool.Random {
		b.WriteString(" order random")
	}
	if rec.answers > 0 {
		fmt.Fprintf(b, " answers %d", rec.answers)
	}
	if rec.metrics {
		b.WriteString(" metrics")
	}
	b.WriteByte('\n')
}

func writeAddresses(b *strings.Builder, addresses []netip.Addr) {
	for _, addr := range addresses {
		fmt.Fprintf(b, " %s", addr)
	}
}

// quote writes a word so that caddy reads it back.
func quote(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\r\n#") || strings.HasPrefix(word, `"`) {
		return `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
	}
	return word
}
