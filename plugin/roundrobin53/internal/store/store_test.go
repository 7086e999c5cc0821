package store

import (
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// parse reads the directives of a server block for zones.
func parse(tb testing.TB, directives string, zones ...string) *config.Block {
	tb.Helper()
	tokens := caddyfile.NewDispenser("Testfile", strings.NewReader(directives))
	return parseTokens(tb, &tokens, zones)
}

func parseTokens(tb testing.TB, tokens config.Tokens, zones []string) *config.Block {
	tb.Helper()
	readZone := func(word string) []string { return []string{strings.ToLower(dns.Fqdn(word))} }
	conf, err := config.Parse(tokens, &config.Surroundings{Zones: zones, ReadZone: readZone})
	if err != nil {
		tb.Fatal(err)
	}
	return conf
}

// build returns the store of directives in a server block for zones.
func build(tb testing.TB, directives string, zones ...string) *Store {
	tb.Helper()
	s, err := Build(parse(tb, directives, zones...))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
