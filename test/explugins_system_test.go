//go:build system

package test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemExplugins builds CoreDNS with the plugins of build/explugins the way their pages say: in CoreDNS's own source,
// with their lines in plugin.cfg. Only `go get` is a replacement by this checkout, and the plugins that the tests lack
// are left out, so that little has to be compiled.
func TestSystemExplugins(t *testing.T) {
	source := filepath.Join(t.TempDir(), "coredns")
	copyCoreDNS(t, source)
	cfg := filepath.Join(source, "plugin.cfg")
	text, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for _, missing := range server.MissingPlugins(t) {
		changed = strings.Replace(changed, "\n"+path.Base(missing)+":"+path.Base(missing)+"\n", "\n", 1)
	}
	for plugin, page := range server.Explugins(t) {
		above := regexp.MustCompile(`It goes right above \*(\w+)\*`).FindStringSubmatch(page)
		if above == nil {
			t.Fatalf("the page of %s does not say where its line goes", plugin)
		}
		place := "\n" + above[1] + ":" + above[1] + "\n"
		if strings.Count(changed, place) != 1 {
			t.Fatalf("plugin.cfg has no place above %s", above[1])
		}
		changed = strings.Replace(changed, place, "\n"+server.PluginLine(t, plugin, page)+place, 1)
	}
	if err := os.WriteFile(cfg, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	appendSums(t, source)
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/roundrobin53/roundrobin53"
	for _, args := range [][]string{
		{"mod", "edit", "-require=" + module + "@v0.0.0", "-replace=" + module + "=" + checkout},
		{"run", "-mod=mod", "directives_generate.go"}, // what `go generate` calls, beside a list of the owners of plugins
		{"build", "-mod=mod", "-buildvcs=false", "-o", "coredns"},
	} {
		command := exec.Command("go", args...)
		command.Dir = source
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	binary := filepath.Join(source, "coredns")
	checkOrder(t, filepath.Join(source, "core/dnsserver/zdirectives.go"))

	const address = "127.65.53.6"
	corefile := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(corefile, []byte("example.org:1053 {\nbind "+address+"\nroundrobin53 {\nrecord app A 192.0.2.6\nfallthrough\n}\n"+
		"hosts {\n192.0.2.7 other.example.org\n192.0.2.8 other.example.org\n}\nrotate {\nanswers 1\n}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(binary, "-conf", corefile)
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	seen := make(map[string]bool)
	for deadline := time.Now().Add(time.Minute); len(seen) < 3 && time.Now().Before(deadline); {
		for _, name := range []string{"app.example.org", "other.example.org"} { // of the one plugin, and of the other
			answer, _ := exec.Command("dig", "+short", "+tries=1", "+timeout=1", "@"+address, "-p", "1053", name).Output()
			if strings.HasPrefix(string(answer), "192.0.2.") {
				seen[string(answer)] = true
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got, want := slices.Sorted(maps.Keys(seen)), []string{"192.0.2.6\n", "192.0.2.7\n", "192.0.2.8\n"}; !slices.Equal(got, want) {
		t.Errorf("the answers are %q, want %q; the server says\n%s", got, want, output.String())
	}
}

// copyCoreDNS copies CoreDNS's source out of the module cache, where it can't be changed, without its tests.
func copyCoreDNS(t *testing.T, to string) {
	t.Helper()
	from := server.CoreDNSDir(t)
	err := filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, file)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case strings.HasSuffix(name, "_test.go"), strings.HasPrefix(name, "man/"):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// appendSums adds our checksums to CoreDNS's, as `go get` would.
func appendSums(t *testing.T, source string) {
	t.Helper()
	sums := filepath.Join(source, "go.sum")
	text, err := os.ReadFile(sums)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text)+server.ReadFile(t, "go.sum"), "\n")
	slices.Sort(lines)
	if err := os.WriteFile(sums, []byte(strings.Join(slices.Compact(lines), "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkOrder compares the order that was generated with that of our own binary.
func checkOrder(t *testing.T, generated string) {
	t.Helper()
	text, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	for plugin := range server.Explugins(t) {
		behind := dnsserver.Directives[slices.Index(dnsserver.Directives, plugin)+1]
		if !strings.Contains(string(text), "\t\""+plugin+"\",\n\t\""+behind+"\",\n") {
			t.Errorf("%s is not right before %s, as it is in our binary:\n%s", plugin, behind, text)
		}
	}
}
