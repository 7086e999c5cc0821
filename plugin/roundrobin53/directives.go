package roundrobin53

import (
	"fmt"
	"slices"
)

// successor is the directive right behind ours in the plugin chain: what shapes queries and answers (acl, rewrite,
// cache, dnssec, transfer …) comes before us, what else answers comes after us.
const followedBy = "hosts"

// Directives is a list of CoreDNS directives with roundrobin53 in its place, for dnsserver.SetDirectives. It is an error
// if that place can't be told, because the list lacks the directive that follows.
func Directives(directives []string) ([]string, error) {
	place := slices.Index(directives, followedBy)
	if place < 0 {
		return nil, fmt.Errorf("no directive %q to put %s before", followedBy, pluginName)
	}
	return slices.Insert(slices.Clone(directives), place, pluginName), nil
}
