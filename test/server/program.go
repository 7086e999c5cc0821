package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
