package test

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestLightSet guards the list of imports against a new CoreDNS: a plugin that it brings is in the set, or named here and
// in the comment that tells what is left out.
func TestLightSet(t *testing.T) {
	var names []string
	for _, missing := range server.MissingPlugins(t) {
		names = append(names, path.Base(missing))
	}
	want := []string{"azure", "clouddns", "etcd", "k8s_external", "kubernetes", "nomad", "route53", "trace"}
	if !slices.Equal(names, want) {
		t.Errorf("build/plugins/light.go leaves out %v, want %v", names, want)
	}
	readme := server.ReadFile(t, "README.md")
	for _, name := range names {
		if !strings.Contains(readme, "*"+name+"*") {
			t.Errorf("README.md does not say that %s is left out", name)
		}
	}
	core := server.ImportsOf(t, filepath.Join(server.CoreDNSDir(t), "core", "plugin", "zplugin.go"))
	for _, path := range server.ImportsOf(t, "../build/plugins/light.go") {
		if !slices.Contains(core, path) {
			t.Errorf("build/plugins/light.go imports %s, which CoreDNS does not", path)
		}
	}
}

// TestMissingPluginNamesTheCommand guards those who write a plugin into a Corefile that the program lacks: the error has
// the line, and the command by which they get it.
func TestMissingPluginNamesTheCommand(t *testing.T) {
	for _, missing := range server.MissingPlugins(t) {
		name := path.Base(missing)
		if name == "trace" { // the tests have a stand-in
			continue
		}
		got := server.StartError(t, "example.org:0 {\nwhoami\n"+name+" example.org {\noption\n}\n}\n")
		for _, want := range []string{"plugin/" + name + ": Corefile:3 - ", name + " is not in this binary", "go run -tags full ./build"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the error is %q, want %q in it", name, got, want)
			}
		}
	}
}
