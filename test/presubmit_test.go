package test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/roundrobin53/roundrobin53/"

// rooms are the packages of the plugins and what of this module each may import, so that imports run down only. Packages that
// may know CoreDNS are marked; the others are plain Go that knows DNS.
var rooms = map[string]struct {
	knowsCoreDNS bool
	imports      []string
}{
	"plugin/internal/turn":     {},
	"plugin/internal/asker":    {knowsCoreDNS: true, imports: []string{"plugin/internal/turn"}},
	"plugin/internal/corefile": {knowsCoreDNS: true},
	core + "fastpath/datagram": {},
	core + "fastpath/wire":     {},
	core + "health":            {imports: []string{core + "schedule"}},
	core + "lookup":            {imports: []string{core + "schedule"}},
	core + "record":            {},
	core + "schedule":          {},
	core + "route":             {},
	core + "pool":              {imports: []string{"plugin/internal/turn"}},
	core + "config":            {imports: []string{core + "health", core + "lookup", core + "pool", core + "record", core + "route"}},
	core + "policy":            {imports: []string{"plugin/internal/turn", core + "pool", core + "route"}},
	core + "route53":           {imports: []string{core + "config"}},
	core + "store": {
		imports: []string{core + "config", core + "override", core + "policy", core + "health", core + "lookup", core + "pool", core + "record", core + "route"},
	},
	core + "override": {},
	core + "explain": {
		imports: []string{"plugin/internal/turn", core + "lookup", core + "policy", core + "pool", core + "record", core + "store"},
	},
	core + "status": {
		imports: []string{"plugin/internal/turn", core + "explain", core + "health", core + "lookup", core + "policy", core + "pool", core + "record", core + "store"},
	},
	core + "fastpath": {
		knowsCoreDNS: true,
		imports: []string{
			"plugin/internal/asker", "plugin/internal/turn", core + "fastpath/datagram", core + "fastpath/wire",
			core + "store", core + "policy", core + "record",
		},
	},
}

const core = "plugin/roundrobin53/internal/"

// TestImportsRunDown guards the table of rooms: a package imports what lies below it, and nothing outside that it need not
// know.
func TestImportsRunDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "../plugin/internal/...", "../plugin/roundrobin53/internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		path := strings.TrimPrefix(words[0], module)
		room, ok := rooms[path]
		if seen[path] = true; !ok && !strings.HasSuffix(path, "test") {
			t.Errorf("%s has no place in the table of rooms", path)
		}
		for _, imported := range words[1:] {
			own, isOwn := strings.CutPrefix(imported, module)
			isForeign := strings.HasPrefix(imported, "github.com/coredns/") || strings.HasPrefix(imported, "github.com/prometheus/")
			switch {
			case isOwn && !slices.Contains(room.imports, own):
				t.Errorf("%s imports %s, which does not lie below it", path, own)
			case isForeign && !room.knowsCoreDNS:
				t.Errorf("%s imports %s; what it needs is handed in from above", path, imported)
			}
		}
	}
	for path := range rooms {
		if !seen[path] {
			t.Errorf("%s is in the table of rooms, but is no package", path)
		}
	}
}

// TestPackagesAreSmall guards the file list of a package, by which a reader is to find a place.
func TestPackagesAreSmall(t *testing.T) {
	const mostFiles = 25
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .GoFiles}} {{.}}{{end}}{{range .IgnoredGoFiles}} {{.}}{{end}}", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		sources := slices.DeleteFunc(words[1:], func(name string) bool { return strings.HasSuffix(name, "_test.go") })
		if packages++; len(sources) > mostFiles {
			t.Errorf("%s has %d source files, want %d at most", words[0], len(sources), mostFiles)
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages were looked at", packages)
	}
}
