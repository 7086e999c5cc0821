// Package version names releases: what a version of this plugin in a version of CoreDNS is called as an image.
package version

import "strings"

// Image is where the image lives.
const Image = "ghcr.io/roundrobin53/coredns"

// Tag is the image's tag, made of the version of CoreDNS and of ours. It begins as a version of CoreDNS, since kubeadm takes
// the tag for one, and it is a semantic version. A tag has no "+".
func Tag(coredns, own string) string {
	own = strings.TrimPrefix(own, "v")
	if own == "(devel)" { // what Go says of a build outside of version control
		own = "devel"
	}
	return strings.ReplaceAll(coredns+"-rr53."+own, "+", "-")
}
