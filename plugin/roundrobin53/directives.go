package roundrobin53

import (
	"fmt"
	"slices"
)

// followedBy is the directive right behind ours in the plugin chain: plugins that shape queries and
// answers (acl, rewrite, cache, dnssec, transfer …) come before us, other plugins that answer come
// after us.
const followedBy = "hosts"

// Directives returns a list of CoreDNS directives with roundrobin53 in its place, for
// dnsserver.SetDirectives. It returns an error if the list lacks the directive that follows ours.
func Directives(directives []string) ([]string, error) {
	place := slices.Index(directives, followedBy)
	if place < 0 {
		return nil, fmt.Errorf("no directive %q to put %s before", followedBy, pluginName)
	}
	return slices.Insert(slices.Clone(directives), place, pluginName), nil
}
