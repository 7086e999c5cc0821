package roundrobin53

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

// checkLine is a check line and its block: something to probe, or so many of other checks.
type checkLine struct {
	position
	name    string
	probe   *health.Check // nil if the check is made of others
	connect netip.Addr    // where a probe connects to; the zero Addr: to the value
	need    int           // of a check made of others: how many of them have to be up
	members []string
	invert  bool // of a check made of others: so many may not be up

	// Known when the whole block is read.
	probes []*checkLine // what it is made of in the end, each once
	meant  *checkLine   // itself, or what a check made of one other comes to
	turns  bool         // it is the opposite of that

	words []string // what was written behind the name
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
	// minPeriod keeps a typo in the Corefile from turning the probes into a flood.
	minPeriod = 100 * time.Millisecond
	// maxPeriod is a day: nobody waits that long for a verdict.
	maxPeriod = 24 * time.Hour
)

// maxRuns bounds rise and fall: more results in a row than these take hours to come.
const maxRuns = 1000

// scheme is a kind of probe, by the scheme of its URL.
type scheme struct {
	port     string // the default; "" if there is none
	verifies bool   // it verifies a certificate
	http     bool
	path     bool // the URL may have a path
}

var schemes = map[string]scheme{
	"tcp":   {},
	"tls":   {verifies: true},
	"http":  {port: "80", http: true, path: true},
	"https": {port: "443", verifies: true, http: true, path: true},
	"grpc":  {path: true},
	"grpcs": {verifies: true, path: true},
}

const schemeNames = "tcp, tls, http, https, grpc and grpcs"

const checkUsage = "check NAME URL, or check NAME N of NAME..."

// parseCheck reads a check line and its block.
func parseCheck(r lineReader, d *directive, l line) error {
	check := &checkLine{position: l.position, root: r.around.Root, seen: make(map[string]bool)}
	if err := check.parse(d, l.args()); err != nil {
		return l.errorf("check: %w", err)
	}
	if l.opens {
		err := r.block(l, func(l line) error {
			if l.opens {
				return l.errorf("%s: takes no block", l.word())
			}
			return check.set(l)
		})
		if err != nil {
			return err
		}
	}
	if err := check.finish(d); err != nil {
		return l.errorf("check: %w", err)
	}
	d.checks = append(d.checks, check)
	d.checkByName[check.name] = check
	return nil
}

// parse reads NAME and what is behind it.
func (c *checkLine) parse(d *directive, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("%q is not a name and a URL; write %s", withoutUser(strings.Join(args, " ")), checkUsage)
	}
	c.name, c.words = args[0], args[1:]
	if err := checkWord(c.name); err != nil {
		return err
	}
	if other := d.check(c.name); other != nil {
		return fmt.Errorf("%q is defined already, at %s", c.name, other.position)
	}
	if len(args) > 2 && args[2] == "of" {
		return c.parseMembers(args[1], args[3:])
	}
	if len(args) > 2 { // which may be a secret
		return fmt.Errorf("%s behind the URL; the options of a check stand in its block, each on a line of its own", plural(len(args)-2, "more word", "more words"))
	}
	return c.parseURL(args[1])
}

// checkWord tells whether a word can be the name of a check or a network.
func checkWord(name string) error {
	if name == "" {
		return errors.New(`"" is not a name; is it an {$ENV} variable that is not set?`)
	}
	if _, ok := options[name]; ok || name == "none" || name == "of" {
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
func (c *checkLine) parseMembers(need string, members []string) (err error) {
	if len(members) == 0 {
		return errors.New("no check follows of; as in check NAME N of NAME... with at least one name")
	}
	if twice, ok := firstDuplicate(members); ok {
		return fmt.Errorf("%q stands twice", twice)
	}
	c.members = members
	if c.need, err = parseNumber(need, 1, len(members)); err != nil {
		err = fmt.Errorf("%w, which is how many checks follow", err)
	}
	return err
}

// finish sets the defaults and checks what can be told of a check alone.
func (c *checkLine) finish(d *directive) error {
	p := c.probe
	if p == nil {
		return nil
	}
	c.setDefaults()
	switch verifies := schemes[p.Scheme].verifies && !p.Insecure; {
	case p.Timeout > p.Interval:
		return fmt.Errorf("timeout %s is longer than the interval, %s: a probe ends before the next begins", p.Timeout, p.Interval)
	case p.Insecure && p.Roots != nil:
		return errors.New("ca and insecure: a certificate is verified or it is not")
	case verifies && p.Name == "" && !c.connect.IsValid():
		return fmt.Errorf("%q has no host, which the certificate is to be for; write %s://NAME:%d, where the name is never looked up, %s://ADDRESS:%d to connect to one address, or insecure in its block",
			c.words[0], p.Scheme, p.Port, p.Scheme, p.Port)
	case verifies && p.Roots == nil:
		return c.setSystemRoots(d)
	}
	return nil
}

// setSystemRoots makes a check trust the certificates of the system. They are read now: what is in the way of it, such as
// a lack of descriptors, would otherwise show with the first probe, as a value that is down.
func (c *checkLine) setSystemRoots(d *directive) (err error) {
	if d.systemRoots == nil {
		if d.systemRoots, err = x509.SystemCertPool(); err != nil {
			return fmt.Errorf("the certificates of this system can't be read: %w; mend that, or write ca FILE in its block", err)
		}
	}
	c.probe.Roots = d.systemRoots
	return nil
}

func (c *checkLine) setDefaults() {
	p := c.probe
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
