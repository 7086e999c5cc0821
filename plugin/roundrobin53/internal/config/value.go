package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// ValueLine holds the values of a record line or a value line, and their options.
type ValueLine struct {
	Position
	addresses []netip.Addr  // of A and AAAA
	names     []string      // of CNAME; of A and AAAA names whose addresses are values; as written
	opts      *ValueOptions // nil: none
}

// ValueOptions are the options of a line's values.
type ValueOptions struct {
	Weight   int
	Priority int
	from     []string // networks: their names, or CIDR
	geo      []string // places, as route.ParsePlace writes them
	At       Location
	checks   []string // instead of the record's; empty but not nil: check none
	Target   netip.Addr
	Drain    bool
	Seen     struct{ weight, priority, At bool }
}

// Location is a point on the globe, in degrees.
type Location struct{ Latitude, Longitude float64 }

// The defaults of a value's options.
const (
	defaultWeight   = 1
	defaultPriority = 1
)

// plainOptions are the options of a line that has none.
var plainOptions = &ValueOptions{Weight: defaultWeight, Priority: defaultPriority}

// options returns the options of the line for changing.
func (v *ValueLine) options() *ValueOptions {
	if v.opts == nil {
		opts := *plainOptions
		v.opts = &opts
	}
	return v.opts
}

// said returns the options of the line for reading.
func (v *ValueLine) said() *ValueOptions {
	if v.opts == nil {
		return plainOptions
	}
	return v.opts
}

// first returns the line's first value, for messages.
func (v *ValueLine) first() string {
	if len(v.names) > 0 {
		return v.names[0]
	}
	return v.addresses[0].String()
}

// isEmpty reports whether the line has no value.
func (v *ValueLine) isEmpty() bool { return len(v.addresses)+len(v.names) == 0 }

// add reads a VALUE of an A, AAAA or CNAME record.
func (v *ValueLine) add(rec *Record, word string) error {
	if rec.rrtype == dns.TypeCNAME {
		if word == "" {
			return errors.New(`CNAME: "" is not a name; is it an {$ENV} variable that is not set?`)
		}
		if !v.isEmpty() && !dns.IsFqdn(word) { // else a mistyped option would be a name
			return fmt.Errorf("CNAME: %q is not an option (%s), and a further name on a line needs its final dot", word, optionNames)
		}
		v.names = append(v.names, word)
		return nil
	}
	if slices.ContainsFunc(strings.Fields(word), isWholeName) {
		return v.addMixed(rec, word)
	}
	addresses, err := parseAddresses(word, rec.rrtype)
	switch {
	case err != nil && addressHint(word) == "":
		return fmt.Errorf("%w%s", err, nameHint(word))
	case err != nil:
		return err
	}
	v.addresses = append(v.addresses, addresses...)
	return nil
}

// parseValueLine reads VALUE... [OPTION...] behind the word value.
func (rec *Record) parseValueLine(l line) error {
	v := &ValueLine{Position: l.Position}
	words := l.args()
	for len(words) > 0 {
		if options.has(words[0]) {
			break
		}
		if err := v.add(rec, words[0]); err != nil {
			if v.isEmpty() || rec.explains(words[0]) {
				return err
			}
			return fmt.Errorf("%w, nor an option (%s)", err, valueOptionNames)
		}
		words = words[1:]
	}
	if v.isEmpty() {
		return errors.New("no value follows it; write value VALUE... [OPTION...]")
	}
	rec.values = append(rec.values, v)
	return readOptions(words, valueOptionNames, func(_ string, opt option, args []string) error {
		if opt.value == nil {
			return errors.New("applies to the whole record; give it a line of its own in the block")
		}
		return opt.value(v.options(), args)
	})
}

func readWeight(opts *ValueOptions, args []string) (err error) {
	if err := isOnce(&opts.Seen.weight); err != nil {
		return err
	}
	const most = 65535 // as in SRV records (RFC 2782); Route 53 has 255
	opts.Weight, err = parseNumber(args[0], 0, most)
	return err
}

func readPriority(opts *ValueOptions, args []string) (err error) {
	if err := isOnce(&opts.Seen.priority); err != nil {
		return err
	}
	const most = 65535
	opts.Priority, err = parseNumber(args[0], 1, most)
	return err
}

func readFrom(opts *ValueOptions, args []string) error {
	if opts.from != nil {
		return errors.New("stands twice; write all networks behind one from")
	}
	for _, arg := range args {
		words := strings.Fields(arg) // an {$ENV} variable may hold several
		if len(words) == 0 {
			return fmt.Errorf("%q is not a network; is it an {$ENV} variable that is not set?", arg)
		}
		opts.from = append(opts.from, words...)
	}
	if twice, ok := firstDuplicate(opts.from); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	return nil
}

func readGeo(opts *ValueOptions, args []string) error {
	if opts.geo != nil {
		return errors.New("stands twice; write all places behind one geo")
	}
	for _, arg := range args {
		place, err := route.ParsePlace(arg)
		switch {
		case strings.Contains(arg, ","):
			return fmt.Errorf("%q is not a place; places are separated by spaces alone", arg)
		case meansEveryone(arg):
			return fmt.Errorf("%q is not a place; values without geo are for the clients that no other is for", arg)
		case err != nil:
			return err
		}
		opts.geo = append(opts.geo, place)
	}
	if twice, ok := firstDuplicate(opts.geo); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	return nil
}

// meansEveryone reports whether a word is one that people write for "all clients".
func meansEveryone(word string) bool {
	return slices.Contains([]string{"*", "any", "all", ForAll, "everyone", "world"}, strings.ToLower(word))
}

func readAt(opts *ValueOptions, args []string) error {
	if err := isOnce(&opts.Seen.At); err != nil {
		return err
	}
	latitude, longitude, _ := strings.Cut(args[0], ",")
	var ok bool
	if opts.At, ok = ParseLocation(latitude, longitude); !ok {
		return fmt.Errorf("%q is not a latitude from -90 to 90 and a longitude from -180 to 180 in degrees, as in 50.11,8.68", args[0])
	}
	return nil
}

// ParseLocation reads a point on the globe. It reports false if the texts are not one.
func ParseLocation(latitude, longitude string) (Location, bool) {
	lat, latErr := strconv.ParseFloat(latitude, 64)
	lon, lonErr := strconv.ParseFloat(longitude, 64)
	isPlace := lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180 // false for what is not a number
	return Location{lat, lon}, latErr == nil && lonErr == nil && isPlace
}

func readValueCheck(opts *ValueOptions, args []string) (err error) {
	if opts.checks != nil {
		return errors.New("stands twice; write all names behind one check: all of them must pass")
	}
	opts.checks, err = parseCheckNames(args)
	return err
}

func readTarget(opts *ValueOptions, args []string) (err error) {
	if opts.Target.IsValid() {
		return errTwice
	}
	opts.Target, err = parseAddress(args[0])
	return err
}

func readDrain(opts *ValueOptions, _ []string) error { return isOnce(&opts.Drain) }

// parseCheckNames reads NAME... | none.
func parseCheckNames(args []string) ([]string, error) {
	if slices.Equal(args, []string{"none"}) {
		return []string{}, nil
	}
	if slices.Contains(args, "none") {
		return nil, fmt.Errorf("%q: none stands alone", strings.Join(args, " "))
	}
	if twice, ok := firstDuplicate(args); ok {
		return nil, fmt.Errorf("%q stands twice", twice)
	}
	return args, nil
}
