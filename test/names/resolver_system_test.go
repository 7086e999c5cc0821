//go:build system

package names

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemResolvers looks names up at resolvers that people run: Unbound and another CoreDNS, which forward to a nameserver.
func TestSystemResolvers(t *testing.T) {
	n := nameserver.Start(t)
	n.Set("app.backend.test.", "5 CNAME lb.backend.test.")
	n.Set("lb.backend.test.", "5 A 192.0.2.1", "5 A 192.0.2.2", "5 AAAA 2001:db8::1")
	for name, start := range map[string]func(t *testing.T, upstream string) (address string){"Unbound": startUnbound, "CoreDNS": startForwarder} {
		t.Run(name, func(t *testing.T) {
			n.Set("lb.backend.test.", "5 A 192.0.2.1", "5 A 192.0.2.2", "5 AAAA 2001:db8::1")
			resolver := start(t, n.Address)
			p := server.StartProgram(t, `example.org:PORT {
				bind 127.0.0.1
				roundrobin53 {
					resolver `+resolver+`
					record app {
						value app.backend.test.
						value 192.0.2.99 priority 2
					}
					record none A {
						value none.backend.test.
						value 192.0.2.98 priority 2
					}
				}
			}
			`)
			await := func(name, want string) {
				t.Helper()
				server.Eventually(t, name+" is "+want, func() bool { return p.Answer(name) == want })
			}
			await("app.example.org", "192.0.2.1 192.0.2.2")
			await("none.example.org", "192.0.2.98")
			n.Set("lb.backend.test.", "5 A 192.0.2.3")
			await("app.example.org", "192.0.2.3")
			n.Set("lb.backend.test.")
			await("app.example.org", "192.0.2.99")
		})
	}
}

// startUnbound starts Unbound, which forwards everything, until the test ends.
func startUnbound(t *testing.T, upstream string) string {
	t.Helper()
	dir, port := t.TempDir(), server.FreePort(t)
	host, upstreamPort, err := net.SplitHostPort(upstream)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "unbound.conf")
	text := `server:
	interface: 127.0.0.1@` + port + `
	directory: "` + dir + `"
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-not-query-localhost: no
	local-zone: "test." nodefault
	module-config: "iterator"
	num-threads: 1
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: ` + host + `@` + upstreamPort + `
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var output server.LogBuffer
	unbound := exec.Command("unbound", "-d", "-c", config)
	unbound.Stdout, unbound.Stderr = &output, &output
	if err := unbound.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unbound.Process.Kill()
		_ = unbound.Wait()
		if t.Failed() {
			t.Log(output.Since(0))
		}
	})
	return "127.0.0.1:" + port
}

// startForwarder starts another process of the binary, which forwards everything and caches.
func startForwarder(t *testing.T, upstream string) string {
	t.Helper()
	p := server.StartProgram(t, `.:PORT {
		bind 127.0.0.1
		cache 30
		forward . `+upstream+`
	}
	`)
	return "127.0.0.1:" + p.Port
}
