// Package plugins links CoreDNS's plugins into the program that imports it.
//
// There are two sets. The default one leaves out the eight plugins whose client libraries are most of CoreDNS: it is for
// the first start and for the tests, which share what they compile. With the build tag "full" it is all of them: the
// image, the packages and the binaries of a release are built so.
package plugins

import (
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
)

// RefuseMissing gives each directive of CoreDNS without a plugin in this program one that refuses it, and says which
// command builds a program that has it. Caddy alone would ask "missing a plugin?", without a line.
//
// It is for programs that are about to read a Corefile: caddy lists what is registered here as if it were there. Call it
// once dnsserver.Directives is complete, and not while another goroutine uses caddy.
func RefuseMissing() {
	for _, name := range dnsserver.Directives {
		if _, err := caddy.DirectiveAction("dns", name); err != nil {
			plugin.Register(name, refuse)
		}
	}
}

// refuse is the setup of a plugin that is not there.
func refuse(c *caddy.Controller) error {
	c.Next()
	return plugin.Error(c.Val(), c.Errf("%s is not in this binary, which has few plugins so that it compiles fast; "+
		"`go run -tags full ./build` has all of CoreDNS's, as have `make build`, the packages and the image", c.Val()))
}
