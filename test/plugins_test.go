package test

import (
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports are the paths that a Go file imports.
func imports(t *testing.T, file string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range source.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// coreDNSDir is where the source of CoreDNS is.
func coreDNSDir(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/coredns/coredns").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(dir))
}

// missingPlugins are the import paths of CoreDNS's plugins that `go run ./build` and these tests do without.
func missingPlugins(t *testing.T) []string {
	t.Helper()
	light := imports(t, "../build/plugins/light.go")
	return slices.DeleteFunc(imports(t, filepath.Join(coreDNSDir(t), "core", "plugin", "zplugin.go")), func(path string) bool {
		return slices.Contains(light, path)
	})
}

// TestLightSet guards the list of imports against a new CoreDNS: a plugin that it brings is in the set, or named here and
// in the comment that tells what is left out.
func TestLightSet(t *testing.T) {
	var names []string
	for _, missing := range missingPlugins(t) {
		names = append(names, path.Base(missing))
	}
	want := []string{"azure", "clouddns", "etcd", "k8s_external", "kubernetes", "nomad", "route53", "trace"}
	if !slices.Equal(names, want) {
		t.Errorf("build/plugins/light.go leaves out %v, want %v", names, want)
	}
	readme := readFile(t, "README.md")
	for _, name := range names {
		if !strings.Contains(readme, "*"+name+"*") {
			t.Errorf("README.md does not say that %s is left out", name)
		}
	}
	core := imports(t, filepath.Join(coreDNSDir(t), "core", "plugin", "zplugin.go"))
	for _, path := range imports(t, "../build/plugins/light.go") {
		if !slices.Contains(core, path) {
			t.Errorf("build/plugins/light.go imports %s, which CoreDNS does not", path)
		}
	}
}

// TestMissingPluginNamesTheCommand guards those who write a plugin into a Corefile that the program lacks: the error has
// the line, and the command by which they get it.
func TestMissingPluginNamesTheCommand(t *testing.T) {
	for _, missing := range missingPlugins(t) {
		name := path.Base(missing)
		got := startError(t, "example.org:0 {\nwhoami\n"+name+" example.org {\noption\n}\n}\n")
		for _, want := range []string{"plugin/" + name + ": Corefile:3 - ", name + " is not in this binary", "go run -tags full ./build"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the error is %q, want %q in it", name, got, want)
			}
		}
	}
}
