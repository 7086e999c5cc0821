package rotate

import (
	"fmt"
	"slices"
)

// successor is the directive right behind ours in the plugin chain: below are loadbalance and
// cache, whose order is not to be the last, above are dns64 and siit, which make answers of ours.
const followedBy = "loadbalance"

// Directives returns a list of CoreDNS directives with rotate in its place, for
// dnsserver.SetDirectives. It is an error if that place can't be told, because the list lacks the
// directive that follows.
func Directives(directives []string) ([]string, error) {
	place := slices.Index(directives, followedBy)
	if place < 0 {
		return nil, fmt.Errorf("no directive %q to put %s before", followedBy, pluginName)
	}
	return slices.Insert(slices.Clone(directives), place, pluginName), nil
}
