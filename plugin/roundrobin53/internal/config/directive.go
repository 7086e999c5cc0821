package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Surroundings describes the server block around the directives.
type Surroundings struct {
	Zones []string // of the server block, full and in lower case
	Root  string   // the directory of relative file names

	// ReadZone returns the zones that a word means: one for a name, one or several for a network in
	// CIDR form, none for anything else.
	ReadZone func(word string) []string
}

// Parse reads all roundrobin53 directives of a server block.
func Parse(tokens Tokens, around *Surroundings) (*Block, error) {
	r := lineReader{tokens, around}
	conf := new(Block)
	for {
		l, ok, err := r.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if l.closes {
			return nil, l.braceErrorf(`"}" closes no block of %s`, directiveName)
		}
		d, err := parseDirective(r, l)
		if err != nil {
			return nil, err
		}
		conf.Directives = append(conf.Directives, d)
	}
	return conf, across(conf.groupByOwner())
}

func parseDirective(r lineReader, l line) (*Directive, error) {
	d := &Directive{
		Position: l.Position, around: r.around, TTL: defaultTTL,
		checkByName: make(map[string]*Check), networkByName: make(map[string]*Network),
		validFrom: make(map[string]bool), routings: make(map[string]*Routing),
	}
	var err error
	if d.Zones, err = r.around.zones(l.args(), r.around.Zones); err != nil {
		return nil, l.Errorf("%s: %w", directiveName, err)
	}
	if len(d.Zones) == 0 {
		return nil, l.Errorf("%s: no zone; name one as an argument or as the key of the server block", directiveName)
	}
	d.Index = newZoneIndex(d.Zones)
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
			rec.ttl = d.TTL
		}
	}
	if len(l.args()) == 0 && d.isRoot() && !d.Overlays(".") {
		return nil, l.Errorf(`%s: the zone "." is everything: this would deny all names that have no record here; name the zones, add fallthrough, or write "%s ." if it is meant`,
			directiveName, directiveName)
	}
	if err := d.validateDefaults(); err != nil {
		return nil, l.Errorf("%s: %w", directiveName, err)
	}
	return d, across(d.validateReferences())
}

// directiveLine reads one kind of line of a roundrobin53 block. A line of either kind begins with
// its word; only one that is read by withBlock may open a block.
type directiveLine struct {
	withBlock func(lineReader, *Directive, line) error
	alone     func(*Directive, line) error
}

// directiveLines holds the words that begin a line of a roundrobin53 block.
var directiveLines lexicon[directiveLine]

func init() { // not a literal, because parseRecord and parseCheck look words up here
	directiveLines = lexicon[directiveLine]{
		{"record", directiveLine{withBlock: parseRecord}},
		{"check", directiveLine{withBlock: parseCheck}},
		{"network", directiveLine{alone: parseNetwork}},
		{"resolver", directiveLine{alone: parseResolver}},
		{"state", directiveLine{alone: parseState}},
		{"status", directiveLine{alone: parseStatus}},
		{"ttl", directiveLine{alone: parseZoneTTL}},
		{"soa", directiveLine{alone: parseSOA}},
		{"ns", directiveLine{alone: parseNS}},
		{"ecs", directiveLine{alone: parseECS}},
		{"fastpath", directiveLine{alone: parseFastpath}},
		{"fallthrough", directiveLine{alone: parseFallthrough}},
	}
}

func parseLine(r lineReader, d *Directive, l line) error {
	parser, ok := directiveLines.find(l.word())
	switch {
	case l.word() == "import":
		return l.Errorf("import: caddy does not follow an import in the first line of a snippet; write another line before it")
	case !ok:
		return l.Errorf("%q is not a directive of %s; the directives are %s", l.word(), directiveName, list(directiveLines.words(nil)))
	case parser.withBlock != nil:
		return parser.withBlock(r, d, l)
	case l.opens:
		return l.Errorf("%s: takes no block", l.word())
	}
	if err := parser.alone(d, l); err != nil {
		return l.Errorf("%s: %w", l.word(), err)
	}
	return nil
}

var errTwice = errors.New("stands twice; it may stand once")

