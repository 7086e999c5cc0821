package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// Record is a record line with its block.
type Record struct {
	Position
	name      string   // as written
	owners    []string // the names that it means: one, or one in each zone
	ttl       uint32   // the directive's if the record has none
	rrtype    uint16   // TypeNone: A and AAAA as the addresses are, or an alias
	values    []*ValueLine
	alias     string   // of ALIAS: the other name as written
	aliasType uint16   // of ALIAS: the one type that it gives; TypeNone: both
	rdata     []string // of other types: the data as written
	rrs       []dns.RR // of other types: one for each owner; of CNAME: one for each owner and value
	checks    []string // of all values; empty but not nil: check none
	metrics   bool
	ChoiceOptions
	seen     seenOptions
	optionAt map[string]Position // of options that have a line of their own
}

// ChoiceOptions are the options of a record that say how its values are chosen.
type ChoiceOptions struct {
	Order    pool.Order
	Answers  int  // 0: all, or the default
	ByLine   bool // an answer has all values of the line that is first
	MinUp    int  // 0: not given
	Failback time.Duration
	NoneDown bool
}

// seenOptions tells which options a record has.
type seenOptions struct{ ttl, order, answers, minUp, failback, allDown bool }

// isAddress reports whether the record is of type A, AAAA, or both.
func (rec *Record) isAddress() bool {
	return rec.alias == "" && (rec.rrtype == dns.TypeNone || rec.rrtype == dns.TypeA || rec.rrtype == dns.TypeAAAA)
}

// isPooled reports whether the record has values to choose among, and not only data.
func (rec *Record) isPooled() bool { return rec.isAddress() || rec.rrtype == dns.TypeCNAME }

// addresses returns all addresses of the record.
func (rec *Record) addresses() []netip.Addr {
	if len(rec.values) == 1 {
		return rec.values[0].addresses
	}
	var all []netip.Addr
	for _, v := range rec.values {
		all = append(all, v.addresses...)
	}
	return all
}

const recordUsage = "record NAME [TTL] [TYPE] VALUE... [OPTION...]"

// parseRecord reads a record line and its block.
func parseRecord(r lineReader, d *Directive, l line) error {
	rec := &Record{Position: l.Position}
	if err := rec.parse(d, l); err != nil {
		return l.Errorf("record: %w", err)
	}
	if l.opens {
		if err := r.block(l, func(l line) error { return rec.parseLine(d, l) }); err != nil {
			return err
		}
	}
	if err := rec.finish(d, l); err != nil {
		return l.locate("record", err)
	}
	d.records = append(d.records, rec)
	return nil
}

// parse reads NAME [TTL] [TYPE] VALUE... [OPTION...].
func (rec *Record) parse(d *Directive, l line) error {
	words := l.args()
	if len(words) == 0 {
		return errors.New("no name; write " + recordUsage)
	}
	rec.name = words[0]
	var err error
	if rec.owners, err = owners(rec.name, d); err != nil {
		return err
	}
	words = words[1:]
	if len(words) > 0 {
		if ttl, err := parseDuration(words[0]); err == nil {
			rec.ttl, rec.seen.ttl = ttl, true
			words = words[1:]
		}
	}
	if len(words) > 0 && strings.EqualFold(words[0], "ALIAS") {
		return rec.parseAlias(d, words[1:])
	}
	if len(words) > 0 {
		rec.rrtype = dns.StringToType[strings.ToUpper(words[0])]
	}
	if rec.rrtype == dns.TypeNone {
		return rec.parseValues(words)
	}
	words = words[1:]
	if rec.isPooled() {
		return rec.hintAtHost(d, words, rec.parseValues(words))
	}
	return rec.parseRData(d, words)
}

// hintAtHost completes the error about a CNAME whose values begin with an option: a host of that
// name may be meant.
func (rec *Record) hintAtHost(d *Directive, values []string, err error) error {
	if err == nil || rec.rrtype != dns.TypeCNAME || len(values) == 0 {
		return err
	}
	if !options.has(values[0]) {
		return err
	}
	return fmt.Errorf("%w; if a host named %q is meant, write its whole name, %q", err, values[0], Below(values[0], d.ZoneOf(rec.owners[0])))
}

// parseAlias reads the NAME of an ALIAS.
func (rec *Record) parseAlias(d *Directive, words []string) error {
	switch {
	case len(words) == 2 && rec.readAliasType(words[1]):
	case len(words) != 1:
		return fmt.Errorf("ALIAS: %q is not one name, and A or AAAA behind it; write record NAME ALIAS NAME [A | AAAA]: the values and options are those of the other name%s",
			strings.Join(words, " "), asValue(rec.name, words...))
	}
	rec.alias = words[0]
	for _, owner := range rec.owners {
		full, err := FullName(rec.alias, d.ZoneOf(owner), d.Index)
		if err != nil {
			return fmt.Errorf("ALIAS: %w", err)
		}
		if _, err := canonical(full); err != nil {
			return fmt.Errorf("ALIAS: %w", err)
		}
	}
	return nil
}

// readAliasType reads the one type that an alias gives. It reports false if the word is not A or
// AAAA.
func (rec *Record) readAliasType(word string) bool {
	rrtype := dns.StringToType[strings.ToUpper(word)]
	if rrtype != dns.TypeA && rrtype != dns.TypeAAAA {
		return false
	}
	rec.aliasType = rrtype
	return true
}

