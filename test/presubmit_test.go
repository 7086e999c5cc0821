package test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestCoreDoesNotImportCoreDNS keeps the imports pointing inward: the core knows DNS but not CoreDNS, and its packages
// do not know each other.
func TestCoreDoesNotImportCoreDNS(t *testing.T) {
	const core = "github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/"
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", "../plugin/roundrobin53/internal/...", "../plugin/internal/turn").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(packages) < 2 {
		t.Fatalf("%d core packages, want more", len(packages))
	}
	for _, line := range packages {
		path, deps, _ := strings.Cut(line, " ")
		for dep := range strings.FieldsSeq(deps) {
			for _, outside := range []string{"github.com/coredns/", "github.com/prometheus/", core} {
				if strings.HasPrefix(dep, outside) {
					t.Errorf("%s depends on %s; pass what it needs in from the glue", path, dep)
				}
			}
		}
	}
}
