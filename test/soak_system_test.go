//go:build system && linux

package test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystemSoak runs the soak test with few checks, of each kind.
func TestSystemSoak(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // the build, from nothing
	defer cancel()
	dir := t.TempDir()
	soak, binary := filepath.Join(dir, "soak"), filepath.Join(dir, "coredns")
	for path, source := range map[string]string{soak: "./soak", binary: "../build"} {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", path, source).CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", source, err, out)
		}
	}
	// The kinds share the machine, so that all of them together take as long as one.
	t.Run("kinds", func(t *testing.T) {
		for name, args := range map[string][]string{
			"http":  {"-kind", "http"},
			"https": {"-kind", "https"},
			"http2": {"-kind", "https", "-http2"},
			"tcp":   {"-kind", "tcp"},
			"names": {"-kind", "names", "-interval", "5s"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				args = append([]string{"-interval", "1s", "-binary", binary, "-checks", "200", "-seconds", "6", "-flap", "40", "-rate", "500"}, args...)
				out, err := exec.CommandContext(ctx, soak, args...).CombinedOutput()
				if err != nil || !strings.Contains(string(out), "wrong answers") {
					t.Errorf("soak %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			})
		}
	})
}
