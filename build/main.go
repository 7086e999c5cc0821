// A check with `insecure` is to reach devices whose certificates have a negative serial number, against RFC 5280, section
// 4.1.2.2, and Go reads such only where the whole program does. Nothing that is verified depends on the number.
//go:debug x509negativeserial=1

// Command build is CoreDNS with all of its plugins and roundrobin53.
package main

import (
	"fmt"
	"log"
	"runtime/debug"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/core/plugin" // all of CoreDNS's plugins
	"github.com/coredns/coredns/coremain"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
)

// version is the version of roundrobin53: set by the linker for a release, else what the build knows of the commit.
var version string

func main() {
	directives, err := roundrobin53.Directives(dnsserver.Directives)
	if err == nil {
		err = dnsserver.SetDirectives(directives)
	}
	if err != nil {
		log.Fatal(err)
	}
	caddy.AppVersion = fmt.Sprintf("%s (roundrobin53 %s)", coremain.CoreVersion, pluginVersion())
	coremain.Run()
}

func pluginVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version // of a checkout: its commit, and whether it was changed
}
