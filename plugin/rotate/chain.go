package rotate

import (
	"fmt"
	"slices"
)

// followedBy is the directive right behind ours in the plugin chain. Below are loadbalance and
// cache, which must not have the last word on the order; above are dns64 and siit, which derive
// answers from ours.
const followedBy = "loadbalance"

// Directives returns a list of CoreDNS directives with rotate in its place, for
// dnsserver.SetDirectives. It returns an error if the list lacks the directive that follows ours.
func Directives(directives []string) ([]string, error) {
	place := slices.Index(directives, followedBy)
	if place < 0 {
		return nil, fmt.Errorf("no directive %q to put %s before", followedBy, pluginName)
	}
	return slices.Insert(slices.Clone(directives), place, pluginName), nil
}
