// Package override reads and writes state files: what an operator decides at run time, beside the
// Corefile. A state file drains values, sets verdicts of checks, or gives values another weight, for
// good or until a time.
//
// A file is taken whole or not at all. An error names file and line, quotes what was read and says
// what is accepted. The package knows neither records nor checks: the store decides what entries
// mean for it.
package override

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// Action says how an entry treats a value.
type Action uint8

// The actions.
const (
	Drain  Action = iota // the value is never answered
	Down                 // a check of the value is taken for failed
	Up                   // a check of the value is taken for passed
	Weight               // the value has a weight of its own
)

// actions are the words of actions, by Action.
var actions = [...]string{"drain", "down", "up", "weight"}

// Actions returns the words of all actions.
func Actions() []string { return actions[:] }

// String returns the word of an action.
func (a Action) String() string { return actions[a] }

// Any stands for all names or checks.
const Any = "*"

// An Entry is one line of a state file.
type Entry struct {
	Line   int
	Action Action
	Name   string    // an owner name or, with Down and Up, the name of a check, as written; or Any
	Value  string    // an address as netip writes it, or a whole name in lower case: a CNAME's target, or a name that is looked up
	Weight int       // of the action Weight
	Until  time.Time // when it ends; the zero time for never
}

// Holds reports whether the entry still counts.
func (e *Entry) Holds(now time.Time) bool { return e.Until.IsZero() || now.Before(e.Until) }

// String writes an entry as a line of a file.
func (e *Entry) String() string {
	text := fmt.Sprintf("%s %s %s", e.Action, e.Name, e.Value)
	if e.Action == Weight {
		text += fmt.Sprintf(" %d", e.Weight)
	}
	if !e.Until.IsZero() {
		text += " until " + e.Until.UTC().Format(time.RFC3339)
	}
	return text
}

// An Error is an error about one line of a state file.
type Error struct {
	File string
	Line int
	err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.err) }

// Unwrap returns the error without its position.
func (e *Error) Unwrap() error { return e.err }

// usage says how a line is written.
const usage = "ACTION NAME|CHECK VALUE [WEIGHT] [until TIME]"

// Parse reads a state file. Name is the file's, for errors.
func Parse(name string, data []byte) ([]Entry, error) {
	var entries []Entry
	known := make(map[subject]int)
	text := string(data)
	number := 0
	for line := range strings.Lines(text) {
		number++
		if !strings.HasSuffix(line, "\n") {
			return nil, &Error{name, number, fmt.Errorf("the last line, %q, has no end: the file is not complete, or lacks its final line feed", clip(line))}
		}
		e, err := parseLine(line)
		if err != nil {
			return nil, &Error{name, number, err}
		}
		if e == nil {
			continue
		}
		e.Line = number
		if i, twice := known[e.subject()]; twice {
			return nil, &Error{name, number, fmt.Errorf("%q: line %d says of the same, %q; one line may", clip(line), entries[i].Line, entries[i].String())}
		}
		known[e.subject()] = len(entries)
		entries = append(entries, *e)
	}
	return entries, nil
}

// A subject names a decision that only one line of a file may make. Down and up are one decision.
type subject struct {
	action      Action
	name, value string
}

func (e *Entry) subject() subject {
	action := e.Action
	if action == Up {
		action = Down
	}
	return subject{action, strings.ToLower(e.Name), e.Value}
}

// mostQuoted limits what an error quotes of a line.
const mostQuoted = 80

func clip(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > mostQuoted {
		return line[:mostQuoted] + "…"
	}
	return line
}

// parseLine reads a line. It returns nil for one that says nothing.
func parseLine(line string) (*Entry, error) {
	content, _, _ := strings.Cut(line, "#")
	words := strings.Fields(content)
	if len(words) == 0 {
		return nil, nil //nolint:nilnil // neither an entry nor an error
	}
	action := slices.Index(actions[:], words[0])
	if action < 0 {
		return nil, fmt.Errorf("%q is not an action; the actions are %s", clip(words[0]), strings.Join(actions[:], ", "))
	}
	e := &Entry{Action: Action(action)}
	if len(words) < 3 {
		return nil, fmt.Errorf("%q is not %s", clip(content), usage)
	}
	e.Name = words[1]
	if err := e.Validate(); err != nil {
		return nil, err
	}
	var err error
	if e.Value, err = ParseValue(words[2]); err != nil {
		return nil, err
	}
	words = words[3:]
	if e.Action == Weight {
		if len(words) == 0 {
			return nil, fmt.Errorf("%q has no weight; write weight NAME VALUE WEIGHT", clip(content))
		}
		if e.Weight, err = parseWeight(words[0]); err != nil {
			return nil, err
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return e, nil
	}
	if words[0] != "until" || len(words) != 2 {
		return nil, fmt.Errorf("%q is not until TIME, which is all that may follow", clip(strings.Join(words, " ")))
	}
	e.Until, err = ParseTime(words[1])
	return e, err
}

// Validate returns an error unless the name of the entry can be one. Names of checks are free, as
// far as they are a word of a line.
func (e *Entry) Validate() error {
	if words := strings.Fields(e.Name); len(words) != 1 || words[0] != e.Name || strings.Contains(e.Name, "#") {
		return fmt.Errorf("%q is not a name: it is not one word without #", clip(e.Name))
	}
	if e.Action == Down || e.Action == Up {
		if !utf8.ValidString(e.Name) {
			return fmt.Errorf("%q is not the name of a check, since it is not UTF-8 text", clip(e.Name))
		}
		return nil
	}
	if e.Name == Any || e.Name == "@" {
		return nil
	}
	if err := validateASCII(e.Name); err != nil {
		return err
	}
	if _, ok := dns.IsDomainName(e.Name); !ok {
		return fmt.Errorf("%q is not a name; it may be a name of the block, @ for the apex, or %s for all", clip(e.Name), Any)
	}
	return nil
}

// validateASCII returns an error if a name is not ASCII, as names in DNS are. Octets of no character
// would not stay what they are in lower case.
func validateASCII(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return fmt.Errorf("%q is not ASCII; write an internationalized name in its xn-- form", clip(name))
	}
	return nil
}

// ParseValue reads a value: an address, or a whole name with its final dot.
func ParseValue(text string) (string, error) {
	if err := validateASCII(text); err != nil {
		return "", err
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), nil
	}
	if _, ok := dns.IsDomainName(text); ok && dns.IsFqdn(text) && !strings.ContainsAny(text, " \t\r\n#") {
		return strings.ToLower(text), nil
	}
	return "", fmt.Errorf("%q is not a value; it is an address, or a whole name with its final dot: the target of a CNAME, or a name that is looked up", clip(text))
}

// MaxWeight is the largest weight, as in SRV records (RFC 2782).
const MaxWeight = 65535

func parseWeight(text string) (int, error) {
	weight, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a weight; it is a whole number from 0 to %d", clip(text), MaxWeight)
	}
	return int(weight), nil
}

// ParseTime reads a point in time as RFC 3339 writes it.
func ParseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is not a time; it is written as 2026-12-01T04:00:00Z (RFC 3339)", clip(text))
	}
	return at, nil
}
