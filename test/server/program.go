package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
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

// Program is the program, as it runs by itself.
type Program struct {
	Output   LogBuffer     // what it has written
	Ended    chan struct{} // closed when it has, with Err
	Err      error
	Port     string // PORT in its Corefile
	command  *exec.Cmd
	corefile string // its path
}

// StartProgram runs the program until the test ends at the latest. In the Corefile, PORT is one of its own.
func StartProgram(t *testing.T, corefile string) *Program {
	t.Helper()
	p := &Program{Ended: make(chan struct{}), corefile: filepath.Join(t.TempDir(), "Corefile"), Port: FreePort(t)}
	p.Write(t, corefile)
	p.command = exec.Command(BuiltBinary(t), "-conf", p.corefile)
	p.command.Stdout, p.command.Stderr = &p.Output, &p.Output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Err = p.command.Wait()
		close(p.Ended)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // an error means that it has ended
		<-p.Ended
	})
	return p
}

// Write changes the Corefile.
func (p *Program) Write(t *testing.T, corefile string) {
	t.Helper()
	if err := os.WriteFile(p.corefile, []byte(strings.ReplaceAll(corefile, "PORT", p.Port)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Signal sends a signal.
func (p *Program) Signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(sig); err != nil {
		t.Fatalf("%v: %v\n%s", sig, err, p.Output.Since(0))
	}
}

// Answer is the sorted answer for a name, empty if none comes soon.
func (p *Program) Answer(name string) string {
	client := dns.Client{Timeout: 500 * time.Millisecond}
	m, _, err := client.Exchange(Question(name, dns.TypeA), "127.0.0.1:"+p.Port)
	if err != nil {
		return ""
	}
	return SortedAddresses(m)
}

// apartVariable is set in the environment of the processes that Apart starts.
const apartVariable = "ROUNDROBIN53_TEST_APART"

// Apart lets a test run in parallel to others though it reads what a process has once: the metrics of the instance that
// serves, all warnings, what the plugin ready waits for. Such a test begins with
//
//	if !server.Apart(t) {
//		return
//	}
//
// The first call runs the test again in a process of its own, fails it if it fails there, and is false. There it is true.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apartVariable) != "" {
		return true
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), self, "-test.run", "^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout", "5m")
	run.Env = append(os.Environ(), apartVariable+"=1")
	out, err := run.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("in a process of its own: %v\n%s", err, out)
	case !strings.Contains(string(out), "\n--- PASS: "+t.Name()+" "):
		t.Errorf("in a process of its own it did not pass:\n%s", out)
	case testing.Verbose():
		t.Logf("in a process of its own:\n%s", out)
	}
	return false
}
