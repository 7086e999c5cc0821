package roundrobin53

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/http/httpguts"

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
	words   []string // what was written behind the name
	ca      string   // the file of the certificates that a probe trusts
	root    string   // the directory of relative file names
	seen    map[string]bool
}

// The defaults of a check.
const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 4 * time.Second
	defaultRise     = 2
	defaultFall     = 3
)

var defaultStatus = []health.StatusRange{{First: 200, Last: 399}}

// minInterval keeps a typo in the Corefile from turning the probes into a flood.
const minInterval = time.Second

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
	check := &checkLine{position: l.position, root: r.root(), seen: make(map[string]bool)}
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
	if err := check.finish(); err != nil {
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
		return fmt.Errorf("%s behind the URL; the options of a check stand in its block, each on a line of its own", count(len(args)-2, "more word", "more words"))
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

// userInURL is a user and password in a URL, which no error may show.
var userInURL = regexp.MustCompile(`//[^/ ]*@`)

func withoutUser(text string) string { return userInURL.ReplaceAllString(text, "//") }

// parseURL reads where and how to probe.
func (c *checkLine) parseURL(text string) error {
	shown := withoutUser(text)
	u, err := url.Parse(text)
	if err != nil || !strings.Contains(text, "://") {
		u = new(url.URL) // and what is wrong with it says less than how it is written
	}
	kind, ok := schemes[u.Scheme]
	port := u.Port()
	switch {
	case err != nil && strings.Count(text, ":") > 3 && !strings.Contains(text, "["):
		return fmt.Errorf("%q is not a URL; an IPv6 address stands in brackets, as in http://[2001:db8::1]:8080/", shown)
	case !ok:
		return fmt.Errorf("%q is not a URL with one of the schemes %s, as in http://:8080/healthz or tcp://:5432", shown, schemeNames)
	case u.User != nil:
		return errors.New("a user and password in the URL; send a header, which no log shows")
	case isNumber(u.Hostname()):
		return fmt.Errorf("%q: %s is a host; a port alone is written %s://:%s", shown, u.Hostname(), u.Scheme, u.Hostname())
	case port == "" && kind.port == "":
		return fmt.Errorf("%q: %s has no default port; write %s://%s:PORT", shown, u.Scheme, u.Scheme, u.Host)
	case !kind.path && (u.Path != "" || u.RawQuery != ""):
		return fmt.Errorf("%q: %s has no path", shown, u.Scheme)
	case !kind.http && u.RawQuery != "":
		return fmt.Errorf("%q: %s has no query", shown, u.Scheme)
	case u.Fragment != "":
		return fmt.Errorf("%q: what stands behind # is not sent; leave it out", shown)
	}
	if port == "" {
		port = kind.port
	}
	number, err := parseNumber(port, 1, 65535)
	if err != nil {
		return fmt.Errorf("%q: port %w", shown, err)
	}
	c.probe = &health.Check{Scheme: u.Scheme, Port: uint16(number), Status: defaultStatus}
	if kind.http {
		c.probe.Path = u.RequestURI()
	} else {
		c.probe.Path = strings.TrimPrefix(u.Path, "/") // of gRPC: the service
	}
	if err := c.setHost(u.Hostname()); err != nil {
		return fmt.Errorf("%q: %w", shown, err)
	}
	return nil
}

// setHost sets where the probe connects to, or the name that it uses.
func (c *checkLine) setHost(host string) error {
	addr, notAddress := netip.ParseAddr(host)
	_, notName := canonical(host)
	switch {
	case host == "": // to the value
	case notAddress == nil && (addr.Zone() != "" || addr.Is4In6()):
		return fmt.Errorf("%s is neither a plain address nor a name", host)
	case notAddress == nil:
		c.connect = addr
	case notName != nil || strings.Contains(host, "*") || isNumber(topLabel(dns.Fqdn(host))): // no top-level domain is a number
		return fmt.Errorf("the host %q is neither an address nor a name", host)
	default:
		c.probe.Name = host
	}
	return nil
}

// isNumber reports whether a text is of digits alone.
func isNumber(text string) bool {
	text = strings.TrimSuffix(text, ".")
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// checkOption is an option of a check.
type checkOption struct {
	usage  string
	args   int
	scheme func(scheme) bool // which schemes have it; nil for all
	read   func(c *checkLine, args []string) error
}

var checkOptions = map[string]checkOption{
	"interval": {"interval DURATION", 1, nil, readInterval},
	"timeout":  {"timeout DURATION", 1, nil, readTimeout},
	"rise":     {"rise N", 1, nil, readRise},
	"fall":     {"fall N", 1, nil, readFall},
	"status":   {"status CODE... | FIRST-LAST...", some, scheme.isHTTP, readStatus},
	"body":     {"body TEXT", 1, scheme.isHTTP, readBody},
	"header":   {"header NAME VALUE", 2, scheme.isHTTP, readHeader},
	"ca":       {"ca FILE", 1, scheme.isVerifying, readCA},
	"insecure": {"insecure", 0, scheme.isVerifying, readInsecure},
	"invert":   {"invert", 0, nil, readInvert},
}

const checkOptionNames = "interval, timeout, rise, fall, status, body, header, ca, insecure and invert"

func (s scheme) isHTTP() bool      { return s.http }
func (s scheme) isVerifying() bool { return s.verifies }

// set gives the check the option of a line.
func (c *checkLine) set(l line) error {
	name := l.word()
	_, ok := checkOptions[name]
	switch {
	case !ok && isDirectiveWord(name):
		return l.errorf("%q is not an option of check; is the closing brace of the check at %s missing?", name, c.position)
	case !ok:
		return l.errorf("%q is not an option of check; the options are %s", name, checkOptionNames)
	}
	if err := c.setOption(name, l.args()); err != nil {
		return l.errorf("%s: %w", name, err)
	}
	return nil
}

func (c *checkLine) setOption(name string, args []string) error {
	opt := checkOptions[name]
	switch {
	case c.probe == nil:
		return errors.New("a check made of others has no options; they are those of the others")
	case opt.scheme != nil && !opt.scheme(schemes[c.probe.Scheme]):
		return fmt.Errorf("does not apply to %s", c.probe.Scheme)
	case len(args) == 0 && opt.args != 0:
		return fmt.Errorf("nothing follows it; write %s", opt.usage)
	case opt.args != some && len(args) != opt.args: // which may be a secret
		return fmt.Errorf("%s behind it; write %s", count(len(args), "word", "words"), opt.usage)
	case c.seen[name] && name != "header":
		return errTwice
	}
	c.seen[name] = true
	return opt.read(c, args)
}

func readInterval(c *checkLine, args []string) (err error) {
	c.probe.Interval, err = parsePeriod(args[0])
	return err
}

func readTimeout(c *checkLine, args []string) (err error) {
	c.probe.Timeout, err = parsePeriod(args[0])
	return err
}

// parsePeriod reads a DURATION of at least a second.
func parsePeriod(text string) (time.Duration, error) {
	seconds, err := parseDuration(text)
	period := time.Duration(seconds) * time.Second
	if err != nil || period < minInterval || seconds > maxPeriod {
		return 0, fmt.Errorf("%q is not a duration from %s to a day, in whole seconds", text, minInterval)
	}
	return period, nil
}

// maxPeriod is a day, in seconds: nobody waits that long for a verdict.
const maxPeriod = 86400

func readRise(c *checkLine, args []string) (err error) {
	c.probe.Rise, err = parseNumber(args[0], 1, maxRuns)
	return err
}

func readFall(c *checkLine, args []string) (err error) {
	c.probe.Fall, err = parseNumber(args[0], 1, maxRuns)
	return err
}

func readStatus(c *checkLine, args []string) error {
	c.probe.Status = nil
	for _, arg := range args {
		first, last, isRange := strings.Cut(arg, "-")
		if !isRange {
			last = first
		}
		low, lowErr := parseNumber(first, 100, 599)
		high, highErr := parseNumber(last, 100, 599)
		if lowErr != nil || highErr != nil || low > high {
			return fmt.Errorf("%q is neither a status code nor a range of them, as in 200 or 200-399", arg)
		}
		c.probe.Status = append(c.probe.Status, health.StatusRange{First: low, Last: high})
	}
	return nil
}

func readBody(c *checkLine, args []string) error {
	c.probe.Body = args[0]
	if args[0] == "" || len(args[0]) > health.BodyLimit {
		return fmt.Errorf("%q is not a text of 1 to %d octets", args[0], health.BodyLimit)
	}
	return nil
}

// headersOfRequest are the fields that a request has by itself.
var headersOfRequest = []string{"Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Upgrade"}

func readHeader(c *checkLine, args []string) error {
	name := http.CanonicalHeaderKey(args[0])
	isSame := func(field health.HeaderField) bool { return field.Name == name }
	switch {
	case !httpguts.ValidHeaderFieldName(name) || slices.Contains(headersOfRequest, name):
		return fmt.Errorf("%q is not the name of a header that a request can be given", args[0])
	case !httpguts.ValidHeaderFieldValue(args[1]):
		return fmt.Errorf("the value of %s is not that of a header", name) // it may be a secret
	case args[1] == "":
		return fmt.Errorf("%s has no value; is it an {$ENV} variable that is not set?", name)
	case slices.ContainsFunc(c.probe.Header, isSame):
		return fmt.Errorf("%s stands twice", name)
	}
	c.probe.Header = append(c.probe.Header, health.HeaderField{Name: name, Value: args[1]})
	return nil
}

func readCA(c *checkLine, args []string) error {
	c.ca = args[0]
	file := c.ca
	if !filepath.IsAbs(file) {
		file = filepath.Join(c.root, file)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%q holds no certificate in PEM form", file)
	}
	c.probe.Roots, c.probe.RootsPEM = roots, string(pem)
	return nil
}

func readInsecure(c *checkLine, _ []string) error {
	c.probe.Insecure = true
	return nil
}

func readInvert(c *checkLine, _ []string) error {
	c.probe.Invert = true
	return nil
}

// finish sets the defaults and checks what can be told of a check alone.
func (c *checkLine) finish() error {
	p := c.probe
	if p == nil {
		return nil
	}
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
	switch {
	case p.Timeout > p.Interval:
		return fmt.Errorf("timeout %s is longer than the interval, %s: a probe ends before the next begins", p.Timeout, p.Interval)
	case p.Insecure && p.Roots != nil:
		return errors.New("ca and insecure: a certificate is verified or it is not")
	case schemes[p.Scheme].verifies && p.Name == "" && !p.Insecure:
		return fmt.Errorf("%q has no host name, which the certificate is to be for; write %s://NAME:%d, which is never looked up, or insecure in its block",
			c.words[0], p.Scheme, p.Port)
	}
	return nil
}
