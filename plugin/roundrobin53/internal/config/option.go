package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// option is an option of a record or of values. It stands behind the values of a line, or on a line
// of the record's block.
type option struct {
	usage  string                                        // how it is written
	args   int                                           // how many words follow it; some: one or more
	record func(rec *Record, args []string) error        // nil: only values have it
	value  func(opts *ValueOptions, args []string) error // for the values of a line; nil: only the whole record has it
}

const some = -1

// options holds the options of records and of values. The options of values apply to the values of
// their line; check applies to the whole record where it stands on the record line or on a line of
// its own.
var options = lexicon[option]{
	{"ttl", option{"ttl DURATION", 1, readTTL, nil}},
	{"order", option{"order " + strings.Join(orders.words(nil), " | "), 1, readOrder, nil}},
	{"answers", option{"answers N | all | line", 1, readAnswers, nil}},
	{"check", option{"check NAME... | none", some, readRecordCheck, readValueCheck}},
	{"min_up", option{"min_up N", 1, readMinUp, nil}},
	{"failback", option{"failback DURATION", 1, readFailback, nil}},
	{"all_down", option{"all_down all | none", 1, readAllDown, nil}},
	{"metrics", option{"metrics", 0, readMetrics, nil}},
	{"weight", option{"weight N", 1, nil, readWeight}},
	{"priority", option{"priority N", 1, nil, readPriority}},
	{"from", option{"from NETWORK...", some, nil, readFrom}},
	{"geo", option{"geo PLACE...", some, nil, readGeo}},
	{"at", option{"at LAT,LON", 1, nil, readAt}},
	{"target", option{"target ADDRESS", 1, nil, readTarget}},
	{"drain", option{"drain", 0, nil, readDrain}},
}

// The options that may stand in each place, for error messages.
var (
	optionNames       = list(options.words(nil))
	recordOptionNames = list(options.words(func(o option) bool { return o.record != nil }))
	valueOptionNames  = list(options.words(func(o option) bool { return o.value != nil }))
)

// readOptions reads OPTION... and hands each to read.
func readOptions(words []string, names string, read func(name string, opt option, args []string) error) error {
	for len(words) > 0 {
		name := words[0]
		opt, ok := options.find(name)
		if !ok {
			return fmt.Errorf("%q is not an option; values come first, and the options are %s", name, names)
		}
		n := opt.args
		if n == some {
			if n = slices.IndexFunc(words[1:], options.has); n < 0 {
				n = len(words) - 1
			}
		}
		if len(words) <= n || n == 0 && opt.args != 0 {
			return fmt.Errorf("%s: nothing follows it; write %s", name, opt.usage)
		}
		if err := read(name, opt, words[1:1+n]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		words = words[1+n:]
	}
	return nil
}

// readOnLine reads an option on the record line. An option of values applies to the values of that
// line.
func (rec *Record) readOnLine(name string, opt option, args []string) error {
	if err := rec.accepts(name); err != nil {
		return err
	}
	if opt.record != nil {
		return opt.record(rec, args)
	}
	return opt.value(rec.values[0].options(), args)
}

// accepts returns an error if an option does not apply to the record's type.
func (rec *Record) accepts(name string) error {
	if name != "ttl" && !rec.isPooled() {
		return fmt.Errorf("applies to A, AAAA and CNAME, not to %s", dns.TypeToString[rec.rrtype])
	}
	if name == "answers" && rec.rrtype == dns.TypeCNAME {
		return errors.New("an answer has exactly one CNAME; leave it out")
	}
	return nil
}

// isOnce marks an option as seen. It returns an error if the option was seen before.
func isOnce(seen *bool) error {
	if *seen {
		return errTwice
	}
	*seen = true
	return nil
}

func readTTL(rec *Record, args []string) (err error) {
	if rec.seen.ttl {
		return fmt.Errorf("%q, but the record has TTL %d already, from behind its name or from another ttl", args[0], rec.ttl)
	}
	rec.seen.ttl = true
	rec.ttl, err = parseDuration(args[0])
	return err
}

var orders = lexicon[pool.Order]{
	{pool.RoundRobin.String(), pool.RoundRobin},
	{pool.Random.String(), pool.Random},
	{pool.Sticky.String(), pool.Sticky},
	{pool.Nearest.String(), pool.Nearest},
}

func readOrder(rec *Record, args []string) error {
	if err := isOnce(&rec.seen.order); err != nil {
		return err
	}
	var ok bool
	if rec.Order, ok = orders.find(args[0]); !ok {
		return fmt.Errorf("%q is not an order; the orders are %s", args[0], list(orders.words(nil)))
	}
	return nil
}

func readAnswers(rec *Record, args []string) error {
	if err := isOnce(&rec.seen.answers); err != nil {
		return err
	}
	switch args[0] {
	case "all":
		return nil
	case "line":
		rec.ByLine = true
		return nil
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > pool.MaxEndpoints {
		return fmt.Errorf("%q is not a whole number from 1 to %d, nor the words all or line", args[0], pool.MaxEndpoints)
	}
	rec.Answers = n
	return nil
}

func readMetrics(rec *Record, _ []string) error { return isOnce(&rec.metrics) }

func readMinUp(rec *Record, args []string) (err error) {
	if err := isOnce(&rec.seen.minUp); err != nil {
		return err
	}
	rec.MinUp, err = parseNumber(args[0], 1, pool.MaxEndpoints)
	return err
}

func readFailback(rec *Record, args []string) error {
	if err := isOnce(&rec.seen.failback); err != nil {
		return err
	}
	seconds, err := parseDuration(args[0])
	rec.Failback = time.Duration(seconds) * time.Second
	return err
}

func readAllDown(rec *Record, args []string) error {
	if err := isOnce(&rec.seen.allDown); err != nil {
		return err
	}
	if args[0] != "all" && args[0] != "none" {
		return fmt.Errorf("%q is neither all (answer as if all values were up) nor none (answer without values)", args[0])
	}
	rec.NoneDown = args[0] == "none"
	return nil
}

func readRecordCheck(rec *Record, args []string) (err error) {
	if rec.checks != nil {
		return errors.New("stands twice; write all names behind one check: all of them must pass")
	}
	rec.checks, err = parseCheckNames(args)
	return err
}

// parseNumber reads a whole number in digits.
func parseNumber(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most || strings.HasPrefix(text, "+") {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, least, most)
	}
	return n, nil
}

// plural writes a number of things: 1 word, 2 words.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
