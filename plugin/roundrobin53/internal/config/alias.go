package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// alias gives an owner name the addresses of another name, because of an ALIAS record.
type alias struct {
	rec   *Record
	owner *Owner
	d     *Directive
	state aliasState
	next  *alias // of the same owner, for the other family; nil if there is none
}

// gives reports whether the owner gets records of this type, A or AAAA.
func (alias *alias) gives(rrtype uint16) bool {
	return alias.rec.aliasType == dns.TypeNone || alias.rec.aliasType == rrtype
}

// overlaps reports whether two aliases give records of the same type.
func (alias *alias) overlaps(other *alias) bool {
	return alias.gives(dns.TypeA) && other.gives(dns.TypeA) || alias.gives(dns.TypeAAAA) && other.gives(dns.TypeAAAA)
}

// addAlias adds an alias to the name.
func (o *Owner) addAlias(alias *alias) error {
	for other := o.alias; other != nil; other = other.next {
		if alias.overlaps(other) {
			return fmt.Errorf("%s has an ALIAS already, at %s", o.Name, other.rec.Position)
		}
	}
	alias.next, o.alias = o.alias, alias
	return nil
}

// AliasOf returns the name that an RRset of the owner is an ALIAS for, "" if it is none.
func (o *Owner) AliasOf(rrset *RRset) string {
	for alias := o.alias; alias != nil; alias = alias.next {
		if alias.gives(rrset.Type) && alias.rec.Position == rrset.Position {
			other, _ := alias.other() // resolved by now
			return other
		}
	}
	return ""
}

// aliasState tells whether an alias has got its RRsets.
type aliasState uint8

const (
	unresolved aliasState = iota
	resolving             // an alias that it leads to is being resolved
	resolved
)

// familyNames returns the types that an alias gives, for messages.
func (alias *alias) familyNames() string {
	if alias.rec.aliasType == dns.TypeNone {
		return "A or AAAA"
	}
	return dns.TypeToString[alias.rec.aliasType]
}

// resolveAliases gives each name with an ALIAS record the A and AAAA RRsets of the other name: the
// same values and options, but a rotation of their own.
func (c *Block) resolveAliases() error {
	for _, alias := range c.aliases {
		if err := c.resolveAlias(alias); err != nil {
			return alias.rec.locate("record: ALIAS", err)
		}
	}
	return nil
}

// other returns the owner name that an alias leads to.
func (alias *alias) other() (string, error) {
	full, _ := FullName(alias.rec.alias, alias.owner.Zone.Name, alias.d.Index) // checked when it was read
	return canonical(full)
}

// resolveAlias gives the owner of an alias its RRsets. Aliases that it leads to are resolved first.
func (c *Block) resolveAlias(alias *alias) error {
	if alias.state == resolved {
		return nil
	}
	alias.state = resolving
	other, err := alias.other()
	if err != nil {
		return err
	}
	if err := c.resolveNext(alias, other); err != nil {
		return err
	}
	found := false
	for _, rrtype := range record.AddressTypes {
		rrset, err := c.pointee(alias, other, rrtype)
		if err != nil {
			return err
		}
		if rrset == nil {
			continue
		}
		if own := alias.owner.RRset(rrtype); own != nil {
			return fmt.Errorf("%s has an %s record already, at %s", alias.owner.Name, dns.TypeToString[rrtype], own.Position)
		}
		alias.owner.RRsets = append(alias.owner.RRsets, rrset)
		found = true
	}
	switch {
	case !found && c.rrset(other, dns.TypeCNAME) != nil:
		return fmt.Errorf("%s is a CNAME; an ALIAS leads to a name with A or AAAA records", other)
	case !found:
		return &Undefined{KindRecord, other, fmt.Errorf("%s has no %s record here; write one, or the whole name of a host elsewhere", other, alias.familyNames())}
	case alias.rec.seen.ttl && !c.isElsewhere(other):
		return errors.New("a TTL; an alias has that of the other name")
	}
	alias.state = resolved
	return nil
}

// pointee returns the RRset that the owner of an alias gets for a type, nil if it gets none: that
// of the other name, or what is looked up of a name elsewhere.
func (c *Block) pointee(alias *alias, other string, rrtype uint16) (*RRset, error) {
	rrset := c.rrset(other, rrtype)
	switch {
	case !alias.gives(rrtype):
		return nil, nil
	case rrset == nil && c.isElsewhere(other):
		return alias.newSource(rrtype, other)
	case rrset == nil:
		return nil, nil
	}
	copied := *rrset
	copied.Position = alias.rec.Position
	return &copied, nil
}

// resolveNext resolves the aliases of the name that an alias leads to.
func (c *Block) resolveNext(alias *alias, other string) error {
	for next := c.aliasOf(other); next != nil; next = next.next {
		switch {
		case !alias.overlaps(next):
			continue
		case next.state == resolving:
			return fmt.Errorf("%s leads back to %s", c.way(next, alias), other)
		}
		if err := c.resolveAlias(next); err != nil {
			return err
		}
	}
	return nil
}

// way lists the names from one alias to another that it leads to.
func (c *Block) way(from, to *alias) string {
	way := []string{from.owner.Name}
	for from != to && len(way) <= len(c.aliases) {
		other, _ := from.other() // known by now
		for from = c.aliasOf(other); from.state != resolving; {
			from = from.next
		}
		way = append(way, other)
	}
	return strings.Join(way, " to ")
}

// aliasOf returns the first alias of a name, nil if it has none.
func (c *Block) aliasOf(name string) *alias {
	if owner, ok := c.index[name]; ok {
		return owner.alias
	}
	return nil
}

// rrset returns the RRset of a name and type, nil if there is none.
func (c *Block) rrset(name string, rrtype uint16) *RRset {
	if owner, ok := c.index[name]; ok {
		return owner.RRset(rrtype)
	}
	return nil
}
