package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// The status page is here unless status says otherwise. Only this machine reaches it: the page
// tells what is where, and whether it works.
const (
	defaultStatusHost = "127.0.0.1"
	defaultStatusPort = 8053
)

func parseStatus(d *Directive, l line) error {
	if d.Status.IsValid() {
		return errTwice
	}
	word := defaultStatusHost
	switch len(l.args()) {
	case 0:
	case 1:
		word = l.args()[0]
	default:
		return fmt.Errorf("%q is not one address; write status [ADDRESS], as in status %s:%d", strings.Join(l.args(), " "), defaultStatusHost, defaultStatusPort)
	}
	var err error
	d.Status, err = statusAddress(word)
	return err
}

// parseState reads FILE.
func parseState(d *Directive, l line) error {
	if d.state != "" {
		return errTwice
	}
	if len(l.args()) != 1 || l.args()[0] == "" {
		return fmt.Errorf("%q is not one file; write state FILE, as in state /etc/coredns/state", strings.Join(l.args(), " "))
	}
	d.state = l.args()[0]
	return nil
}

// State returns the name of the directive's state file, "" if it has none.
func (d *Directive) State() string {
	if d.state == "" || filepath.IsAbs(d.state) {
		return d.state
	}
	return filepath.Join(d.around.Root, d.state)
}

// statusAddress reads a word as an address to listen at. It refuses a port alone, which would open
// the page to everyone: {$ENV}:8053 leaves the port alone if ENV is not set.
func statusAddress(word string) (netip.AddrPort, error) {
	var listen netip.AddrPort
	addr, err := netip.ParseAddr(word)
	if err == nil {
		listen = netip.AddrPortFrom(addr, defaultStatusPort)
	} else if listen, err = netip.ParseAddrPort(word); err != nil || listen.Port() == 0 {
		return listen, fmt.Errorf("%q is not an address to listen at; write ADDRESS or ADDRESS:PORT, as in 127.0.0.1, [::1]:%d or, for all addresses, [::]:%[2]d",
			word, defaultStatusPort)
	}
	return netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port()), nil
}

// StatusAddresses returns the addresses whose status page shows the block, each once.
func (c *Block) StatusAddresses() []netip.AddrPort {
	var addresses []netip.AddrPort
	for _, d := range c.Directives {
		if d.Status.IsValid() && !slices.Contains(addresses, d.Status) {
			addresses = append(addresses, d.Status)
		}
	}
	return addresses
}
