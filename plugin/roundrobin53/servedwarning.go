package roundrobin53

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// delegationWarnings tell which lines are never answered because they stand below a delegation, and which delegations
// lead nowhere because their name servers lie below them and have no address.
func (h *Handler) delegationWarnings(c *config.Block) (warnings []string) {
	for _, owner := range c.Owners {
		if ns := owner.RRset(dns.TypeNS); ns != nil {
			if owner.Name != owner.Zone.Name && !h.hasGlue(owner.Name, ns) {
				warnings = append(warnings, ns.Warningf("%s: its name servers lie below it and have no address: nobody can follow the delegation", owner.Name))
			}
			continue
		}
		if h.table.Lookup(owner.Name, dns.TypeNone).Kind != record.Delegation {
			continue
		}
		for _, set := range owner.RRsets {
			if set.Addresses == nil {
				warnings = append(warnings, set.Warningf("%s %s lies below a delegation and is never answered", owner.Name, dns.TypeToString[set.Type]))
			}
		}
	}
	return warnings
}

// hasGlue reports whether a resolver can reach a name server of a zone cut: it lies elsewhere, or its address is here.
func (h *Handler) hasGlue(cut string, ns *config.RRset) bool {
	return slices.ContainsFunc(ns.RRs, func(rr dns.RR) bool {
		name := strings.ToLower(rr.(*dns.NS).Ns)
		_, a := h.table.Glue(name, dns.TypeA)
		_, aaaa := h.table.Glue(name, dns.TypeAAAA)
		return a || aaaa || !dns.IsSubDomain(cut, name)
	})
}

// nameServerWarnings tell which name servers of the apexes have no address where one is due.
func (h *Handler) nameServerWarnings(c *config.Block) (warnings []string) {
	for _, d := range c.Directives {
		for _, ns := range d.NameServers {
			for _, zone := range d.Zones {
				name, _ := config.FullName(ns.Name, zone, d.Index) // checked when it was read
				if name = strings.ToLower(name); d.ZoneOf(name) == zone && !h.hasAddress(name) {
					warnings = append(warnings, ns.Warningf("ns: %s lies in %s but has no address; write one behind its name", name, zone))
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
