package roundrobin53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// aliasName is a name whose ALIAS record gives it the addresses of another.
type aliasName struct {
	rec   *recordLine
	owner *ownerName
	d     *directive
}

// resolveAliases gives the names with an ALIAS record the A and AAAA RRsets of the other names. They have the same values
// and options, and a rotation of their own.
func (c *config) resolveAliases() error {
	for _, alias := range c.aliases {
		if err := c.resolveAlias(alias, nil); err != nil {
			return positioned(alias.rec.position, "record: ALIAS", err)
		}
	}
	return nil
}

// resolveAlias resolves an alias, after the one that it leads to, if it leads to another. Above are the names that led to it.
func (c *config) resolveAlias(alias *aliasName, above []string) error {
	if alias.owner == nil {
		return nil // done before
	}
	name := alias.owner.name
	above = append(above, name)
	full, _ := target(alias.rec.alias, alias.owner.zone.name, alias.d.zones) // checked when it was read
	other, err := canonical(full)
	if err != nil {
		return err
	}
	if slices.Contains(above, other) {
		return fmt.Errorf("%s leads back to %s", strings.Join(above, " to "), other)
	}
	if next := c.index[other]; next != nil && next.alias != nil {
		if err := c.resolveAlias(next.alias, above); err != nil {
			return err
		}
	}
	found := false
	for _, rrtype := range addressTypes {
		set := c.set(other, rrtype)
		if set == nil {
			continue
		}
		if own := alias.owner.set(rrtype); own != nil {
			return fmt.Errorf("%s has an %s record already, at %s", name, dns.TypeToString[rrtype], own.position)
		}
		copied := *set
		copied.position = alias.rec.position
		alias.owner.sets = append(alias.owner.sets, &copied)
		found = true
	}
	switch {
	case !found && c.set(other, dns.TypeCNAME) != nil:
		return fmt.Errorf("%s is a CNAME; an ALIAS leads to a name with A or AAAA records", other)
	case !found:
		return fmt.Errorf("%s has no A or AAAA record here; for a name that is answered elsewhere write CNAME", other)
	}
	alias.owner = nil
	return nil
}

// set is the RRset of a name and type, nil if there is none.
func (c *config) set(name string, rrtype uint16) *rrset {
	if owner, ok := c.index[name]; ok {
		return owner.set(rrtype)
	}
	return nil
}
