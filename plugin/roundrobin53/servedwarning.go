package roundrobin53

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// delegationWarnings tell which lines are never answered because they stand below a delegation, and which delegations
// lead nowhere because their name servers lie below them and have no address.
func (h *Handler) delegationWarnings(c *config) (warnings []string) {
	for _, owner := range c.names {
		if ns := owner.set(dns.TypeNS); ns != nil {
			if owner.name != owner.zone.name && !h.hasGlue(owner.name, ns) {
				warnings = append(warnings, ns.warningf("%s: its name servers lie below it and have no address: nobody can follow the delegation", owner.name))
			}
			continue
		}
		if h.table.Lookup(owner.name, dns.TypeNone).Kind != record.Delegation {
			continue
		}
		for _, set := range owner.sets {
			if set.addresses == nil {
				warnings = append(warnings, set.warningf("%s %s lies below a delegation and is never answered", owner.name, dns.TypeToString[set.rrtype]))
			}
		}
	}
	return warnings
}

// hasGlue reports whether a resolver can reach a name server of a zone cut: it lies elsewhere, or its address is here.
func (h *Handler) hasGlue(cut string, ns *rrset) bool {
	return slices.ContainsFunc(ns.rrs, func(rr dns.RR) bool {
		name := strings.ToLower(rr.(*dns.NS).Ns)
		_, a := h.table.Glue(name, dns.TypeA)
		_, aaaa := h.table.Glue(name, dns.TypeAAAA)
		return a || aaaa || !dns.IsSubDomain(cut, name)
	})
}

// nameServerWarnings tell which name servers of the apexes have no address where one is due.
func (h *Handler) nameServerWarnings(c *config) (warnings []string) {
	for _, d := range c.directives {
		for _, ns := range d.ns {
			for _, zone := range d.zones {
				name, _ := target(ns.name, zone, d.index) // checked when it was read
				if name = strings.ToLower(name); d.zoneOf(name) == zone && !h.hasAddress(name) {
					warnings = append(warnings, ns.warningf("ns: %s lies in %s but has no address; write one behind its name", name, zone))
				}
			}
		}
	}
	return warnings
}

// hasAddress reports whether a name has an address here, or one is not to be expected, since another zone has the name.
func (h *Handler) hasAddress(name string) bool {
	return slices.ContainsFunc(record.AddressTypes[:], func(rrtype uint16) bool {
		found := h.table.Lookup(name, rrtype)
		return found.Kind == record.Addresses || found.Kind == record.Delegation
	})
}
