//go:build system

package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemDocs runs each command of the pages in docs, against a server with the page's first Corefile. Text behind a command
// is what it has to print. A block "zone FILE" is a file that the Corefile names.
func TestSystemDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text := strings.ReplaceAll(server.ReadFile(t, strings.TrimPrefix(page, "../")), "\n   ", "\n") // in lists, too
			corefiles := server.Fences(text, "corefile")
			commands := regexp.MustCompile(`(?ms)^~~~ sh\n(.*?)^~~~\n(?:\n~~~ txt\n(.*?)^~~~\n)?`).FindAllStringSubmatch(text+"\n", -1)
			switch {
			case len(commands) == 0: // a page to read
				return
			case len(corefiles) == 0:
				t.Fatal("commands, but no Corefile")
			}
			dir := t.TempDir()
			files := regexp.MustCompile(`(?ms)^~~~ zone (\S+)\n(.*?)^~~~\n`).FindAllStringSubmatch(text, -1)
			for _, file := range append(files, []string{"", "Corefile", corefiles[0]}) {
				if err := os.WriteFile(filepath.Join(dir, file[1]), []byte(file[2]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			server := exec.Command(server.BuiltBinary(t), "-conf", "Corefile")
			server.Dir = dir
			var output bytes.Buffer
			server.Stdout, server.Stderr = &output, &output
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = server.Process.Kill()
				_ = server.Wait()
			}()
			awaitDNS(t, &output)
			for _, command := range commands {
				out, err := exec.Command("bash", "-o", "pipefail", "-ec", command[1]).CombinedOutput()
				if err != nil || len(out) == 0 || command[2] != "" && string(out) != command[2] {
					t.Errorf("%s\n%v\n%s\nthe page has\n%s\nthe server says\n%s", command[1], err, out, command[2], output.String())
				}
			}
		})
	}
}

// awaitDNS waits for a server on the port that the pages use, without a query that would take a turn.
func awaitDNS(t *testing.T, output *bytes.Buffer) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if exec.Command("dig", "+tries=1", "+timeout=1", "@127.0.0.1", "-p", "1053", "example.org", "SOA").Run() == nil {
			return
		}
	}
	t.Fatalf("no answer; the server says\n%s", output.String())
}
