package roundrobin53

import (
	"fmt"
	"slices"
	"strings"
)

func (c *config) warnf(pos position, format string, args ...any) {
	c.warnings = append(c.warnings, pos.warningf(format, args...))
}

// warningf is a warning about the line at p.
func (p position) warningf(format string, args ...any) string {
	return fmt.Sprintf("%s: ", p) + fmt.Sprintf(format, args...)
}

// warnDirective tells what in a directive is of no use, or likely to mean something else.
func (c *config) warnDirective(d *directive) {
	block := newZoneIndex(d.block)
	around := block.around()
	for _, zone := range d.zones {
		if len(d.block) > 0 && block.of(zone) == "" && !around[zone] {
			c.warnf(d.position, "the zone %s lies outside the server block, %s: no query for it arrives here", zone, strings.Join(d.block, " "))
		}
	}
	if len(d.checks)+len(d.networks) > 0 {
		c.warnUnused(d)
	}
	isManifold := len(d.zones) > 1 && !slices.ContainsFunc(d.zones, func(zone string) bool { return !isReverse(zone) })
	for _, rec := range d.records {
		if rec.isPooled() && rec.hasIdleTiers() {
			c.warnf(rec.position, "%s: values of different priority, but none has a check: only the first tier is ever answered", rec.name)
		}
		if rec.hasOctalEscape() {
			c.warnf(rec.position, `%s: \052 is the digit 4, since numbers in names are decimal (RFC 1035); the * that Route 53 writes so is a plain * here`, rec.name)
		}
		if isManifold && len(rec.owners) > 1 && rec.name != "@" && rec.name != "*" {
			c.warnf(rec.position, "%q exists in each of the %d zones, %s and so on, since a network that ends within an octet is several zones; write the whole name", rec.name, len(d.zones), d.zones[0])
			isManifold = false // one tells of all
		}
	}
}

// hasOctalEscape reports whether a name has the * as Route 53 writes it.
func (rec *recordLine) hasOctalEscape() bool {
	has := func(name string) bool { return strings.Contains(name, `\052`) }
	if has(rec.name) || has(rec.alias) || slices.ContainsFunc(rec.rdata, has) {
		return true
	}
	return slices.ContainsFunc(rec.values, func(v *valueLine) bool { return slices.ContainsFunc(v.names, has) })
}

// hasIdleTiers reports whether there are tiers that can never be used, since no value is ever down or drained.
func (rec *recordLine) hasIdleTiers() bool {
	first := rec.values[0].said().priority
	several := false
	for _, v := range rec.values {
		opts := v.said()
		if opts.drain || len(rec.checksOf(opts)) > 0 {
			return false
		}
		several = several || opts.priority != first
	}
	return several
}

// warnUnused tells which checks and networks nothing refers to.
func (c *config) warnUnused(d *directive) {
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
		mark(checks, check.members)
	}
	for _, check := range d.checks {
		if !checks[check.name] {
			c.warnf(check.position, "check: no record uses %s, so it is never probed", check.name)
		}
	}
	for _, n := range d.networks {
		if !networks[n.name] {
			c.warnf(n.position, "network: no from uses %s", n.name)
		}
	}
}
