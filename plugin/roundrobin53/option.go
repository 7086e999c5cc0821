package roundrobin53

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// option is something a record may say after its values or in its block.
type option struct {
	read      func(rec *recordLine, arg string) error
	usage     string // how it is written
	args      int    // how many words follow
	addresses bool   // it applies to A and AAAA only
}

var options = map[string]option{
	"ttl":     {readTTL, "ttl DURATION", 1, false},
	"order":   {readOrder, "order round_robin | random", 1, true},
	"answers": {readAnswers, "answers N | all", 1, true},
	"metrics": {readMetrics, "metrics", 0, true},
}

const optionNames = "ttl, order, answers and metrics"

// parseRecord reads a record line and its block.
func parseRecord(r lineReader, d *directive, l line) error {
	rec := &recordLine{position: l.position}
	if err := rec.parse(d, l); err != nil {
		return l.errorf("record: %w", err)
	}
	if l.opens {
		err := r.block(l, func(l line) error { return rec.parseLine(l) })
		if err != nil {
			return err
		}
	}
	if len(rec.addresses) == 0 && rec.rrs == nil {
		return l.errorf("record: %q has no value; write record NAME [TTL] [TYPE] VALUE... [OPTION...]", rec.name)
	}
	d.records = append(d.records, rec)
	return nil
}

// parse reads NAME [TTL] [TYPE] VALUE... [OPTION...].
func (rec *recordLine) parse(d *directive, l line) error {
	words := l.args()
	if len(words) == 0 {
		return errors.New("no name; write record NAME [TTL] [TYPE] VALUE... [OPTION...]")
	}
	rec.name = words[0]
	var err error
	if rec.owners, err = owners(rec.name, d.zones); err != nil {
		return err
	}
	words = words[1:]
	if len(words) > 0 {
		if ttl, err := parseDuration(words[0]); err == nil {
			rec.ttl, rec.seen.ttl = ttl, true
			words = words[1:]
		}
	}
	if len(words) > 0 {
		rec.rrtype = dns.StringToType[strings.ToUpper(words[0])]
	}
	if rec.rrtype == dns.TypeNone {
		return rec.parseValues(words)
	}
	words = words[1:]
	if rec.isAddress() {
		return rec.parseValues(words)
	}
	return rec.parseRData(d, words)
}

// parseValues reads VALUE... [OPTION...].
func (rec *recordLine) parseValues(words []string) error {
	for len(words) > 0 {
		if _, ok := options[words[0]]; ok {
			break
		}
		addresses, err := parseAddresses(words[0], rec.rrtype)
		if err != nil {
			return rec.explain(words[0], err)
		}
		rec.addresses = append(rec.addresses, addresses...)
		words = words[1:]
	}
	for len(words) > 0 {
		name := words[0]
		opt, ok := options[name]
		if !ok {
			return fmt.Errorf("%q is not an option; values come first, and the options are %s", name, optionNames)
		}
		if len(words) <= opt.args {
			return fmt.Errorf("%s: nothing follows it; write %s", name, opt.usage)
		}
		if err := rec.set(name, words[1:1+opt.args]); err != nil {
			return err
		}
		words = words[1+opt.args:]
	}
	return nil
}

// explain adds to the error about a value what may have been meant by it.
func (rec *recordLine) explain(word string, err error) error {
	isNumber := strings.Trim(word, "0123456789") == ""
	_, notDuration := parseDuration(word)
	_, notAddress := netip.ParseAddr(word)
	switch {
	case notAddress == nil || word == "":
		return err
	case isNumber && notDuration != nil:
		return notDuration
	case notDuration == nil:
		return fmt.Errorf("%w; a TTL stands right behind the name", err)
	case strings.EqualFold(word, "IN"):
		return fmt.Errorf("%w; all records are of class IN, leave it out", err)
	case strings.HasSuffix(word, ","):
		return fmt.Errorf("%w; values are separated by spaces alone", err)
	case rec.rrtype == dns.TypeNone && len(rec.addresses) == 0:
		return fmt.Errorf("%w, nor a TTL or a type", err)
	}
	return fmt.Errorf("%w, nor an option (%s)", err, optionNames)
}

