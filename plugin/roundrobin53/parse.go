package roundrobin53

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// maxTTL is the largest TTL there is (RFC 2181 §8), in seconds.
const maxTTL = 1<<31 - 1

// Surroundings is what a server block says around its directives.
type Surroundings struct {
	Zones []string // of the server block, full and in lower case
	Root  string   // the directory of relative file names

	// ReadZone tells which zones a word means: one for a name, one or several for a network in CIDR form, none for
	// anything else.
	ReadZone func(word string) []string
}

// parse reads all roundrobin53 directives of a server block.
func parse(tokens Tokens, around *Surroundings) (*config, error) {
	r := lineReader{tokens, around}
	conf := new(config)
	for {
		l, ok, err := r.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if l.closes {
			return nil, l.errorf(`"}" closes no block of %s`, pluginName)
		}
		d, err := parseDirective(r, l)
		if err != nil {
			return nil, err
		}
		conf.directives = append(conf.directives, d)
	}
	return conf, conf.collect()
}

func parseDirective(r lineReader, l line) (*directive, error) {
	d := &directive{
		position: l.position, around: r.around, ttl: defaultTTL,
		checkByName: make(map[string]*checkLine), networkByName: make(map[string]*networkLine),
		checkedFrom: make(map[string]bool), routings: make(map[string]*routing),
	}
	var err error
	if d.zones, err = r.around.zones(l.args(), r.around.Zones); err != nil {
		return nil, l.errorf("%s: %w", pluginName, err)
	}
	if len(d.zones) == 0 {
		return nil, l.errorf("%s: no zone; name one as an argument or as the key of the server block", pluginName)
	}
	d.index = newZoneIndex(d.zones)
	if len(l.args()) > 0 {
		d.block = r.around.Zones
	}
	if l.opens {
		if err := r.block(l, func(l line) error { return parseLine(r, d, l) }); err != nil {
			return nil, err
		}
	}
	for _, rec := range d.records { // only now, since the ttl line may stand anywhere in the block
		if !rec.seen.ttl {
			rec.ttl = d.ttl
		}
	}
	if len(l.args()) == 0 && d.isRoot() && !d.overlays(".") {
		return nil, l.errorf(`%s: the zone "." is everything: this would deny all names that have no record here; name the zones, add fallthrough, or write "%s ." if it is meant`,
			pluginName, pluginName)
	}
	if err := d.checkDefaults(); err != nil {
		return nil, l.errorf("%s: %w", pluginName, err)
	}
	return d, d.checkReferences()
}

// lineParsers reads what may stand in a roundrobin53 block, but for what has a block of its own.
var lineParsers = map[string]func(*directive, line) error{
	"network":     parseNetwork,
	"ttl":         parseZoneTTL,
	"soa":         parseSOA,
	"ns":          parseNS,
	"ecs":         parseECS,
	"fastpath":    parseFastpath,
	"fallthrough": parseFallthrough,
}

// blockParsers reads what may have a block of its own.
var blockParsers map[string]func(lineReader, *directive, line) error

func init() { // not a literal, since they refer to it
	blockParsers = map[string]func(lineReader, *directive, line) error{
		"record": parseRecord,
		"check":  parseCheck,
	}
}

const directiveNames = "record, check, network, ttl, soa, ns, ecs, fastpath and fallthrough"

// isDirectiveWord reports whether a word begins a line of a roundrobin53 block.
func isDirectiveWord(word string) bool { return lineParsers[word] != nil || blockParsers[word] != nil }

func parseLine(r lineReader, d *directive, l line) error {
	if parser, ok := blockParsers[l.word()]; ok {
		return parser(r, d, l)
	}
	parser, ok := lineParsers[l.word()]
	switch {
	case l.word() == "import":
		return l.errorf("import: caddy does not follow an import in the first line of a snippet; write another line before it")
	case !ok:
		return l.errorf("%q is not a directive of %s; the directives are %s", l.word(), pluginName, directiveNames)
	case l.opens:
		return l.errorf("%s: takes no block", l.word())
	}
	if err := parser(d, l); err != nil {
		return l.errorf("%s: %w", l.word(), err)
	}
	return nil
}

var errTwice = errors.New("stands twice; it may stand once")

func parseZoneTTL(d *directive, l line) error {
	if d.seen.ttl {
		return errTwice
	}
	d.seen.ttl = true
	if len(l.args()) != 1 {
		return fmt.Errorf("%q is not one duration; write ttl DURATION, as in ttl 60", strings.Join(l.args(), " "))
	}
	var err error
	d.ttl, err = parseDuration(l.args()[0])
	return err
}

