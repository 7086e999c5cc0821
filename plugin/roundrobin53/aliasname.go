package roundrobin53

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// aliasName is a name whose ALIAS record gives it the addresses of another.
type aliasName struct {
	rec   *recordLine
	owner *ownerName
	d     *directive
	state aliasState
}

// aliasState is how far an alias is resolved.
type aliasState uint8

const (
	unresolved aliasState = iota
	resolving             // a name that it leads to is being resolved
	resolved
)

// resolveAliases gives the names with an ALIAS record the A and AAAA RRsets of the other names. They have the same values
// and options, and a rotation of their own.
func (c *config) resolveAliases() error {
	for _, alias := range c.aliases {
		if err := c.resolveAlias(alias); err != nil {
			return positioned(alias.rec.position, "record: ALIAS", err)
		}
	}
	return nil
}

// other is the name that an alias leads to.
func (alias *aliasName) other() (string, error) {
	full, _ := target(alias.rec.alias, alias.owner.zone.name, alias.d.index) // checked when it was read
	return canonical(full)
}

// resolveAlias resolves an alias, after the one that it leads to, if it leads to another.
func (c *config) resolveAlias(alias *aliasName) error {
	if alias.state == resolved {
		return nil
	}
	alias.state = resolving
	name := alias.owner.name
	other, err := alias.other()
	if err != nil {
		return err
	}
	if next := c.index[other]; next != nil && next.alias != nil {
		if next.alias.state == resolving {
			return fmt.Errorf("%s leads back to %s", c.way(next.alias, alias), other)
		}
		if err := c.resolveAlias(next.alias); err != nil {
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
		return fmt.Errorf("%s has no A or AAAA record here%s", other, elsewhere(name, alias.d.index))
	}
	alias.state = resolved
	return nil
}

// way is the names from one alias to another that it leads to.
func (c *config) way(from, to *aliasName) string {
	way := []string{from.owner.name}
	for from != to {
		other, _ := from.other() // known by now
		from = c.index[other].alias
		way = append(way, other)
	}
	return strings.Join(way, " to ")
}

// set is the RRset of a name and type, nil if there is none.
func (c *config) set(name string, rrtype uint16) *rrset {
	if owner, ok := c.index[name]; ok {
		return owner.set(rrtype)
	}
	return nil
}
