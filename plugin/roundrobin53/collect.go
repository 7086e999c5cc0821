package roundrobin53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// ownerName is all that the lines of a server block say of one name.
type ownerName struct {
	name  string
	zone  *zoneConfig
	sets  []*rrset   // one for each type
	alias *aliasName // its ALIAS, the first of two, nil if it has none
}

// zoneConfig is one zone of a directive.
type zoneConfig struct {
	name  string
	index int // among the zones of the server block
	*directive
}

// set is the RRset of this type, nil if there is none.
func (o *ownerName) set(rrtype uint16) *rrset {
	for _, set := range o.sets {
		if set.rrtype == rrtype {
			return set
		}
	}
	return nil
}

// collect sorts the lines by owner name and type, and checks what a line alone can't show.
func (c *config) collect() error {
	zones, err := c.zones()
	if err != nil {
		return err
	}
	size := 0
	for _, d := range c.directives {
		size += len(d.records)
	}
	c.index = make(map[string]*ownerName, size)
	for _, d := range c.directives {
		if err := c.collectDirective(d, zones); err != nil {
			return err
		}
	}
	if err := c.resolveAliases(); err != nil {
		return err
	}
	for _, owner := range c.names {
		if err := c.check(owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) collectDirective(d *directive, zones map[string]*zoneConfig) error {
	if len(d.records) == 0 {
		c.warnf(d.position, "no records for %s", strings.Join(d.zones, " "))
	}
	c.warnDirective(d)
	for _, ns := range d.ns {
		if err := c.addNameServer(d, ns, zones); err != nil {
			return err
		}
	}
	isApex := func(name string) bool { return d.index[name] }
	for _, rec := range d.records {
		if rec.rrtype == dns.TypeNS && slices.ContainsFunc(rec.owners, isApex) {
			return rec.errorf("record: the name servers of the apex have a directive of their own: ns NAME [ADDRESS...]")
		}
		if err := c.addRecord("record", d, rec, zones); err != nil {
			return err
		}
	}
	return nil
}

// zones are the zones of all directives by name.
func (c *config) zones() (map[string]*zoneConfig, error) {
	zones := make(map[string]*zoneConfig)
	for _, d := range c.directives {
		for _, name := range d.zones {
			if other, ok := zones[name]; ok {
				return nil, d.errorf("%s: the zone %q has a directive already, at %s", pluginName, name, other.position)
			}
			zones[name] = &zoneConfig{name, len(zones), d}
		}
	}
	return zones, nil
}

// owner is the entry of a name, made if there is none.
func (c *config) owner(name string, d *directive, zones map[string]*zoneConfig) (*ownerName, error) {
	if owner, ok := c.index[name]; ok {
		return owner, nil
	}
	owner := &ownerName{name: name, zone: longestZone(zones, name)}
	if owner.zone.directive != d {
		return nil, fmt.Errorf("%s lies in the zone %s, whose directive is at %s", name, owner.zone.name, owner.zone.position)
	}
	c.index[name] = owner
	c.names = append(c.names, owner)
	return owner, nil
}

func longestZone(zones map[string]*zoneConfig, name string) *zoneConfig {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if zone, ok := zones[name[off:]]; ok {
			return zone
		}
	}
	return zones["."]
}

// addRecord files a record under its owner names. Word is the directive that it comes from.
func (c *config) addRecord(word string, d *directive, rec *recordLine, zones map[string]*zoneConfig) error {
	for i, name := range rec.owners {
		owner, err := c.owner(name, d, zones)
		if err != nil {
			return rec.errorf("%s: %w", word, err)
		}
		switch {
		case rec.alias != "":
			alias := &aliasName{rec: rec, owner: owner, d: d}
			err = owner.addAlias(alias)
			c.aliases = append(c.aliases, alias)
		case rec.isAddress():
			err = owner.addAddresses(d, rec)
		case rec.rrtype == dns.TypeCNAME:
			n := len(rec.rrs) / len(rec.owners)
			err = owner.addCNAMEs(d, rec, rec.rrs[i*n:(i+1)*n])
		default:
			err = owner.addRR(rec, rec.rrs[i])
		}
		if err != nil {
			return positioned(rec.position, word, err)
		}
	}
	return nil
}

// positioned gives an error its place, unless it has one.
func positioned(p position, word string, err error) error {
	if strings.Contains(err.Error(), duringParsing) {
		return err
	}
	return p.errorf("%s: %w", word, err)
}

// addAddresses gives a name an A RRset, an AAAA RRset, or both.
func (o *ownerName) addAddresses(d *directive, rec *recordLine) error {
	all := rec.addresses()
	for _, rrtype := range record.AddressTypes {
		addresses := ofFamily(all, rrtype)
		if len(addresses) == 0 {
			continue
		}
		if len(addresses) > pool.MaxEndpoints {
			return fmt.Errorf("%d values; an RRset can have %d", len(addresses), pool.MaxEndpoints)
		}
		if other := o.set(rrtype); other != nil {
			return fmt.Errorf("%s has an %s record already, at %s; all its values stand in one record",
				o.name, dns.TypeToString[rrtype], other.position)
		}
		set := rec.set(d, rrtype)
		set.addresses = addresses
		if err := set.divide(rec, func(v *valueLine) int { return len(ofFamily(v.addresses, rrtype)) }); err != nil {
			return err
		}
		o.sets = append(o.sets, set)
	}
	return nil
}

// addCNAMEs gives a name its CNAME, or several to choose among.
func (o *ownerName) addCNAMEs(d *directive, rec *recordLine, rrs []dns.RR) error {
	if other := o.set(dns.TypeCNAME); other != nil {
		return fmt.Errorf("%s has a CNAME already, at %s; all its values stand in one record", o.name, other.position)
	}
	set := rec.set(d, dns.TypeCNAME)
	set.rrs, set.answers = rrs, 1
	if err := set.divide(rec, func(v *valueLine) int { return len(v.names) }); err != nil {
		return err
	}
	o.sets = append(o.sets, set)
	return nil
}

// addRR adds a record of another type to its RRset.
func (o *ownerName) addRR(rec *recordLine, rr dns.RR) error {
	rrtype := dns.TypeToString[rec.rrtype]
	set := o.set(rec.rrtype)
	switch {
	case set == nil:
		set = &rrset{position: rec.position, rrtype: rec.rrtype, ttl: rec.ttl, ttlGiven: rec.seen.ttl}
		o.sets = append(o.sets, set)
	case set.has(rr):
		return fmt.Errorf("%s has this %s record already, at or behind %s", o.name, rrtype, set.position)
	case rec.seen.ttl && set.ttlGiven && rec.ttl != set.ttl:
		return fmt.Errorf("TTL %d, but the %s record of %s at %s has TTL %d; an RRset has one (RFC 2181)",
			rec.ttl, rrtype, o.name, set.position, set.ttl)
	case rec.seen.ttl:
		set.ttl, set.ttlGiven = rec.ttl, true
	}
	set.rrs = append(set.rrs, rr)
	return nil
}

// addNameServer gives the apexes an NS record, and the name server its addresses.
func (c *config) addNameServer(d *directive, ns nameServer, zones map[string]*zoneConfig) error {
	added := make(map[string]bool) // a full name is one name server for all zones
	for _, zone := range d.zones {
		rec := &recordLine{position: ns.position, owners: []string{zone}, ttl: d.ttl, rrtype: dns.TypeNS}
		full, err := target(ns.name, zone, d.index)
		if err != nil {
			return ns.errorf("ns: %w", err)
		}
		rec.rrs = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: full}}
		if err := c.addRecord("ns", d, rec, zones); err != nil {
			return err
		}
		host, err := canonical(full)
		if err != nil {
			return ns.errorf("ns: %w", err)
		}
		if len(ns.addresses) > 0 && !added[host] {
			added[host] = true
			rec.owners, rec.rrtype = []string{host}, dns.TypeNone
			rec.values = []*valueLine{{position: ns.position, addresses: ns.addresses}}
			if err := c.addRecord("ns", d, rec, zones); err != nil {
				return err
			}
		}
	}
	return nil
}

