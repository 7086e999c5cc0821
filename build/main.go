// A check with `insecure` is to reach devices whose certificates have a negative serial number, against RFC 5280, section
// 4.1.2.2, and Go reads such only where the whole program does. Nothing that is verified depends on the number.
//go:debug x509negativeserial=1

// Command build is CoreDNS with its plugins and roundrobin53.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/coremain"

	"github.com/roundrobin53/roundrobin53/build/plugins"
	naming "github.com/roundrobin53/roundrobin53/build/version"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/cli"
)

// version is the version of roundrobin53, set by the linker for a release.
var version string

func main() {
	if err := plugins.SetDirectives(); err != nil {
		log.Fatal(err)
	}
	caddy.AppVersion = fmt.Sprintf("%s (roundrobin53 %s)", coremain.CoreVersion, naming.Own(version))
	if args := os.Args[1:]; cli.Is(args) {
		plugins.RefuseMissing()
		os.Exit(cli.Run(args, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	flag.Parse()
	if flag.Lookup("plugins").Value.String() == "false" { // else the list would have what is missing
		plugins.RefuseMissing()
	}
	ensureTermination()
	coremain.Run()
}