// parseValues reads VALUE... [OPTION...].
func (rec *Record) parseValues(words []string) error {
	v := &ValueLine{Position: rec.Position}
	rec.values = append(rec.values, v)
	for len(words) > 0 {
		if options.has(words[0]) {
			break
		}
		if err := v.add(rec, words[0]); err != nil {
			return rec.explain(words[0], err)
		}
		words = words[1:]
	}
	return readOptions(words, optionNames, rec.readOnLine)
}

// explain completes the error about a value with what may have been meant.
func (rec *Record) explain(word string, err error) error {
	isNumber := strings.Trim(word, "0123456789") == ""
	_, notDuration := parseDuration(word)
	switch {
	case rec.explains(word):
		return err
	case isNumber && notDuration != nil:
		return notDuration
	case notDuration == nil:
		return fmt.Errorf("%w; a TTL stands right behind the name", err)
	case strings.EqualFold(word, "IN"):
		return fmt.Errorf("%w; all records are of class IN, leave it out", err)
	case rec.rrtype == dns.TypeNone && rec.values[0].isEmpty():
		return fmt.Errorf("%w, nor a TTL or a type", err)
	}
	return fmt.Errorf("%w, nor an option (%s)", err, optionNames)
}

// explains reports whether the error about a value says already what may have been meant.
func (rec *Record) explains(word string) bool {
	_, notAddress := netip.ParseAddr(word)
	isName := slices.ContainsFunc(strings.Fields(word), isWholeName)
	return notAddress == nil || word == "" || isName || nameHint(word)+addressHint(word) != "" || rec.rrtype == dns.TypeCNAME
}

// parseLine reads a line of a record's block.
func (rec *Record) parseLine(d *Directive, l line) error {
	opt, known := options.find(l.word())
	switch {
	case directiveLines.has(l.word()) && !known:
		return l.braceErrorf("%q is not an option of record; is the closing brace of the record at %s missing?", l.word(), rec.Position)
	case l.opens:
		return l.Errorf("%s: takes no block", l.word())
	case rec.alias != "":
		return l.Errorf("%s: an ALIAS has no options of its own; they are those of the other name%s", l.word(), asValue(rec.name, rec.alias))
	case l.word() == "value" && !rec.isPooled():
		return l.Errorf("value: applies to A, AAAA and CNAME, not to %s, whose data stand on the record line", dns.TypeToString[rec.rrtype])
	case l.word() == "value":
		if err := rec.parseValueLine(l); err != nil {
			return l.Errorf("value: %w", rec.hintAtHost(d, l.args(), err))
		}
		return nil
	case !known:
		return l.Errorf("%q is not an option of record; the options are value, %s", l.word(), recordOptionNames)
	case rec.accepts(l.word()) != nil:
		return l.Errorf("%s: %w", l.word(), rec.accepts(l.word()))
	case opt.record == nil:
		return l.Errorf("%s: belongs to values; write it behind them, on the record line or on a value line", l.word())
	case opt.args != 0 && len(l.args()) == 0:
		return l.Errorf("%s: nothing follows it; write %s", l.word(), opt.usage)
	case opt.args != some && len(l.args()) != opt.args:
		return l.Errorf("%s: %q is %d words, not %d; write %s", l.word(), strings.Join(l.args(), " "), len(l.args()), opt.args, opt.usage)
	}
	if rec.optionAt == nil {
		rec.optionAt = make(map[string]Position)
	}
	rec.optionAt[l.word()] = l.Position
	if err := opt.record(rec, l.args()); err != nil {
		return l.Errorf("%s: %w", l.word(), err)
	}
	return nil
}

// finish validates a record when all of its lines are read.
func (rec *Record) finish(d *Directive, l line) error {
	if !rec.isPooled() {
		return nil
	}
	if first := rec.values[0]; first.isEmpty() {
		if first.opts != nil {
			return rec.hintAtHost(d, l.valuesOfCNAME(), errors.New("options of values, but no value on this line; write them behind the values they are for"))
		}
		rec.values = rec.values[1:]
	}
	if len(rec.values) == 0 {
		return rec.hintAtHost(d, l.valuesOfCNAME(), fmt.Errorf("%q has no value; write %s", rec.name, recordUsage))
	}
	if rec.rrtype == dns.TypeCNAME {
		return rec.parseCNAMEs(d)
	}
	return nil
}

// parseCNAMEs makes the records of CNAME values.
func (rec *Record) parseCNAMEs(d *Directive) error {
	for _, owner := range rec.owners {
		for _, v := range rec.values {
			for _, name := range v.names {
				rr, err := parseRR(dns.TypeCNAME, []string{name}, owner, d.ZoneOf(owner), d.Index)
				if err != nil {
					return v.Errorf("%s: CNAME: %w", rec.wordOf(v), err)
				}
				rec.rrs = append(rec.rrs, rr)
			}
		}
	}
	return nil
}

// valuesOfCNAME returns the words behind the type on the record line of a CNAME.
func (l line) valuesOfCNAME() []string {
	isType := func(word string) bool { return strings.EqualFold(word, "CNAME") }
	rest := l.words[2:] // the owner name may be "cname" too
	return rest[slices.IndexFunc(rest, isType)+1:]
}
