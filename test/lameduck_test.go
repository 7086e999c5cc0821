package test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/test/server"
)

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
	p := server.StartProgram(t, corefile)
	server.Eventually(t, "it answers, with verdicts", func() bool {
		return p.Answer("app.example.org") == "192.0.2.1 192.0.2.2" && p.Answer("back.example.org") == "192.0.2.2"
	})

	// Signals reload it, in another way than tests do: first a Corefile that is wrong, then a good one.
	p.Write(t, strings.Replace(corefile, "record app", "rekord app", 1))
	p.Signal(t, syscall.SIGUSR1)
	server.Eventually(t, "the error is logged", func() bool { return strings.Contains(p.Output.Since(0), "[ERROR] SIGUSR1: ") })
	p.Write(t, strings.Replace(corefile, "record app", "record new A 192.0.2.9\nrecord app", 1))
	p.Signal(t, syscall.SIGUSR1)
	server.Eventually(t, "the new record is answered", func() bool { return p.Answer("new.example.org") == "192.0.2.9" })
	if got := p.Answer("back.example.org"); got != "192.0.2.2" {
		t.Errorf("after the reload: %s, want 192.0.2.2", got)
	}

	p.Signal(t, syscall.SIGTERM)
	signs.Set(server.Fail, "a")
	signs.Set(server.Pass, "b")
	want := [2]string{"192.0.2.2", "192.0.2.1 192.0.2.2"}
	var last [2]string
	for running := true; running && last != want; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.Ended:
			running = false
		default:
			last = [2]string{p.Answer("app.example.org"), p.Answer("back.example.org")}
		}
	}
	if last != want {
		t.Errorf("at the end of the lameduck the answers are %q, want %q: a is down and b is up\n%s", last, want, p.Output.Since(0))
	}
	select {
	case <-p.Ended:
		if p.Err != nil {
			t.Errorf("the process ended with %v\n%s", p.Err, p.Output.Since(0))
		}
	case <-time.After(time.Minute):
		t.Errorf("the process goes on after SIGTERM\n%s", p.Output.Since(0))
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
	p := server.StartProgram(t, "example.org:PORT {\nbind 127.0.0.1\nroundrobin53 {\n"+records.String()+"}\n}\n")
	server.Eventually(t, "it answers", func() bool { return p.Answer("n1.example.org") == "192.0.2.1 192.0.2.2" })
	p.Signal(t, syscall.SIGUSR1)
	server.Eventually(t, "a reload begins", func() bool { return strings.Contains(p.Output.Since(0), "SIGUSR1: Reloading") })
	p.Signal(t, syscall.SIGUSR1)
	p.Signal(t, syscall.SIGTERM)
	server.Eventually(t, "it ends", func() bool {
		select {
		case <-p.Ended:
			return true
		default:
			return false
		}
	})
}