func parseZoneTTL(d *Directive, l line) error {
	if d.seen.ttl {
		return errTwice
	}
	d.seen.ttl = true
	if len(l.args()) != 1 {
		return fmt.Errorf("%q is not one duration; write ttl DURATION, as in ttl 60", strings.Join(l.args(), " "))
	}
	var err error
	d.TTL, err = parseDuration(l.args()[0])
	return err
}

func parseSOA(d *Directive, l line) error {
	args := l.args()
	if d.SOA != nil {
		return errTwice
	}
	if len(args) == 7 || len(args) > 2 && isSerial(args[2]) {
		return fmt.Errorf("%q: no serial is written: it is the time of the load that changed the zone; leave %q out: MNAME RNAME [REFRESH RETRY EXPIRE MINIMUM]",
			strings.Join(args, " "), args[2])
	}
	if len(args) < 2 || len(args) > 6 {
		return fmt.Errorf("%q is not MNAME RNAME [REFRESH RETRY EXPIRE MINIMUM]", strings.Join(args, " "))
	}
	d.SOA = &SOA{Position: l.Position, MName: args[0], RName: args[1]}
	if local, domain, ok := strings.Cut(d.SOA.RName, "@"); ok {
		return fmt.Errorf("%q: an RNAME is a mail address written as a name: %q", d.SOA.RName, strings.ReplaceAll(local, ".", `\.`)+"."+domain+".")
	}
	for _, name := range args[:2] {
		if err := d.validateRDataName(name); err != nil {
			return err
		}
	}
	for _, arg := range args[2:] {
		timer, err := parseDuration(arg)
		if err != nil {
			return err
		}
		d.SOA.Timers = append(d.SOA.Timers, timer)
	}
	return nil
}

// isSerial reports whether a text looks like the serial of an SOA (a date or a time) rather than a
// timer.
func isSerial(text string) bool {
	const digits = 8 // of a date; as a timer it would be more than 115 days
	return len(text) >= digits && strings.Trim(text, "0123456789") == ""
}

func parseNS(d *Directive, l line) error {
	args := l.args()
	if len(args) == 0 {
		return errors.New("no name; write ns NAME [ADDRESS...]")
	}
	ns := NameServer{Position: l.Position, Name: args[0]}
	if err := d.validateRDataName(ns.Name); err != nil {
		return err
	}
	if full, _ := FullName(ns.Name, d.Zones[0], d.Index); len(args) > 1 && d.ZoneOf(strings.ToLower(full)) == "" {
		return fmt.Errorf("%q is outside the zones of this block, where its addresses belong; leave them out, or name a server in %s", full, strings.Join(d.Zones, " "))
	}
	for _, arg := range args[1:] {
		addresses, err := parseAddresses(arg, dns.TypeNone)
		if err != nil {
			return err
		}
		ns.addresses = append(ns.addresses, addresses...)
	}
	d.NameServers = append(d.NameServers, ns)
	return nil
}

func parseECS(d *Directive, l line) error {
	if d.ECS {
		return errTwice
	}
	d.ECS = true
	if len(l.args()) > 0 {
		return fmt.Errorf("%q: nothing follows ecs", strings.Join(l.args(), " "))
	}
	return nil
}

func parseFastpath(d *Directive, l line) error {
	if d.Fastpath {
		return errTwice
	}
	d.Fastpath = true
	if len(l.args()) > 0 {
		return fmt.Errorf("%q: nothing follows fastpath", strings.Join(l.args(), " "))
	}
	return nil
}

func parseFallthrough(d *Directive, l line) error {
	if d.seen.fall {
		return errTwice
	}
	d.seen.fall = true
	zones, err := d.around.zones(l.args(), []string{"."})
	if err != nil {
		return err
	}
	around := d.Index.around()
	for _, zone := range zones {
		if !around[zone] && d.ZoneOf(zone) == "" { // it contains no name of the block's zones
			return fmt.Errorf("%q is neither in nor above the zones of this block: %s", zone, strings.Join(d.Zones, " "))
		}
	}
	d.Fallthrough, d.Through = zones, newZoneIndex(zones)
	return nil
}
