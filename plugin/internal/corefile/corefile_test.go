package corefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/coredns/caddy"
)

// write makes a file and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestIsOutdated guards against changes of a Corefile that nobody notices, those of its imports included.
func TestIsOutdated(t *testing.T) {
	const text = "example.org {\nimport conf.d/*\nimport one.conf\n}\n"
	for name, test := range map[string]struct {
		change                   func(dir string) error
		withImports, withoutThem bool
	}{
		"nothing":             {func(string) error { return nil }, false, false},
		"the same text again": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "Corefile"), []byte(text), 0o600) }, false, false},
		"another word": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "Corefile"), []byte(text+"example.net {\n}\n"), 0o600)
		}, true, true},
		"a Corefile that is gone":  {func(dir string) error { return os.Remove(filepath.Join(dir, "Corefile")) }, true, true},
		"an import that is gone":   {func(dir string) error { return os.Remove(filepath.Join(dir, "one.conf")) }, true, false},
		"a new file of a pattern":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "conf.d/b"), []byte("errors\n"), 0o600) }, true, false},
		"a changed import":         {func(dir string) error { return os.WriteFile(filepath.Join(dir, "one.conf"), []byte("errors\n"), 0o600) }, true, false},
		"a Corefile that is wrong": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "Corefile"), []byte("{\n{\n"), 0o600) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "one.conf", "whoami\n")
			input := caddy.CaddyfileInput{Filepath: write(t, dir, "Corefile", text), Contents: []byte(text)}
			deep, flat := Remember(input, true), Remember(input, false)
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			if deep.IsOutdated() != test.withImports || flat.IsOutdated() != test.withoutThem {
				t.Errorf("outdated: %t with imports, %t without", deep.IsOutdated(), flat.IsOutdated())
			}
		})
	}
}

// TestRememberOnlyFiles guards against reading standard input twice, and against Corefiles that a program has in memory.
func TestRememberOnlyFiles(t *testing.T) {
	for _, path := range []string{"", "stdin", t.TempDir()} {
		input := caddy.CaddyfileInput{Filepath: path, Contents: []byte("example.org {\n}\n")}
		if c := Remember(input, true); c != nil || c.IsOutdated() {
			t.Errorf("%q is remembered", path)
		}
	}
	if c := Remember(caddy.CaddyfileInput{Filepath: write(t, t.TempDir(), "Corefile", ""), Contents: []byte("{\n{\n")}, true); c != nil {
		t.Error("a Corefile that can't be read is remembered")
	}
}
