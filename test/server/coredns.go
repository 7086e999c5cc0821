package server

import (
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ImportsOf are the paths that a Go file imports.
func ImportsOf(t *testing.T, file string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	paths := make([]string, 0, len(source.Imports))
	for _, spec := range source.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// CoreDNSDir is where the source of CoreDNS is.
func CoreDNSDir(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/coredns/coredns").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(dir))
}

// MissingPlugins are the import paths of CoreDNS's plugins that `go run ./build` and these tests do without.
func MissingPlugins(t *testing.T) []string {
	t.Helper()
	light := ImportsOf(t, Path("build/plugins/light.go"))
	return slices.DeleteFunc(ImportsOf(t, filepath.Join(CoreDNSDir(t), "core", "plugin", "zplugin.go")), func(path string) bool {
		return slices.Contains(light, path)
	})
}

// Explugins are the pages for CoreDNS's list of external plugins, by the name of the plugin.
func Explugins(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(Path("build/explugins/*.md"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	pages := make(map[string]string)
	for _, path := range paths {
		pages[strings.TrimSuffix(filepath.Base(path), ".md")] = ReadFile(t, filepath.Join("build", "explugins", filepath.Base(path)))
	}
	return pages
}

// PluginLine is the line for plugin.cfg that a page has.
func PluginLine(t *testing.T, plugin, page string) string {
	t.Helper()
	for _, block := range Fences(page, "txt") {
		if strings.HasPrefix(block, plugin+":") {
			return strings.TrimSpace(block)
		}
	}
	t.Fatalf("the page of %s has no line for plugin.cfg", plugin)
	return ""
}
