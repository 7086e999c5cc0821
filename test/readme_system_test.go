//go:build system

package test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemReadmeServes does what a new user does: clone, run the README's first command, ask with its dig.
func TestSystemReadmeServes(t *testing.T) {
	clone := t.TempDir()
	if out, err := exec.Command("git", "clone", "--quiet", "..", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	readme := server.ReadFile(t, "README.md")
	command := strings.Fields(server.Fences(readme, "sh")[0])
	program := exec.Command(command[0], command[1:]...)
	program.Dir = clone
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run has a child
	var output bytes.Buffer
	program.Stdout, program.Stderr = &output, &output
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-program.Process.Pid, syscall.SIGTERM)
		_ = program.Wait()
	}()
	transcript := strings.Split(server.Fences(readme, "txt")[0], "\n")
	dig := strings.Fields(strings.TrimPrefix(transcript[0], "$ "))
	dig = append(dig, "+tries=1", "+timeout=1")
	deadline := time.Now().Add(5 * time.Minute) // the build, from nothing
	var answers []string
	for len(answers) < 2 {
		out, err := exec.Command(dig[0], dig[1:]...).Output()
		switch {
		case err == nil && strings.Contains(string(out), "54.1.2.3"):
			if !slices.Contains(answers, string(out)) { // once in 16 answers, the cycle slips and repeats one
				answers = append(answers, string(out))
			}
		case time.Now().After(deadline):
			t.Fatalf("no answer\n%s", output.String())
		default:
			time.Sleep(200 * time.Millisecond)
		}
	}
	want := []string{strings.Join(transcript[1:3], "\n") + "\n", strings.Join(transcript[4:6], "\n") + "\n"}
	if slices.Sort(answers); !slices.Equal(answers, want) {
		t.Errorf("answers:\n%s\nthe README has:\n%s", strings.Join(answers, "\n"), strings.Join(want, "\n"))
	}
}
