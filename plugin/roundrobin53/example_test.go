package roundrobin53_test

import (
	"fmt"
	"log"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
)

// A program that embeds CoreDNS puts the plugin into its place before it starts a server. What
// shapes queries and answers stands before it, what else answers behind it.
func ExampleDirectives() {
	directives, err := roundrobin53.Directives(dnsserver.Directives)
	if err != nil {
		log.Fatal(err)
	}
	if err := dnsserver.SetDirectives(directives); err != nil {
		log.Fatal(err)
	}
	for i, directive := range directives {
		if directive == "roundrobin53" {
			fmt.Println(directive, "stands before", directives[i+1])
		}
	}
	// Output: roundrobin53 stands before hosts
}
