package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// Owner holds what a server block says of one owner name.
type Owner struct {
	Name   string
	Zone   *Zone
	RRsets []*RRset // one for each type
	alias  *alias   // its first ALIAS; nil if it has none
}

// Zone is one zone of a directive.
type Zone struct {
	Name  string
	Index int // among the zones of the server block
	*Directive
}

// RRset returns the RRset of this type, nil if there is none.
func (o *Owner) RRset(rrtype uint16) *RRset {
	for _, rrset := range o.RRsets {
		if rrset.Type == rrtype {
			return rrset
		}
	}
	return nil
}

// groupByOwner groups the lines by owner name and type, and validates what a line alone can't show.
func (c *Block) groupByOwner() error {
	zones, err := c.readZones()
	if err != nil {
		return err
	}
	c.zones = zones
	size := 0
	for _, d := range c.Directives {
		size += len(d.records)
	}
	c.index = make(map[string]*Owner, size)
	for _, d := range c.Directives {
		if err := c.groupDirective(d, zones); err != nil {
			return err
		}
	}
	if err := c.validateSources(); err != nil {
		return err
	}
	if err := c.resolveAliases(); err != nil {
		return err
	}
	for _, owner := range c.Owners {
		if err := c.validate(owner); err != nil {
			return err
		}
	}
	return nil
}

func (c *Block) groupDirective(d *Directive, zones map[string]*Zone) error {
	if len(d.records) == 0 {
		c.warnf(d.Position, "no records for %s", strings.Join(d.Zones, " "))
	}
	c.warnDirective(d)
	for _, ns := range d.NameServers {
		if err := c.addNameServer(d, ns, zones); err != nil {
			return err
		}
	}
	isApex := func(name string) bool { return d.Index[name] }
	for _, rec := range d.records {
		if rec.rrtype == dns.TypeNS && slices.ContainsFunc(rec.owners, isApex) {
			return rec.Errorf("record: the name servers of the apex have a directive of their own: ns NAME [ADDRESS...]")
		}
		if err := c.addRecord("record", d, rec, zones); err != nil {
			return err
		}
	}
	return nil
}

// readZones returns the zones of all directives by name.
func (c *Block) readZones() (map[string]*Zone, error) {
	zones := make(map[string]*Zone)
	for _, d := range c.Directives {
		for _, name := range d.Zones {
			if other, ok := zones[name]; ok {
				return nil, d.Errorf("%s: the zone %q has a directive already, at %s", directiveName, name, other.Position)
			}
			zones[name] = &Zone{name, len(zones), d}
		}
	}
	return zones, nil
}

// owner returns the entry of a name. It makes one if there is none.
func (c *Block) owner(name string, d *Directive, zones map[string]*Zone) (*Owner, error) {
	if owner, ok := c.index[name]; ok {
		return owner, nil
	}
	owner := &Owner{Name: name, Zone: longestZone(zones, name)}
	if owner.Zone.Directive != d {
		return nil, fmt.Errorf("%s lies in the zone %s, whose directive is at %s", name, owner.Zone.Name, owner.Zone.Position)
	}
	c.index[name] = owner
	c.Owners = append(c.Owners, owner)
	return owner, nil
}

func longestZone(zones map[string]*Zone, name string) *Zone {
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		if zone, ok := zones[name[off:]]; ok {
			return zone
		}
	}
	return zones["."]
}

// addRecord adds a record to its owner names. Word is the directive that it comes from, for
// messages.
func (c *Block) addRecord(word string, d *Directive, rec *Record, zones map[string]*Zone) error {
	for i, name := range rec.owners {
		owner, err := c.owner(name, d, zones)
		if err != nil {
			return rec.Errorf("%s: %w", word, err)
		}
		switch {
		case rec.alias != "":
			alias := &alias{rec: rec, owner: owner, d: d}
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
			return rec.locate(word, err)
		}
	}
	return nil
}

// addAddresses adds an A RRset, an AAAA RRset, or both to a name.
func (o *Owner) addAddresses(d *Directive, rec *Record) error {
	all := rec.addresses()
	for _, rrtype := range record.AddressTypes {
		addresses := ofFamily(all, rrtype)
		if len(addresses) == 0 && !rec.looksUp(rrtype) {
			continue
		}
		if most := rec.mostValues(len(addresses)); most > pool.MaxEndpoints {
			return fmt.Errorf("%d values; an RRset can have %d", most, pool.MaxEndpoints)
		}
		if other := o.RRset(rrtype); other != nil {
			return fmt.Errorf("%s has an %s record already, at %s; all its values stand in one record",
				o.Name, dns.TypeToString[rrtype], other.Position)
		}
		rrset := rec.newRRset(d, rrtype)
		rrset.Addresses = addresses
		if err := rrset.divide(rec, func(v *ValueLine) int { return len(ofFamily(v.addresses, rrtype)) }); err != nil {
			return err
		}
		o.RRsets = append(o.RRsets, rrset)
	}
	return nil
}

