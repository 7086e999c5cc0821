package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

// checkOption is one option that the block of a check can have.
type checkOption struct {
	usage  string
	args   int
	scheme func(health.Scheme) bool // reports which schemes have it; nil: all
	read   func(c *Check, args []string) error
}

var checkOptions = lexicon[checkOption]{
	{"interval", checkOption{"interval DURATION", 1, nil, readInterval}},
	{"timeout", checkOption{"timeout DURATION", 1, nil, readTimeout}},
	{"rise", checkOption{"rise N", 1, nil, readRise}},
	{"fall", checkOption{"fall N", 1, nil, readFall}},
	{"status", checkOption{"status CODE... | FIRST-LAST...", some, isHTTP, readStatus}},
	{"body", checkOption{"body TEXT", 1, isHTTP, readBody}},
	{"header", checkOption{headerUsage, some, isHTTP, readHeader}},
	{"send", checkOption{"send TEXT", 1, isText, readSend}},
	{"expect", checkOption{"expect TEXT", 1, isText, readExpect}},
	{"ca", checkOption{"ca FILE", 1, isTLS, readCA}},
	{"insecure", checkOption{"insecure", 0, isTLS, readInsecure}},
	{"invert", checkOption{"invert", 0, nil, readInvert}},
	{"address", checkOption{"address ADDRESS", 1, nil, readCheckAddress}},
}

const headerUsage = "header NAME VALUE"

func isHTTP(s health.Scheme) bool { return s.HTTP }
func isTLS(s health.Scheme) bool  { return s.TLS }
func isText(s health.Scheme) bool { return s.Text }

// parseOption reads a line of the block of a check.
func (c *Check) parseOption(l line) error {
	name := l.word()
	ok := checkOptions.has(name)
	switch {
	case !ok && directiveLines.has(name):
		return l.braceErrorf("%q is not an option of check; is the closing brace of the check at %s missing?", name, c.Position)
	case l.opens:
		return l.Errorf("%s: takes no block", name)
	case !ok:
		return l.Errorf("%q is not an option of check; the options are %s", name, list(checkOptions.words(nil)))
	}
	if err := c.readOption(name, l.args()); err != nil {
		return l.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *Check) readOption(name string, args []string) error {
	opt, _ := checkOptions.find(name) // the caller knows it
	switch {
	case c.Probe == nil && name != "invert":
		return errors.New("a check made of others has no option but invert; they are those of the others")
	case opt.scheme != nil && c.Probe != nil && !opt.scheme(c.scheme()):
		return fmt.Errorf("does not apply to %s", c.Probe.Scheme)
	case len(args) == 0 && opt.args != 0:
		return fmt.Errorf("nothing follows it; write %s", opt.usage)
	case opt.args != some && len(args) != opt.args: // which may be a secret
		return fmt.Errorf("%s behind it; write %s", plural(len(args), "word", "words"), opt.usage)
	case c.seen[name] && name != "header":
		return errTwice
	}
	c.seen[name] = true
	return opt.read(c, args)
}

func readInterval(c *Check, args []string) (err error) {
	c.Probe.Interval, err = parsePeriod(args[0])
	return err
}

func readTimeout(c *Check, args []string) (err error) {
	c.Probe.Timeout, err = parsePeriod(args[0])
	return err
}

// parsePeriod reads a DURATION of a check. Unlike other durations it may be given in milliseconds.
func parsePeriod(text string) (time.Duration, error) {
	period, err := parseMilliseconds(text)
	if !strings.HasSuffix(text, "ms") {
		var seconds uint32
		seconds, err = parseDuration(text)
		period = time.Duration(seconds) * time.Second
	}
	if err != nil || period < minPeriod || period > maxPeriod {
		return 0, fmt.Errorf("%q is not a duration from %s to a day, as in 500ms, 2s or 1m", text, minPeriod)
	}
	return period, nil
}

func parseMilliseconds(text string) (time.Duration, error) {
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "ms"), 10, 32)
	return time.Duration(n) * time.Millisecond, err
}

func readRise(c *Check, args []string) (err error) {
	c.Probe.Rise, err = parseNumber(args[0], 1, maxRuns)
	return err
}

func readFall(c *Check, args []string) (err error) {
	c.Probe.Fall, err = parseNumber(args[0], 1, maxRuns)
	return err
}

func readStatus(c *Check, args []string) error {
	c.Probe.Status = nil
	for _, arg := range args {
		first, last, isRange := strings.Cut(arg, "-")
		if !isRange {
			last = first
		}
		low, lowErr := parseNumber(first, 100, 599)
		high, highErr := parseNumber(last, 100, 599)
		if codes := strings.FieldsFunc(arg, isComma); len(codes) > 1 {
			return fmt.Errorf("%q is a list with commas; write status %s", arg, strings.Join(codes, " "))
		}
		if lowErr != nil || highErr != nil || low > high {
			return fmt.Errorf("%q is neither a status code nor a range of them, as in 200 or 200-399", arg)
		}
		c.Probe.Status = append(c.Probe.Status, health.StatusRange{First: low, Last: high})
	}
	return nil
}

