//go:build system

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestSystemEcho pings from a network namespace: where no group may, and then with the sysctl that the server asks for.
func TestSystemEcho(t *testing.T) {
	server.RemoveStale(t)
	namespace := fmt.Sprintf("rr53-%d-echo", os.Getpid())
	server.AddNamespace(t, namespace)
	path := filepath.Join(t.TempDir(), "Corefile")
	corefile := `example.org:1053 {
		roundrobin53 {
			check ping icmp:// {
				timeout 1s
			}
			check silent icmp:// {
				invert
			}
			record app 127.0.0.1 ::1 192.0.2.1 check ping
			record inverted 127.0.0.1 ::1 check silent
		}
	}
	`
	if err := os.WriteFile(path, []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	allow := func(groups string) {
		t.Helper()
		out, err := exec.Command("ip", "netns", "exec", namespace, "sysctl", "-q", "-w", "net.ipv4.ping_group_range="+groups).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	allow("1 0")
	out, err := exec.Command("ip", "netns", "exec", namespace, server.BuiltBinary(t), "-conf", path).CombinedOutput()
	const want = "check ping: the kernel does not let this group send echo requests; set the sysctl net.ipv4.ping_group_range"
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("started: %v\n%s\nwant %s", err, out, want)
	}
	allow("0 2147483647")
	p := server.RunPod(t, namespace, path)
	for _, line := range []string{
		"check ping: 192.0.2.1 is down: the first probe failed: ",
		"check silent: 127.0.0.1 is down: the first probe failed: passed, and the check is inverted",
		"check silent: ::1 is down: the first probe failed: passed, and the check is inverted",
	} {
		p.AwaitLog(line)
	}
}
