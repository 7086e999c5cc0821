package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// fakeGo stands in for the go command: of the module proxy it says that there is v1.16.1, and ./test/... fails with it. What
// is required is in the file "required".
const fakeGo = `#!/bin/sh
case "$*" in
"list -m "*@latest) echo v1.16.1 ;;
"list -m "*) cat required ;;
"get github.com/coredns/coredns@"*) echo "${2##*@}" >required ;;
"test ./test/...") exit 1 ;;
esac
`

// TestUpgradeTellsWhatBroke runs what `make upgrade-coredns` does, with a go command that fails in one step.
func TestUpgradeTellsWhatBroke(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"build/upgrade-coredns": server.ReadFile(t, "build/upgrade-coredns"), "bin/go": fakeGo, "required": "v1.15.0\n",
		"build/deployment.yaml":    "image: ghcr.io/roundrobin53/coredns:v1.15.0-rr53.0.1.0\n",
		"build/packages/go.sum":    "example.org/other v1.15.0 h1:0\n",
		"test/binary.txt":          "CoreDNS-1.15.0 (roundrobin53 v9.9.9)\n",
		"test/unrelated.txt":       "v1.15.01 11.15.0\n",
		"plugin/testdata/keep.txt": "v1.15.0\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	upgrade := func() (string, error) {
		cmd := exec.Command(filepath.Join(dir, "build/upgrade-coredns"))
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := upgrade()
	if want := "CoreDNS v1.15.0 -> v1.16.1 breaks:\n  the server's tests: go test ./test/...\n"; err == nil || !strings.HasSuffix(out, want) {
		t.Errorf("the first time: %v\n%s\nwant at the end\n%s", err, out, want)
	}
	for name, want := range map[string]string{
		"build/deployment.yaml":    "image: ghcr.io/roundrobin53/coredns:v1.16.1-rr53.0.1.0\n",
		"build/packages/go.sum":    "example.org/other v1.15.0 h1:0\n",
		"test/binary.txt":          "CoreDNS-1.16.1 (roundrobin53 v9.9.9)\n",
		"test/unrelated.txt":       "v1.15.01 11.15.0\n",
		"plugin/testdata/keep.txt": "v1.15.0\n",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	out, err = upgrade()
	if want := "CoreDNS v1.16.1: nothing to upgrade\n"; err != nil || out != want {
		t.Errorf("the second time: %v\n%s\nwant\n%s", err, out, want)
	}
}
