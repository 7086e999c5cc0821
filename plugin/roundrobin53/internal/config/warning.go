package config

import (
	"fmt"
	"slices"
	"strings"
)

func (c *Block) warnf(pos Position, format string, args ...any) {
	c.Warnings = append(c.Warnings, pos.Warningf(format, args...))
}

// Warningf returns a warning about the line at p.
func (p Position) Warningf(format string, args ...any) string {
	return fmt.Sprintf("%s: ", p) + fmt.Sprintf(format, args...)
}

// warnDirective warns of what is useless in a directive, or likely not meant.
func (c *Block) warnDirective(d *Directive) {
	c.warnZones(d)
	if len(d.checks)+len(d.networks) > 0 {
		c.warnUnused(d)
	}
	if d.resolver != nil && !slices.ContainsFunc(d.records, d.asksResolver) {
		c.warnf(d.resolver.Position, "resolver: no record of this block has a value that is a name elsewhere, so it is never asked")
	}
	isManifold := len(d.Zones) > 1 && !slices.ContainsFunc(d.Zones, func(zone string) bool { return !isReverse(zone) })
	for _, rec := range d.records {
		if rec.isPooled() && rec.hasIdleTiers() {
			c.warnf(rec.Position, "%s: values of different priority, but none has a check: only the first tier is ever answered", rec.name)
		}
		if rec.hasOctalEscape() {
			c.warnf(rec.Position, `%s: \052 is the digit 4, since numbers in names are decimal (RFC 1035); the * that Route 53 writes so is a plain * here`, rec.name)
		}
		if isManifold && len(rec.owners) > 1 && rec.name != "@" && rec.name != "*" {
			c.warnf(rec.Position, "%q exists in each of the %d zones, %s and so on, since a network that ends within an octet is several zones; write the whole name", rec.name, len(d.Zones), d.Zones[0])
			isManifold = false // one tells of all
		}
	}
}

// asksResolver reports whether a record may have values that are looked up.
func (d *Directive) asksResolver(rec *Record) bool {
	alias := strings.ToLower(rec.alias)
	return rec.hasSources() || isWholeName(alias) && (d.ZoneOf(alias) == "" || d.Overlays(alias))
}

// warnZones warns of zones that get no query.
func (c *Block) warnZones(d *Directive) {
	block := newZoneIndex(d.block)
	around := block.around()
	for _, zone := range d.Zones {
		if len(d.block) > 0 && block.Of(zone) == "" && !around[zone] {
			c.warnf(d.Position, "the zone %s lies outside the server block, %s: no query for it arrives here", zone, strings.Join(d.block, " "))
		}
	}
}

// hasOctalEscape reports whether a name has a * in the form that Route 53 exports.
func (rec *Record) hasOctalEscape() bool {
	has := func(name string) bool { return strings.Contains(name, `\052`) }
	if has(rec.name) || has(rec.alias) || slices.ContainsFunc(rec.rdata, has) {
		return true
	}
	return slices.ContainsFunc(rec.values, func(v *ValueLine) bool { return slices.ContainsFunc(v.names, has) })
}

// hasIdleTiers reports whether tiers can never be used, because no value is ever down or drained.
func (rec *Record) hasIdleTiers() bool {
	first := rec.values[0].said().Priority
	several := false
	for _, v := range rec.values {
		opts := v.said()
		if opts.Drain || v.sources(rec) != nil || // a name may come to have no address
			len(rec.checksOf(opts)) > 0 {
			return false
		}
		several = several || opts.Priority != first
	}
	return several
}

// warnUnused warns of checks and networks that nothing refers to.
func (c *Block) warnUnused(d *Directive) {
	checks, networks := make(map[string]bool), make(map[string]bool)
	mark := func(used map[string]bool, names []string) {
		for _, name := range names {
			used[name] = true
		}
	}
	for _, rec := range d.records {
		mark(checks, rec.checks)
		for _, v := range rec.values {
			mark(checks, v.said().checks)
			mark(networks, v.said().from)
		}
	}
	for _, check := range d.checks {
		mark(checks, check.Members)
	}
	for _, check := range d.checks {
		if !checks[check.Name] {
			c.warnf(check.Position, "check: no record uses %s, so it is never probed", check.Name)
		}
	}
	for _, n := range d.networks {
		if !networks[n.name] {
			c.warnf(n.Position, "network: no from uses %s", n.name)
		}
	}
}
