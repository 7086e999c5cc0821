package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestChecksGoOnInLameduck guards against answers with dead addresses at the end of a process: as long as it answers, it
// checks. It runs the binary, since the end of a process can only be seen from outside.
func TestChecksGoOnInLameduck(t *testing.T) {
	dir, signs := t.TempDir(), startSignals(t)
	dnsPort, healthPort := freePort(t), freePort(t)
	corefile := fmt.Sprintf(`example.org:%s {
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
	`, dnsPort, healthPort, signs.checks("a b"))
	path := filepath.Join(dir, "Corefile")
	if err := os.WriteFile(path, []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	signs.set(fail, "b")
	binary := builtBinary(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process := exec.CommandContext(ctx, binary, "-conf", path)
	var output logBuffer
	process.Stdout, process.Stderr = &output, &output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()

	client := dns.Client{Timeout: 500 * time.Millisecond}
	answer := func(name string) string {
		m, _, err := client.Exchange(question(name+".example.org", dns.TypeA), "127.0.0.1:"+dnsPort)
		if err != nil {
			return ""
		}
		return sorted(m)
	}
	eventually(t, "it answers, with verdicts", func() bool {
		return answer("app") == "192.0.2.1 192.0.2.2" && answer("back") == "192.0.2.2"
	})
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	signs.set(fail, "a")
	signs.set(pass, "b")
	var last [2]string
	for running := true; running && last != [2]string{"192.0.2.2", "192.0.2.1 192.0.2.2"}; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			running = false
		default:
			last = [2]string{answer("app"), answer("back")}
		}
	}
	if last != [2]string{"192.0.2.2", "192.0.2.1 192.0.2.2"} {
		t.Errorf("at the end of the lameduck the answers are %q; a is down and b is up\n%s", last, output.since(0))
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the process ended with %v\n%s", err, output.since(0))
		}
	case <-ctx.Done():
		t.Errorf("the process goes on after SIGTERM\n%s", output.since(0))
	}
}
