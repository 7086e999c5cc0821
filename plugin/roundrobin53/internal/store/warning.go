package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// warnDelegations warns of lines that are never answered because they stand below a delegation, and
// of delegations that lead nowhere because their name servers lie below them and have no address.
func (s *Store) warnDelegations(c *config.Block) {
	for _, owner := range c.Owners {
		if ns := owner.RRset(dns.TypeNS); ns != nil {
			if owner.Name != owner.Zone.Name && !s.hasGlue(owner.Name, ns) {
				s.Warnings = append(s.Warnings, ns.Warningf("%s: its name servers lie below it and have no address: nobody can follow the delegation", owner.Name))
			}
			continue
		}
		if s.Table.Lookup(owner.Name, dns.TypeNone).Kind != record.Delegation {
			continue
		}
		for _, rrset := range owner.RRsets {
			if !rrset.IsAddress() {
				s.Warnings = append(s.Warnings, rrset.Warningf("%s %s lies below a delegation and is never answered", owner.Name, dns.TypeToString[rrset.Type]))
			}
		}
	}
}

// hasGlue reports whether a resolver can reach a name server of a zone cut: it lies elsewhere, or
// its address is here.
func (s *Store) hasGlue(cut string, ns *config.RRset) bool {
	return slices.ContainsFunc(ns.RRs, func(rr dns.RR) bool {
		name := strings.ToLower(rr.(*dns.NS).Ns)
		_, a := s.Table.Glue(name, dns.TypeA)
		_, aaaa := s.Table.Glue(name, dns.TypeAAAA)
		return a || aaaa || !dns.IsSubDomain(cut, name)
	})
}

// warnNameServers warns of name servers of an apex that have no address though they lie in the
// zone.
func (s *Store) warnNameServers(c *config.Block) {
	for _, d := range c.Directives {
		for _, ns := range d.NameServers {
			for _, zone := range d.Zones {
				name, _ := config.FullName(ns.Name, zone, d.Index) // checked when it was read
				if name = strings.ToLower(name); d.ZoneOf(name) == zone && !s.hasAddress(name) {
					s.Warnings = append(s.Warnings, ns.Warningf("ns: %s lies in %s but has no address; write one behind its name", name, zone))
				}
			}
		}
	}
}

// hasAddress reports whether a name has an address here, or none is to be expected because another
// zone has the name.
func (s *Store) hasAddress(name string) bool {
	return slices.ContainsFunc(record.AddressTypes[:], func(rrtype uint16) bool {
		found := s.Table.Lookup(name, rrtype)
		return found.Kind == record.Addresses || found.Kind == record.Delegation
	})
}

// safeUDPSize is the size of a UDP answer that is not fragmented on its way, in octets: the default
// of resolvers since the DNS Flag Day 2020.
const safeUDPSize = 1232

// tooLarge returns a warning if the answer of an RRset is larger than safeUDPSize, "" otherwise.
func tooLarge(name string, rrset *config.RRset) string {
	const (
		header = 12
		opt    = 11
		fixed  = 12 // of a compressed record: pointer, type, class, TTL, length
	)
	octets := 16
	if rrset.Type == dns.TypeA {
		octets = 4
	}
	n := rrset.MostAnswers()
	room := safeUDPSize - header - opt - (len(name) + 1 + 4)
	fit := room / (fixed + octets)
	if n <= fit {
		return ""
	}
	return fmt.Sprintf("%s: %s %s: an answer of %d values is larger than %d octets, and is truncated for most UDP clients; answers %d fits",
		rrset.Position, name, dns.TypeToString[rrset.Type], n, safeUDPSize, fit)
}