func parseSOA(d *directive, l line) error {
	args := l.args()
	if d.soa != nil {
		return errTwice
	}
	if len(args) == 7 || len(args) > 2 && isSerial(args[2]) {
		return fmt.Errorf("%q: no serial is written: it is the time of the load that changed the zone; leave %q out: MNAME RNAME [REFRESH RETRY EXPIRE MINIMUM]",
			strings.Join(args, " "), args[2])
	}
	if len(args) < 2 || len(args) > 6 {
		return fmt.Errorf("%q is not MNAME RNAME [REFRESH RETRY EXPIRE MINIMUM]", strings.Join(args, " "))
	}
	d.soa = &soa{mname: args[0], rname: args[1]}
	if local, domain, ok := strings.Cut(d.soa.rname, "@"); ok {
		return fmt.Errorf("%q: an RNAME is a mail address written as a name: %q", d.soa.rname, strings.ReplaceAll(local, ".", `\.`)+"."+domain+".")
	}
	for _, name := range args[:2] {
		if err := d.checkTarget(name); err != nil {
			return err
		}
	}
	for _, arg := range args[2:] {
		timer, err := parseDuration(arg)
		if err != nil {
			return err
		}
		d.soa.timers = append(d.soa.timers, timer)
	}
	return nil
}

// isSerial reports whether a text looks like the serial of an SOA, a date or a time, and not like a timer.
func isSerial(text string) bool {
	const digits = 8 // of a date; as a timer it would be more than 115 days
	return len(text) >= digits && strings.Trim(text, "0123456789") == ""
}

func parseNS(d *directive, l line) error {
	args := l.args()
	if len(args) == 0 {
		return errors.New("no name; write ns NAME [ADDRESS...]")
	}
	ns := nameServer{position: l.position, name: args[0]}
	if err := d.checkTarget(ns.name); err != nil {
		return err
	}
	if full, _ := target(ns.name, d.zones[0], d.index); len(args) > 1 && d.zoneOf(strings.ToLower(full)) == "" {
		return fmt.Errorf("%q is outside the zones of this block, where its addresses belong; leave them out, or name a server in %s", full, strings.Join(d.zones, " "))
	}
	for _, arg := range args[1:] {
		addresses, err := parseAddresses(arg, dns.TypeNone)
		if err != nil {
			return err
		}
		ns.addresses = append(ns.addresses, addresses...)
	}
	d.ns = append(d.ns, ns)
	return nil
}

func parseECS(d *directive, l line) error {
	if d.ecs {
		return errTwice
	}
	d.ecs = true
	if len(l.args()) > 0 {
		return fmt.Errorf("%q: nothing follows ecs", strings.Join(l.args(), " "))
	}
	return nil
}

func parseFastpath(d *directive, l line) error {
	if d.fast {
		return errTwice
	}
	d.fast = true
	if len(l.args()) > 0 {
		return fmt.Errorf("%q: nothing follows fastpath", strings.Join(l.args(), " "))
	}
	return nil
}

func parseFallthrough(d *directive, l line) error {
	if d.seen.fall {
		return errTwice
	}
	d.seen.fall = true
	zones, err := d.around.zones(l.args(), []string{"."})
	if err != nil {
		return err
	}
	around := d.index.around()
	for _, zone := range zones {
		if !around[zone] && d.zoneOf(zone) == "" { // no name of the block's zones lies in it
			return fmt.Errorf("%q is neither in nor above the zones of this block: %s", zone, strings.Join(d.zones, " "))
		}
	}
	d.fall, d.through = zones, newZoneIndex(zones)
	return nil
}

// durationUnits are the units of a DURATION, in seconds.
var durationUnits = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}

// parseDuration reads a DURATION: seconds, or numbers with units, as in 90, 90s, 1m30s and 1d.
func parseDuration(text string) (uint32, error) {
	wrong := fmt.Errorf("%q is not a duration up to %d seconds, as in 60, 60s, 5m, 1d", text, maxTTL)
	var total uint64
	for rest := text; rest != "" || text == ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseUint(rest[:digits], 10, 32)
		if err != nil {
			return 0, wrong
		}
		if rest = rest[digits:]; rest == "" {
			if digits != len(text) {
				return 0, wrong
			}
			total = n
			break
		}
		unit, ok := durationUnits[rest[0]]
		if !ok {
			return 0, wrong
		}
		if total += n * unit; total > maxTTL {
			return 0, wrong
		}
		rest = rest[1:]
	}
	if total > maxTTL {
		return 0, wrong
	}
	return uint32(total), nil
}