// check tells what the types of one name may not be together.
func (c *config) check(o *ownerName) error {
	apex := o.name == o.zone.name
	ns, cname, ds := o.set(dns.TypeNS), o.set(dns.TypeCNAME), o.set(dns.TypeDS)
	for _, set := range o.sets {
		rrtype := dns.TypeToString[set.rrtype]
		switch {
		case apex && (set == cname || set == ds):
			return set.errorf("record: the apex %s can't have a %s record", o.name, rrtype)
		case cname != nil && set != cname:
			return set.errorf("record: %s has a CNAME at %s; nothing can stand beside it (RFC 1034)", o.name, cname.position)
		case set.mixesModes():
			return set.errorf("record: %s has %s records with priority 0, which are aliases, and others, which are ignored beside them (RFC 9460)", o.name, rrtype)
		case ds != nil && ns == nil:
			return set.errorf("record: DS at %s, but no NS: a DS record stands beside a delegation", o.name)
		case ns != nil && !apex && strings.HasPrefix(o.name, "*."):
			return set.errorf("record: NS at the wildcard %s: a wildcard can't be delegated (RFC 4592)", o.name)
		case ns != nil && !apex && set != ns && set != ds && len(set.addresses) == 0:
			return set.errorf("record: %s is delegated at %s; beside NS there can be DS, and A and AAAA as glue, but no %s", o.name, ns.position, rrtype)
		}
	}
	return nil
}
