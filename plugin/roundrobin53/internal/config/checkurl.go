package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

// userInURL matches a user and password in a URL. No error may quote them.
var userInURL = regexp.MustCompile(`//[^/ ]*@`)

func withoutUser(text string) string { return userInURL.ReplaceAllString(text, "//") }

// parseURL reads the URL of a check, which says where and how to probe.
func (c *Check) parseURL(text string) error {
	shown := withoutUser(text)
	u, err := url.Parse(text)
	if err != nil || !strings.Contains(text, "://") {
		u = new(url.URL) // the error of url.Parse says less than our own
	}
	scheme, ok := health.SchemeOf(u.Scheme)
	port := u.Port()
	switch {
	case err != nil && strings.Count(text, ":") > 3 && !strings.Contains(text, "["):
		return fmt.Errorf("%q is not a URL; an IPv6 address stands in brackets, as in http://[2001:db8::1]:8080/", shown)
	case !ok:
		return fmt.Errorf("%q is not a URL with one of the schemes %s, as in http://:8080/healthz or tcp://:5432", shown, list(health.SchemeNames()))
	case u.User != nil:
		return errors.New("a user and password in the URL; send a header, which no log shows")
	case scheme.NoPort && (port != "" || strings.HasSuffix(u.Host, ":")):
		return fmt.Errorf("%q: %s has no ports; write %s://", shown, u.Scheme, u.Scheme)
	case isNumber(u.Hostname()) && !scheme.NoPort:
		return fmt.Errorf("%q: %s is a host; a port alone is written %s://:%s", shown, u.Hostname(), u.Scheme, u.Hostname())
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%q: no port follows the colon; is it an {$ENV} variable that is not set? Write %s", shown, withPort(u, scheme))
	case port == "" && scheme.DefaultPort == 0 && !scheme.NoPort:
		return fmt.Errorf("%q: %s has no default port; write %s://%s:PORT", shown, u.Scheme, u.Scheme, u.Host)
	}
	if err := c.setURL(u, scheme); err != nil {
		return fmt.Errorf("%q: %w", shown, err)
	}
	return nil
}

// setURL sets what a URL says whose scheme and host are well formed.
func (c *Check) setURL(u *url.URL, scheme health.Scheme) (err error) {
	switch {
	case !scheme.Path && (u.Path != "" || u.RawQuery != ""):
		return fmt.Errorf("%s has no path", u.Scheme)
	case !scheme.HTTP && u.RawQuery != "":
		return fmt.Errorf("%s has no query", u.Scheme)
	case u.Fragment != "":
		return errors.New("what stands behind # is not sent; leave it out")
	}
	number := int(scheme.DefaultPort)
	if port := u.Port(); port != "" {
		if number, err = parseNumber(port, 1, 65535); err != nil {
			return fmt.Errorf("port %w", err)
		}
	}
	c.Probe = &health.Check{Scheme: u.Scheme, Port: uint16(number), Status: defaultStatus}
	if err := c.setPath(u, scheme); err != nil {
		return err
	}
	return c.setHost(u, scheme)
}

// setPath sets what the probe asks for.
func (c *Check) setPath(u *url.URL, scheme health.Scheme) error {
	if scheme.HTTP {
		c.Probe.Path = u.RequestURI()
		return nil
	}
	c.Probe.Path = strings.TrimPrefix(u.Path, "/") // of gRPC: the service
	if scheme.DNS {
		if _, err := health.ReadQuestion(c.Probe.Path); err != nil {
			return fmt.Errorf("the path is no question: %w; write %s://:53/NAME/TYPE, as in %s://:53/example.org/SOA", err, u.Scheme, u.Scheme)
		}
	}
	return nil
}

// withPort suggests how to write a URL whose port is empty.
func withPort(u *url.URL, scheme health.Scheme) string {
	text := fmt.Sprintf("%s://%sPORT%s", u.Scheme, u.Host, u.Path)
	if scheme.DefaultPort != 0 {
		text += fmt.Sprintf(", or no colon for port %d", scheme.DefaultPort)
	}
	return text
}

// setHost sets the address that the probe connects to, or the name that it sends.
func (c *Check) setHost(u *url.URL, scheme health.Scheme) error {
	host := u.Hostname()
	addr, notAddress := netip.ParseAddr(host)
	_, notName := canonical(host)
	switch {
	case host == "": // to the value
	case notAddress == nil && (addr.Zone() != "" || addr.Is4In6()):
		return fmt.Errorf("%s is neither a plain address nor a name", host)
	case notAddress == nil:
		c.Connect = addr
	case notName != nil || strings.Contains(host, "*") || isNumber(topLabel(dns.Fqdn(host))): // no top-level domain is a number
		return fmt.Errorf("the host %q is neither an address nor a name", host)
	case !scheme.SendsName():
		return fmt.Errorf("%s probes the value and sends no name; leave %q out, or write the address to probe", u.Scheme, host)
	default:
		c.Probe.Name = host
	}
	return nil
}

// isNumber reports whether a text has digits only, and perhaps a final dot.
func isNumber(text string) bool {
	text = strings.TrimSuffix(text, ".")
	return text != "" && strings.Trim(text, "0123456789") == ""
}