func isComma(r rune) bool { return r == ',' }

func readBody(c *Check, args []string) error {
	c.Probe.Body = args[0]
	if args[0] == "" || len(args[0]) > health.BodyLimit {
		return fmt.Errorf("%q is not a text of 1 to %d octets", args[0], health.BodyLimit)
	}
	return nil
}

// headersOfRequest are set by the HTTP client itself.
var headersOfRequest = []string{"Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Upgrade"}

// headerArgs returns an error if the words are not a name and a value. No message quotes the value,
// which may be a secret.
func headerArgs(args []string) error {
	name, isLine := strings.CutSuffix(args[0], ":")
	if !httpguts.ValidHeaderFieldName(name) {
		name, isLine = "NAME", false
	}
	switch {
	case isLine && len(args) > 2:
		return fmt.Errorf("%q ends in a colon, and a value of several words stands in quotes; write header %s \"VALUE\"", args[0], name)
	case isLine:
		return fmt.Errorf("%q ends in a colon; write header %s VALUE", args[0], name)
	case len(args) == 1 && strings.Contains(args[0], ":"):
		return fmt.Errorf("1 word with a colon behind it; write %s, two words without", headerUsage)
	case len(args) == 1:
		return fmt.Errorf("1 word behind it; write %s", headerUsage)
	case len(args) > 2:
		return fmt.Errorf("%d words behind it; a value of several words stands in quotes: header %s \"VALUE\"", len(args), name)
	}
	return nil
}

func readHeader(c *Check, args []string) error {
	if err := headerArgs(args); err != nil {
		return err
	}
	name := http.CanonicalHeaderKey(args[0])
	isSame := func(field health.HeaderField) bool { return field.Name == name }
	switch {
	case !httpguts.ValidHeaderFieldName(name) || slices.Contains(headersOfRequest, name):
		return fmt.Errorf("%q is not the name of a header that a request can be given", args[0])
	case !httpguts.ValidHeaderFieldValue(args[1]):
		return fmt.Errorf("the value of %s is not that of a header", name) // it may be a secret
	case args[1] == "":
		return fmt.Errorf("%s has no value; is it an {$ENV} variable that is not set?", name)
	case slices.ContainsFunc(c.Probe.Header, isSame):
		return fmt.Errorf("%s stands twice", name)
	}
	c.Probe.Header = append(c.Probe.Header, health.HeaderField{Name: name, Value: args[1]})
	return nil
}

func readSend(c *Check, args []string) (err error) {
	c.Probe.Send, err = parseText(args[0])
	return err
}

func readExpect(c *Check, args []string) (err error) {
	c.Probe.Expect, err = parseText(args[0])
	return err
}

// parseText reads a text of 1 to health.ExpectLimit octets with the escapes of C.
func parseText(text string) (string, error) {
	var octets []byte
	for rest := text; rest != ""; {
		char, isMultibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return "", fmt.Errorf(`%q has a backslash that no escape follows; the escapes are \r \n \t \\ and \xHH`, text)
		}
		if rest = tail; isMultibyte {
			octets = utf8.AppendRune(octets, char)
		} else {
			octets = append(octets, byte(char))
		}
	}
	if len(octets) == 0 || len(octets) > health.ExpectLimit {
		return "", fmt.Errorf("%q is not a text of 1 to %d octets", text, health.ExpectLimit)
	}
	return string(octets), nil
}

// textOf writes a text as parseText reads it.
func textOf(text string) string {
	var escaped strings.Builder
	for _, octet := range []byte(text) {
		switch {
		case octet == '\\':
			escaped.WriteString(`\\`)
		case octet >= ' ' && octet <= '~':
			escaped.WriteByte(octet)
		default:
			literal := strconv.QuoteToASCII(string([]byte{octet}))
			if octet >= utf8.RuneSelf {
				literal = fmt.Sprintf(`"\x%02x"`, octet)
			}
			escaped.WriteString(strings.Trim(literal, `"`))
		}
	}
	return escaped.String()
}

func readCA(c *Check, args []string) error {
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
	c.Probe.Roots, c.Probe.RootsPEM = roots, string(pem)
	return nil
}

func readInsecure(c *Check, _ []string) error {
	c.Probe.Insecure = true
	return nil
}

// readCheckAddress reads the address that a probe connects to when its URL has a name.
func readCheckAddress(c *Check, args []string) (err error) {
	if c.Connect.IsValid() {
		return fmt.Errorf("%q, but the URL says where to connect to: %s", args[0], c.Connect)
	}
	c.Connect, err = parseAddress(args[0])
	return err
}

func readInvert(c *Check, _ []string) error {
	if c.Probe == nil {
		c.Invert = true
	} else {
		c.Probe.Invert = true
	}
	return nil
}
