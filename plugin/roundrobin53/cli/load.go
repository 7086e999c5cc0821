package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
)

// directive is that of the plugin.
const directive = "roundrobin53"

// A corefile holds the handlers that a start would make of a Corefile, and the errors that it would
// find, before it opens sockets.
type corefile struct {
	handlers []*roundrobin53.Handler // of the server blocks, without what is wrong in them
	reduced  []bool                  // by handler: something was wrong

	failures map[string][]string // the plugins that could not be set up, by the keys of their server block

	errors       []error // what is wrong in the Corefile: all of ours, and the first of each other plugin
	surroundings []error // why other plugins can't be set up here, such as kubernetes off a cluster
}

// open reads the Corefile that a command is to look at: a file, or the standard input for "stdin".
func open(name string, in io.Reader) ([]byte, error) {
	if name == "stdin" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// load reads a Corefile as CoreDNS does: the same parser, the same setup functions in the same
// order, the same servers. But it goes on behind an error, and begins nothing.
func load(name string, text []byte, now time.Time) *corefile {
	r := &corefile{failures: make(map[string][]string)}
	blocks, err := caddyfile.Parse(name, bytes.NewReader(text), dnsserver.Directives)
	if err != nil {
		r.errors = append(r.errors, err)
		return r
	}
	if len(blocks) == 0 {
		r.errors = append(r.errors, fmt.Errorf("%s: no server block: a start would serve nothing", name))
		return r
	}
	shared := caddy.NewTestController("dns", "") // has an instance that nothing starts
	if blocks, err = shared.Context().InspectServerBlocks(name, blocks); err != nil {
		r.errors = append(r.errors, err)
		return r
	}
	for _, word := range dnsserver.Directives {
		for i := range blocks {
			if tokens, ok := blocks[i].Tokens[word]; ok {
				r.setUp(*shared, name, word, i, blocks[i].Keys, tokens)
			}
		}
	}
	if _, err := shared.Context().MakeServers(); err != nil {
		r.errors = append(r.errors, err)
		return r
	}
	handlers, errs := roundrobin53.Handlers(shared, now, r.failures)
	r.handlers, r.errors = handlers, append(r.errors, errs...)
	return r
}

// setUp sets up the plugin of a directive in a server block. Where the directive is ours, it leaves
// out what is wrong and goes on, so that all errors are found that do not follow from others.
func (r *corefile) setUp(c caddy.Controller, name, word string, block int, keys []string, tokens []caddyfile.Token) {
	setup, err := caddy.DirectiveAction("dns", word)
	if err != nil {
		r.errors = append(r.errors, err)
		return
	}
	c.ServerBlockIndex, c.ServerBlockKeys, c.Key = block, keys, keys[0]
	left := newRemainder(name, tokens)
	for more := true; more; {
		c.Dispenser = caddyfile.NewDispenserTokens(name, left.tokens)
		err := setup(&c)
		switch {
		case err == nil && word == directive:
			r.reduced = append(r.reduced, left.isReduced())
			return
		case err == nil:
			return
		case word != directive:
			keys := strings.Join(c.ServerBlockKeys, " ")
			r.failures[keys] = append(r.failures[keys], word)
			r.note(err, word)
			return
		}
		if !left.explains(err) {
			r.note(err, word)
		}
		more = left.leaveOut(err) && len(r.errors) < mostErrors
	}
}

// mostErrors limits the errors that are looked for.
const mostErrors = 100

// note notes an error of a plugin. What caddy's parser words is in the Corefile; anything else of
// another plugin lies in what it needs around it.
func (r *corefile) note(err error, word string) {
	isSame := func(other error) bool { return other.Error() == err.Error() } // of a snippet that is imported twice
	if word == directive || strings.Contains(err.Error(), "Error during parsing: ") {
		if !slices.ContainsFunc(r.errors, isSame) {
			r.errors = append(r.errors, err)
		}
		return
	}
	r.surroundings = append(r.surroundings, fmt.Errorf("%s: %w", word, err))
}
