// Package version names releases: what a version of this plugin in a version of CoreDNS is called as an image.
package version

import (
	"runtime/debug"
	"strings"
)

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

// Own returns the version of this plugin in a program: the version that the linker set, or else the
// commit that `go build` found checked out, with a mark if files had changed. `go run` records no
// commit: then it is unknown.
func Own(linked string) string {
	if linked != "" {
		return linked
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return recorded(info)
}

const unknown = "of an unknown commit"

// recorded returns the version of the main module.
func recorded(info *debug.BuildInfo) string {
	if version := info.Main.Version; version != "" && version != "(devel)" {
		return version
	}
	return unknown
}
