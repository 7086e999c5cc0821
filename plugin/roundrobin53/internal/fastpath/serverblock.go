package fastpath

import (
	"bytes"
	"net"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	corednsparse "github.com/coredns/coredns/plugin/pkg/parse"
	"github.com/coredns/coredns/plugin/pkg/transport"
)

// A serverBlock holds what other blocks at the same listener have to know of a server block of the
// Corefile.
type serverBlock struct {
	zones map[string][]string // by port, of the transport DNS
	hosts []string            // addresses that it is bound to; none if it has all, or if they are not known
	words []string            // the intrusive directives that it has
}

// decorating is the directive that sets a writer of its own for the listener's answers.
const decorating = "shed"

// intrusive lists the directives that make a listener more than sockets that pass queries to the
// longest matching zone.
var intrusive = []string{"view", "proxyproto", decorating}

// readBlocks reads the server blocks of the instance that is being set up, once.
func (r *Run) readBlocks() error {
	if r.blocks != nil {
		return nil
	}
	var err error
	r.blocks, err = parseServerBlocks(r.Corefile())
	return err
}

func parseServerBlocks(corefile caddy.Input) ([]serverBlock, error) {
	parsed, err := caddyfile.Parse(corefile.Path(), bytes.NewReader(withoutRecords(corefile.Body())), nil)
	if err != nil {
		return nil, err
	}
	blocks := make([]serverBlock, 0, len(parsed))
	for _, p := range parsed {
		b := serverBlock{zones: make(map[string][]string)}
		for _, key := range p.Keys {
			b.addKey(key)
		}
		for _, word := range intrusive {
			if _, ok := p.Tokens[word]; ok {
				b.words = append(b.words, word)
			}
		}
		b.hosts = boundTo(p.Tokens["bind"])
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// addKey adds a zone and port of a server block, as dnsserver reads them.
func (b *serverBlock) addKey(key string) {
	trans, rest := corednsparse.Transport(key)
	zones, port, err := plugin.SplitHostPort(rest)
	if trans != transport.DNS || err != nil {
		return
	}
	if port == "" {
		port = dnsserver.Port
	}
	for _, zone := range zones {
		b.zones[port] = append(b.zones[port], plugin.Name(zone).Normalize())
	}
}

// boundTo returns the addresses that the arguments of a bind directive name, none if they name an
// interface, too.
func boundTo(tokens []caddyfile.Token) []string {
	var hosts []string
	for _, token := range tokens {
		if token.Text == "bind" {
			continue
		}
		if net.ParseIP(token.Text) == nil {
			return nil
		}
		hosts = append(hosts, token.Text)
	}
	return hosts
}

// zonesAt returns the zones of b that the listener at an address, dns://HOST:PORT, serves or may
// serve.
func (b *serverBlock) zonesAt(addr string) []string {
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(addr, transport.DNS+"://"))
	isSame := func(bound string) bool { return net.ParseIP(bound).Equal(net.ParseIP(host)) }
	if len(b.hosts) == 0 || slices.ContainsFunc(b.hosts, isSame) {
		return b.zones[port]
	}
	return nil
}

// intruders returns the intrusive directives of the server blocks at a listener.
func (r *Run) intruders(addr string) []string {
	var words []string
	for i := range r.blocks {
		if b := &r.blocks[i]; len(b.zonesAt(addr)) > 0 {
			words = append(words, b.words...)
		}
	}
	return words
}