// addCNAMEs adds a CNAME to a name, or several of which one is answered.
func (o *Owner) addCNAMEs(d *Directive, rec *Record, rrs []dns.RR) error {
	if other := o.RRset(dns.TypeCNAME); other != nil {
		return fmt.Errorf("%s has a CNAME already, at %s; all its values stand in one record", o.Name, other.Position)
	}
	rrset := rec.newRRset(d, dns.TypeCNAME)
	rrset.RRs, rrset.Answers = rrs, 1
	if err := rrset.divide(rec, func(v *ValueLine) int { return len(v.names) }); err != nil {
		return err
	}
	o.RRsets = append(o.RRsets, rrset)
	return nil
}

// addRR adds a record of another type to its RRset.
func (o *Owner) addRR(rec *Record, rr dns.RR) error {
	rrtype := dns.TypeToString[rec.rrtype]
	rrset := o.RRset(rec.rrtype)
	switch {
	case rrset == nil:
		rrset = &RRset{Position: rec.Position, Type: rec.rrtype, TTL: rec.ttl, ttlGiven: rec.seen.ttl}
		o.RRsets = append(o.RRsets, rrset)
	case rrset.has(rr):
		return fmt.Errorf("%s has this %s record already, at or behind %s", o.Name, rrtype, rrset.Position)
	case rec.seen.ttl && rrset.ttlGiven && rec.ttl != rrset.TTL:
		return fmt.Errorf("TTL %d, but the %s record of %s at %s has TTL %d; an RRset has one (RFC 2181)",
			rec.ttl, rrtype, o.Name, rrset.Position, rrset.TTL)
	case rec.seen.ttl:
		rrset.TTL, rrset.ttlGiven = rec.ttl, true
	}
	rrset.add(rr, rec.Position)
	return nil
}

// addNameServer adds an NS record to each apex, and the addresses of the name server to its own
// name.
func (c *Block) addNameServer(d *Directive, ns NameServer, zones map[string]*Zone) error {
	added := make(map[string]bool) // a full name is one name server for all zones
	for _, zone := range d.Zones {
		rec := &Record{Position: ns.Position, owners: []string{zone}, ttl: d.TTL, rrtype: dns.TypeNS}
		full, err := FullName(ns.Name, zone, d.Index)
		if err != nil {
			return ns.Errorf("ns: %w", err)
		}
		rec.rrs = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: full}}
		if err := c.addRecord("ns", d, rec, zones); err != nil {
			return err
		}
		host, err := canonical(full)
		if err != nil {
			return ns.Errorf("ns: %w", err)
		}
		if len(ns.addresses) > 0 && !added[host] {
			added[host] = true
			rec.owners, rec.rrtype = []string{host}, dns.TypeNone
			rec.values = []*ValueLine{{Position: ns.Position, addresses: ns.addresses}}
			if err := c.addRecord("ns", d, rec, zones); err != nil {
				return err
			}
		}
	}
	return nil
}

// validate returns an error if types of one name may not stand together.
func (c *Block) validate(o *Owner) error {
	apex := o.Name == o.Zone.Name
	ns, cname, ds := o.RRset(dns.TypeNS), o.RRset(dns.TypeCNAME), o.RRset(dns.TypeDS)
	for _, rrset := range o.RRsets {
		rrtype := dns.TypeToString[rrset.Type]
		switch {
		case apex && (rrset == cname || rrset == ds):
			return rrset.Errorf("record: the apex %s can't have a %s record", o.Name, rrtype)
		case cname != nil && rrset != cname:
			return rrset.Errorf("record: %s has a CNAME at %s; nothing can stand beside it (RFC 1034)", o.Name, cname.Position)
		case rrset.mixesModes():
			return rrset.Errorf("record: %s has %s records with priority 0, which are aliases, and others, which are ignored beside them (RFC 9460)", o.Name, rrtype)
		case ds != nil && ns == nil:
			return rrset.Errorf("record: %w", &Undefined{KindRecord, o.Name, fmt.Errorf("DS at %s, but no NS: a DS record stands beside a delegation", o.Name)})
		case ns != nil && !apex && strings.HasPrefix(o.Name, "*."):
			return rrset.Errorf("record: NS at the wildcard %s: a wildcard can't be delegated (RFC 4592)", o.Name)
		case ns != nil && !apex && rrset != ns && rrset != ds && !rrset.IsAddress():
			return rrset.Errorf("record: %s is delegated at %s; beside NS there can be DS, and A and AAAA as glue, but no %s", o.Name, ns.Position, rrtype)
		}
	}
	return nil
}