// parseLine reads a line of a record's block.
func (rec *recordLine) parseLine(l line) error {
	opt, known := options[l.word()]
	switch {
	case l.opens:
		return l.errorf("%s: takes no block", l.word())
	case l.word() == "value" && rec.isAddress():
		if len(l.args()) == 0 {
			return l.errorf("value: no address follows it")
		}
		for _, word := range l.args() {
			addresses, err := parseAddresses(word, rec.rrtype)
			if err != nil {
				return l.errorf("value: %w", err)
			}
			rec.addresses = append(rec.addresses, addresses...)
		}
		return nil
	case l.word() == "value":
		return l.errorf("value: applies to A and AAAA, not to %s, whose data stand on the record line", dns.TypeToString[rec.rrtype])
	case lineParsers[l.word()] != nil && !known, l.word() == "record":
		return l.errorf("%q is not an option of record; is the closing brace of the record at %s missing?", l.word(), rec.position)
	case !known:
		return l.errorf("%q is not an option of record; the options are value, %s", l.word(), optionNames)
	case len(l.args()) != opt.args:
		return l.errorf("%s: %q is %d words, not %d; write %s", l.word(), strings.Join(l.args(), " "), len(l.args()), opt.args, opt.usage)
	}
	if err := rec.set(l.word(), l.args()); err != nil {
		return l.errorf("%w", err)
	}
	return nil
}

// set gives the record an option.
func (rec *recordLine) set(name string, args []string) error {
	opt := options[name]
	if opt.addresses && !rec.isAddress() {
		return fmt.Errorf("%s: applies to A and AAAA, not to %s", name, dns.TypeToString[rec.rrtype])
	}
	if err := opt.read(rec, strings.Join(args, " ")); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// once marks an option as given.
func once(seen *bool) error {
	if *seen {
		return errTwice
	}
	*seen = true
	return nil
}

func readTTL(rec *recordLine, arg string) (err error) {
	if rec.seen.ttl {
		return fmt.Errorf("%q, but the record has TTL %d already, from behind its name or from another ttl", arg, rec.ttl)
	}
	rec.seen.ttl = true
	rec.ttl, err = parseDuration(arg)
	return err
}

func readOrder(rec *recordLine, arg string) error {
	if err := once(&rec.seen.order); err != nil {
		return err
	}
	switch arg {
	case "round_robin":
		rec.order = pool.RoundRobin
	case "random":
		rec.order = pool.Random
	default:
		return fmt.Errorf("%q is not an order; the orders are round_robin and random", arg)
	}
	return nil
}

func readAnswers(rec *recordLine, arg string) error {
	if err := once(&rec.seen.answers); err != nil {
		return err
	}
	if arg == "all" {
		return nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > pool.MaxEndpoints {
		return fmt.Errorf("%q is not a whole number from 1 to %d, nor the word all", arg, pool.MaxEndpoints)
	}
	rec.answers = n
	return nil
}

func readMetrics(rec *recordLine, _ string) error { return once(&rec.metrics) }

// parseAddresses reads the addresses of a word: one, or several separated by spaces, as an {$ENV} variable gives them.
// Type TypeNone takes both families.
func parseAddresses(word string, rrtype uint16) ([]netip.Addr, error) {
	texts := strings.Fields(word)
	if len(texts) == 0 {
		return nil, fmt.Errorf("%q is not an address; is it an {$ENV} variable that is not set?", word)
	}
	addresses := make([]netip.Addr, len(texts))
	for i, text := range texts {
		addr, err := netip.ParseAddr(text)
		switch {
		case err != nil || addr.Zone() != "":
			return nil, fmt.Errorf("%q is not %s", text, familyName(rrtype))
		case addr.Is4In6():
			return nil, fmt.Errorf("%q is an IPv4 address in IPv6 dress; write %q", text, addr.Unmap())
		case rrtype == dns.TypeA && !addr.Is4(), rrtype == dns.TypeAAAA && addr.Is4():
			return nil, fmt.Errorf("%q is not %s; a record without a type takes both families", text, familyName(rrtype))
		}
		addresses[i] = addr
	}
	return addresses, nil
}

func familyName(rrtype uint16) string {
	switch rrtype {
	case dns.TypeA:
		return "an IPv4 address"
	case dns.TypeAAAA:
		return "an IPv6 address"
	}
	return "an IPv4 or IPv6 address"
}
