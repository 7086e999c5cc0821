package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
)

// A name whose addresses are values is a source. It lies elsewhere: what lies in the block's own
// zones is written there, and ALIAS leads to it.

// resolver is a resolver line: the servers that are asked for the addresses of sources.
type resolver struct {
	Position
	words   []string
	servers []lookup.Server
}

// parseResolver reads ADDRESS...
func parseResolver(d *Directive, l line) error {
	if d.resolver != nil {
		return errors.New("stands twice; write all servers behind one resolver: they are tried in turn")
	}
	r := &resolver{Position: l.Position}
	for _, arg := range l.args() {
		words := strings.Fields(arg) // an {$ENV} variable may hold several
		if len(words) == 0 {
			return fmt.Errorf("%q is not a server; is it an {$ENV} variable that is not set?", arg)
		}
		for _, word := range words {
			server, err := lookup.ParseServer(word)
			if err != nil {
				return err
			}
			r.words, r.servers = append(r.words, word), append(r.servers, server)
		}
	}
	if len(r.servers) == 0 {
		return errors.New("no server follows it; write resolver ADDRESS..., as in resolver 10.96.0.10")
	}
	if twice, ok := firstDuplicate(r.servers); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	d.resolver = r
	return nil
}

// Servers returns the servers that the directive names for lookups. If it names none, the system's
// servers are asked.
func (d *Directive) Servers() []lookup.Server {
	if d.resolver == nil {
		return nil
	}
	return d.resolver.servers
}

// isWholeName reports whether a text is meant as a name with its final dot. An address with a dot
// behind it is not.
func isWholeName(text string) bool {
	before, ok := strings.CutSuffix(text, ".")
	top := before[strings.LastIndexByte(before, '.')+1:]
	return ok && strings.Trim(top, "0123456789") != ""
}

// nameHint suggests what may have been meant by a text that is neither an address nor a whole name.
// It returns "" if it does not know.
func nameHint(text string) string {
	top := text[strings.LastIndexByte(text, '.')+1:]
	isWord := len(top) > 1 && strings.Trim(strings.ToLower(top), "abcdefghijklmnopqrstuvwxyz") == ""
	if _, err := canonical(text); err != nil || !isWord || top == text {
		return ""
	}
	return fmt.Sprintf("; a name elsewhere whose addresses are the values ends in a dot, %q; a name of this block is given by ALIAS", text+".")
}

// asValue tells how to give options to a name that an ALIAS leads to, if that may lie elsewhere.
func asValue(name string, other ...string) string {
	if len(other) == 0 || !isWholeName(other[0]) {
		return ""
	}
	return fmt.Sprintf("; a name elsewhere can be a value with options: record %s %s [OPTION...]", name, other[0])
}

// addMixed reads the words of an {$ENV} variable, or a single one, of which at least one is a name.
func (v *ValueLine) addMixed(rec *Record, text string) error {
	for word := range strings.FieldsSeq(text) {
		if !isWholeName(word) {
			addresses, err := parseAddresses(word, rec.rrtype)
			if err != nil {
				return err
			}
			v.addresses = append(v.addresses, addresses...)
			continue
		}
		if strings.Contains(word, "*") {
			return fmt.Errorf("%q can't be looked up: it is a wildcard", word)
		}
		if _, err := canonical(word); err != nil {
			return err
		}
		v.names = append(v.names, word)
	}
	return nil
}

// sources returns the names of a line of an address record, full and in lower case; nil if it has
// none.
func (v *ValueLine) sources(rec *Record) []string {
	if !rec.isAddress() || v.names == nil {
		return nil
	}
	names := make([]string, len(v.names))
	for i, name := range v.names {
		names[i], _ = canonical(name) // checked when it was read
	}
	return names
}

// hasSources reports whether values of an address record are names.
func (rec *Record) hasSources() bool {
	return rec.isAddress() && slices.ContainsFunc(rec.values, func(v *ValueLine) bool { return v.names != nil })
}

// looksUp reports whether addresses of a type are looked up for the record.
func (rec *Record) looksUp(rrtype uint16) bool {
	return rec.hasSources() && (rec.rrtype == dns.TypeNone || rec.rrtype == rrtype)
}

// mostValues returns how many values an RRset of the record can have at most. Written is how many
// of them are addresses in the Corefile.
func (rec *Record) mostValues(written int) int {
	for _, v := range rec.values {
		written += len(v.sources(rec)) * lookup.MaxAddresses
	}
	return written
}

// validateSources returns an error if a source lies in a zone of the block.
func (c *Block) validateSources() error {
	for _, d := range c.Directives {
		for _, rec := range d.records {
			if err := c.validateSourcesOf(rec); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Block) validateSourcesOf(rec *Record) error {
	if !rec.hasSources() {
		return nil
	}
	for _, v := range rec.values {
		for i, name := range v.sources(rec) {
			if !c.isElsewhere(name) {
				return v.Errorf("%s: %q lies in the zone %s of this block and would be looked up here; for the addresses of a name of this block write record NAME ALIAS NAME",
					rec.wordOf(v), v.names[i], longestZone(c.zones, name).Name)
			}
		}
	}
	return nil
}

// isElsewhere reports whether others answer for a full, lower-case name: it lies in no zone of the
// block, or in one that lies over another plugin's and does not have the name.
func (c *Block) isElsewhere(name string) bool {
	zone := longestZone(c.zones, name)
	if zone == nil {
		return true
	}
	return zone.Overlays(name) && !c.claims(name)
}

// claims reports whether a name has records here, or may have them by a wildcard.
func (c *Block) claims(name string) bool {
	if _, ok := c.index[name]; ok {
		return true
	}
	for off, end := dns.NextLabel(name, 0); !end; off, end = dns.NextLabel(name, off) {
		if _, ok := c.index["*."+name[off:]]; ok {
			return true
		}
	}
	return false
}

// IsLookedUp reports whether values of the RRset are looked up.
func (rrset *RRset) IsLookedUp() bool {
	return slices.ContainsFunc(rrset.Lines, func(line RRsetLine) bool { return line.Names != nil })
}

// IsAddress reports whether the RRset is of type A or AAAA.
func (rrset *RRset) IsAddress() bool { return rrset.Type == dns.TypeA || rrset.Type == dns.TypeAAAA }

// newSource makes the RRset of an ALIAS to a name elsewhere: the addresses of the name are its
// values. Without a TTL of its own it has what remains of theirs.
func (alias *alias) newSource(rrtype uint16, name string) (*RRset, error) {
	rrset := alias.rec.newRRset(alias.d, rrtype)
	rrset.Remaining = !alias.rec.seen.ttl
	rrset.Lines = []RRsetLine{{Position: alias.rec.Position, ValueOptions: plainOptions, Names: []string{name}}}
	return rrset, rrset.route()
}

// Detached returns a copy of the RRset to serve from. The copy does not keep the records of its
// directive in memory.
func (rrset *RRset) Detached() *RRset {
	d := rrset.Directive
	if d.detached == nil {
		d.detached = &Directive{Position: d.Position, checkByName: d.checkByName}
	}
	copied := *rrset
	copied.Directive = d.detached
	return &copied
}
