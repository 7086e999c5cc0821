package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// BuiltBinary is the path of the program, which is built once, with the version v9.9.9.
func BuiltBinary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// binaryDir is where buildOnce has put the program, if it has.
var binaryDir string

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "roundrobin53")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "coredns")
	if out, err := exec.Command("go", "build", "-ldflags", "-X main.version=v9.9.9", "-o", path, Path("build")).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})
