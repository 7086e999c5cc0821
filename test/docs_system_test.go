//go:build system

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystemDocs runs each command of the pages in docs, against a server with the page's first Corefile.
func TestSystemDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text := strings.ReplaceAll(readFile(t, strings.TrimPrefix(page, "../")), "\n   ", "\n") // in lists, too
			commands, corefiles := fences(text, "sh"), fences(text, "corefile")
			if len(commands) == 0 || len(corefiles) == 0 {
				t.Fatalf("%d commands and %d Corefiles, want some", len(commands), len(corefiles))
			}
			corefile := filepath.Join(t.TempDir(), "Corefile")
			if err := os.WriteFile(corefile, []byte(corefiles[0]), 0o600); err != nil {
				t.Fatal(err)
			}
			server := exec.Command(builtBinary(t), "-conf", corefile)
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = server.Process.Kill()
				_ = server.Wait()
			}()
			for _, command := range commands {
				var out []byte
				err := os.ErrDeadlineExceeded
				for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
					out, err = exec.Command("bash", "-o", "pipefail", "-ec", command).CombinedOutput()
				}
				if err != nil || len(out) == 0 || strings.Contains(string(out), "192.0.2.9\n") {
					t.Errorf("%s\n%v\n%s", command, err, out)
				}
			}
		})
	}
}
