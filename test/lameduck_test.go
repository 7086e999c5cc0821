package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// process is the program, as it runs by itself.
type process struct {
	*exec.Cmd
	output   server.LogBuffer
	ended    chan struct{} // closed when it has, with err
	err      error
	corefile string // its path
	port     string
}

// startProcess runs the program until the test ends at the latest. In the Corefile, PORT is one of its own.
func startProcess(t *testing.T, corefile string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{}), corefile: filepath.Join(t.TempDir(), "Corefile"), port: server.FreePort(t)}
	p.write(t, corefile)
	p.Cmd = exec.Command(server.BuiltBinary(t), "-conf", p.corefile)
	p.Stdout, p.Stderr = &p.output, &p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // an error means that it has ended
		<-p.ended
	})
	return p
}

// write changes the Corefile.
func (p *process) write(t *testing.T, corefile string) {
	t.Helper()
	if err := os.WriteFile(p.corefile, []byte(strings.ReplaceAll(corefile, "PORT", p.port)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signal sends a signal.
func (p *process) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		t.Fatalf("%v: %v\n%s", sig, err, p.output.Since(0))
	}
}

// answer is the sorted answer for a name, empty if none comes soon.
func (p *process) answer(name string) string {
	client := dns.Client{Timeout: 500 * time.Millisecond}
	m, _, err := client.Exchange(server.Question(name, dns.TypeA), "127.0.0.1:"+p.port)
	if err != nil {
		return ""
	}
	return server.SortedAddresses(m)
}

// TestChecksGoOnInLameduck guards against answers with dead addresses at the end of a process: as long as it answers, it
// checks. It runs the binary, since the end of a process can only be seen from outside.
func TestChecksGoOnInLameduck(t *testing.T) {
	t.Parallel()
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "b")
	corefile := fmt.Sprintf(`example.org:PORT {
		bind 127.0.0.1
		health 127.0.0.1:%s {
			lameduck 4s
		}
		roundrobin53 {
			record app A {
				value 192.0.2.1 check a
				value 192.0.2.2
			}
			record back A {
				value 192.0.2.1 check b
				value 192.0.2.2
			}
			%s
		}
	}
	`, server.FreePort(t), signs.Checks("a b"))
	p := startProcess(t, corefile)
	server.Eventually(t, "it answers, with verdicts", func() bool {
		return p.answer("app.example.org") == "192.0.2.1 192.0.2.2" && p.answer("back.example.org") == "192.0.2.2"
	})

	// Signals reload it, in another way than tests do: first a Corefile that is wrong, then a good one.
	p.write(t, strings.Replace(corefile, "record app", "rekord app", 1))
	p.signal(t, syscall.SIGUSR1)
	server.Eventually(t, "the error is logged", func() bool { return strings.Contains(p.output.Since(0), "[ERROR] SIGUSR1: ") })
	p.write(t, strings.Replace(corefile, "record app", "record new A 192.0.2.9\nrecord app", 1))
	p.signal(t, syscall.SIGUSR1)
	server.Eventually(t, "the new record is answered", func() bool { return p.answer("new.example.org") == "192.0.2.9" })
	if got := p.answer("back.example.org"); got != "192.0.2.2" {
		t.Errorf("after the reload: %s, want 192.0.2.2", got)
	}

	p.signal(t, syscall.SIGTERM)
	signs.Set(server.Fail, "a")
	signs.Set(server.Pass, "b")
	want := [2]string{"192.0.2.2", "192.0.2.1 192.0.2.2"}
	var last [2]string
	for running := true; running && last != want; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			running = false
		default:
			last = [2]string{p.answer("app.example.org"), p.answer("back.example.org")}
		}
	}
	if last != want {
		t.Errorf("at the end of the lameduck the answers are %q, want %q: a is down and b is up\n%s", last, want, p.output.Since(0))
	}
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("the process ended with %v\n%s", p.err, p.output.Since(0))
		}
	case <-time.After(time.Minute):
		t.Errorf("the process goes on after SIGTERM\n%s", p.output.Since(0))
	}
}

// TestTerminationBehindReloads guards a SIGTERM that comes while the process is busy with a reload, and another reload waits:
// Go drops what caddy has no room for.
func TestTerminationBehindReloads(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&records, "record n%d A 192.0.2.1 192.0.2.2\n", i)
	}
	p := startProcess(t, "example.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n"+records.String()+"}\n}\n")
	server.Eventually(t, "it answers", func() bool { return p.answer("n1.example.org") == "192.0.2.1 192.0.2.2" })
	p.signal(t, syscall.SIGUSR1)
	server.Eventually(t, "a reload begins", func() bool { return strings.Contains(p.output.Since(0), "SIGUSR1: Reloading") })
	p.signal(t, syscall.SIGUSR1)
	p.signal(t, syscall.SIGTERM)
	server.Eventually(t, "it ends", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
}
