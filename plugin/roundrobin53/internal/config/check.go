package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

// Check is a check line with its block. It is one probe, or at least N of several checks (check
// NAME N of NAME...).
type Check struct {
	Position
	Name    string
	Probe   *health.Check // nil if the check is made of others
	Connect netip.Addr    // the address that the probe connects to; not valid: the value
	Need    int           // how many members have to be up
	Members []string
	Invert  bool // with members: the check is up while fewer than Need members are up

	// Known when the whole block is read.
	Probes []*Check // the probes that it and its members are made of, each once
	Meant  *Check   // the check itself; if it has one member, the member's Meant
	Turns  bool     // it says the opposite of Meant

	words []string // as written behind the name
	ca    string   // the file of the certificates that a probe trusts
	root  string   // the directory of relative file names
	seen  map[string]bool
}

// The defaults of a check.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 4 * time.Second
	defaultRise     = 2
	defaultFall     = 3
)

var defaultStatus = []health.StatusRange{{First: 200, Last: 399}}

const (
	// minPeriod keeps a typing error from turning probes into a flood.
	minPeriod = 100 * time.Millisecond
	// maxPeriod is one day. Nobody waits longer for a verdict.
	maxPeriod = 24 * time.Hour
)

// maxRuns bounds rise and fall. More results in a row would take hours.
const maxRuns = 1000

const checkUsage = "check NAME URL, or check NAME N of NAME..."

// parseCheck reads a check line and its block.
func parseCheck(r lineReader, d *Directive, l line) error {
	check := &Check{Position: l.Position, root: r.around.Root, seen: make(map[string]bool)}
	if err := check.parse(d, l.args()); err != nil {
		return l.Errorf("check: %w", err)
	}
	if l.opens {
		if err := r.block(l, check.parseOption); err != nil {
			return err
		}
	}
	if err := check.finish(d); err != nil {
		return l.Errorf("check: %w", err)
	}
	d.checks = append(d.checks, check)
	d.checkByName[check.Name] = check
	return nil
}

// parse reads NAME URL, or NAME N of NAME...
func (c *Check) parse(d *Directive, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%q is not a name and a URL; write %s", withoutUser(strings.Join(args, " ")), checkUsage)
	}
	c.Name, c.words = args[0], args[1:]
	if err := validateWord(c.Name); err != nil {
		return err
	}
	if other := d.Check(c.Name); other != nil {
		return fmt.Errorf("%q is defined already, at %s", c.Name, other.Position)
	}
	if len(args) > 2 && args[2] == "of" {
		return c.parseMembers(args[1], args[3:])
	}
	if len(args) > 2 { // which may be a secret
		return fmt.Errorf("%s behind the URL; the options of a check stand in its block, each on a line of its own", plural(len(args)-2, "more word", "more words"))
	}
	return c.parseURL(args[1])
}

// validateWord returns an error if a word can't be the name of a check or a network.
func validateWord(name string) error {
	if name == "" {
		return errors.New(`"" is not a name; is it an {$ENV} variable that is not set?`)
	}
	if options.has(name) || name == "none" || name == "of" {
		return fmt.Errorf("%q can't be a name, since it means something else behind a record", name)
	}
	if strings.ContainsRune(name, utf8.RuneError) || strings.ContainsFunc(name, unicode.IsControl) { // caddy writes U+FFFD for what is not UTF-8
		return fmt.Errorf("%q can't be a name, since it is not UTF-8 text without control characters, which metrics and logs need", name)
	}
	if strings.ContainsAny(name, " \t\r\n\"") {
		return fmt.Errorf("%q can't be a name, since it is not one word", name)
	}
	return nil
}

// parseMembers reads N of NAME...
func (c *Check) parseMembers(need string, members []string) (err error) {
	if len(members) == 0 {
		return errors.New("no check follows of; as in check NAME N of NAME... with at least one name")
	}
	if twice, ok := firstDuplicate(members); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	c.Members = members
	if c.Need, err = parseNumber(need, 1, len(members)); err != nil {
		err = fmt.Errorf("%w, which is how many checks follow", err)
	}
	return err
}

// finish sets defaults and validates what does not depend on other lines.
func (c *Check) finish(d *Directive) error {
	p := c.Probe
	if p == nil {
		return nil
	}
	c.setDefaults()
	switch verifies := c.scheme().TLS && !p.Insecure; {
	case p.Timeout > p.Interval:
		return fmt.Errorf("timeout %s is longer than the interval, %s: a probe ends before the next begins", p.Timeout, p.Interval)
	case p.Send != "" && p.Expect == "":
		return errors.New("send without expect: nothing would be read; write expect TEXT in its block")
	case p.Insecure && p.Roots != nil:
		return errors.New("ca and insecure: a certificate is verified or it is not")
	case verifies && p.Name == "" && !c.Connect.IsValid():
		return fmt.Errorf("%q has no host, which the certificate is to be for; write %s://NAME:%d, where the name is never looked up, %s://ADDRESS:%d to connect to one address, or insecure in its block",
			c.words[0], p.Scheme, p.Port, p.Scheme, p.Port)
	case verifies && p.Roots == nil:
		return c.setSystemRoots(d)
	}
	return nil
}

// setSystemRoots makes a check trust the certificates of the system. It reads them now, so that a
// failure is an error of the Corefile; with the first probe it would take the value down.
func (c *Check) setSystemRoots(d *Directive) (err error) {
	if d.systemRoots == nil {
		if d.systemRoots, err = x509.SystemCertPool(); err != nil {
			return fmt.Errorf("the certificates of this system can't be read: %w; mend that, or write ca FILE in its block", err)
		}
	}
	c.Probe.Roots = d.systemRoots
	return nil
}

// scheme returns the kind of probe of a check that has one.
func (c *Check) scheme() health.Scheme {
	scheme, _ := health.SchemeOf(c.Probe.Scheme) // its URL was read
	return scheme
}

func (c *Check) setDefaults() {
	p := c.Probe
	if p.Interval == 0 {
		p.Interval = defaultInterval
	}
	if p.Timeout == 0 {
		p.Timeout = min(defaultTimeout, p.Interval)
	}
	if p.Rise == 0 {
		p.Rise = defaultRise
	}
	if p.Fall == 0 {
		p.Fall = defaultFall
	}
}
