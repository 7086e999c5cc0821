package server

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
)

// root is the top of the repository, from any module of it. A test starts in the directory of its package.
var root = findRoot()

func findRoot() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "plugin", "roundrobin53")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return "."
}

// Path is where a file of the repository is.
func Path(name string) string { return filepath.Join(root, name) }

// ReadFile is a file of the repository.
func ReadFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// WriteFiles writes files into a directory.
func WriteFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, contents := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Fences are the blocks of a kind in a Markdown text.
func Fences(text, kind string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile(`(?ms)^~~~ `+kind+`\n(.*?)^~~~$`).FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// zoneCount tells zones apart whose metrics are looked at: those of servers that have ended go on.
var zoneCount atomic.Int64

// NewZone returns the name of a zone that no other test has.
func NewZone(name string) string { return fmt.Sprintf("%s%d.example.org", name, zoneCount.Add(1)) }

// ZoneFile writes a zone file and returns its path.
func ZoneFile(t *testing.T, contents string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// SwapConfigMap points the symbolic link dir/..data to a new directory with a Corefile, as the kubelet updates a ConfigMap.
func SwapConfigMap(t *testing.T, dir, version, corefile string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	WriteFiles(t, filepath.Join(dir, version), map[string]string{"Corefile": corefile})
	if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}
