package test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// lastStarted is the instance that caddy has started last; the reload plugin starts some that no test sees.
var lastStarted atomic.Pointer[caddy.Instance]

func init() {
	caddy.RegisterEventHook("test", func(event caddy.EventName, info any) error {
		if event == caddy.InstanceStartupEvent {
			lastStarted.Store(info.(*caddy.Instance))
		}
		return nil
	})
}

// TestImport guards the ways to bring records in from outside: files, globs, snippets, and variables.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{
		"one":    "record one A 192.0.2.1\nrecord two {\nvalue 192.0.2.2\n}\n",
		"a.conf": "record three A 192.0.2.3\n",
		"b.conf": "record four A 192.0.2.4\n",
		"nested": "import " + filepath.Join(dir, "five") + "\nrecord six A 192.0.2.6\n",
		"five":   "record five A 192.0.2.5\n",
		"values": "value 192.0.2.10\n",
	})
	t.Setenv("RR53_ONE", "192.0.2.20")
	t.Setenv("RR53_TWO", "192.0.2.21 192.0.2.22")
	t.Setenv("RR53_MIXED", "192.0.2.23 2001:db8::23")
	s := server.Serve(t, strings.ReplaceAll(`
	(common) {
		ttl 30
		record snippet A 192.0.2.7
	}
	example.org:0 {
		roundrobin53 {
			import DIR/one
			import DIR/*.conf
			import DIR/nested
			record in A {
				import DIR/values
				value 192.0.2.11
			}
			record env A {$RR53_ONE}
			record envs A {$RR53_TWO}
			record percent A {%RR53_TWO%} answers 1
			record mixed {$RR53_MIXED}
			record block {
				value {$RR53_TWO} 192.0.2.24
			}
		}
	}
	example.net:0 {
		roundrobin53 {
			import common
		}
	}`, "DIR", dir))
	for name, want := range map[string]string{
		"one.example.org": "192.0.2.1", "two.example.org": "192.0.2.2", "three.example.org": "192.0.2.3",
		"four.example.org": "192.0.2.4", "five.example.org": "192.0.2.5", "six.example.org": "192.0.2.6",
		"snippet.example.net": "192.0.2.7",
		"env.example.org":     "192.0.2.20", "mixed.example.org": "192.0.2.23",
	} {
		if got := strings.Join(server.Addresses(s.Ask(name, dns.TypeA)), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	server.TakeTurns(s, "udp", "in.example.org", []string{"192.0.2.10", "192.0.2.11"}, "", 4)
	server.TakeTurns(s, "udp", "envs.example.org", []string{"192.0.2.21", "192.0.2.22"}, "", 4)
	server.TakeTurns(s, "udp", "percent.example.org", []string{"192.0.2.21", "192.0.2.22"}, "", 4)
	server.TakeTurns(s, "udp", "block.example.org", []string{"192.0.2.21", "192.0.2.22", "192.0.2.24"}, "", 6)
	if ttl := s.Ask("snippet.example.net", dns.TypeA).Answer[0].Header().Ttl; ttl != 30 {
		t.Errorf("the ttl of a snippet: %d, want 30", ttl)
	}
}

// TestUnsetVariableIsAnError guards against a variable that is not set and goes unnoticed.
func TestUnsetVariableIsAnError(t *testing.T) {
	got := server.StartError(t, "example.org:0 {\nroundrobin53 {\nrecord app A {$RR53_NOT_SET}\n}\n}")
	if !strings.Contains(got, "Corefile:3") || !strings.Contains(got, `""`) {
		t.Errorf("%s, want Corefile:3 and the empty value", got)
	}
}

// TestErrorInImportedFile guards the position in errors: that of the imported file.
func TestErrorInImportedFile(t *testing.T) {
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"records": "record one A 192.0.2.1\nrecord two A 192.0.2.l\n"})
	got := server.StartError(t, "example.org:0 {\nroundrobin53 {\nimport "+dir+"/records\n}\n}")
	if !strings.Contains(got, "records:2 ") || !strings.Contains(got, `"192.0.2.l"`) {
		t.Errorf("%s, want records:2 and the value", got)
	}
}

// TestEmptiedGlobWarns guards against records that vanish in silence when the files of a glob do.
func TestEmptiedGlobWarns(t *testing.T) {
	dir := t.TempDir()
	server.WriteFiles(t, dir, map[string]string{"a.conf": "record app A 192.0.2.1\n"})
	corefile := "example.org:0 {\nroundrobin53 {\nimport " + dir + "/*.conf\n}\n}"
	s := server.Serve(t, corefile)
	if warnings := server.OwnWarnings(s); len(warnings) > 0 {
		t.Errorf("warnings with a file: %q", warnings)
	}
	if err := os.Remove(filepath.Join(dir, "a.conf")); err != nil {
		t.Fatal(err)
	}
	server.MustReload(t, s, corefile)
	if warnings := server.OwnWarnings(s); len(warnings) != 1 || !strings.Contains(warnings[0], "no records for example.org.") {
		t.Errorf("warnings without a file: %q, want one about example.org.", warnings)
	}
	if m := s.Ask("app.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("the record is gone, and the answer is %v", m)
	}
}

// TestConfigMapUpdate guards the way a cluster changes a Corefile: files stay where they are, and a symbolic link above
// them is swapped. No query is lost, and the rotation goes on.
func TestConfigMapUpdate(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	const corefile = `example.org:0 {
		reload 2s 0s
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record version %d TXT %s
		}
	}`
	dir := t.TempDir()
	server.SwapConfigMap(t, dir, "..1", fmt.Sprintf(corefile, 1, "one"))
	t.Chdir(dir)
	if err := os.Symlink(filepath.Join("..data", "Corefile"), "Corefile"); err != nil {
		t.Fatal(err)
	}
	if err := flag.Set("conf", "Corefile"); err != nil { // where the reload plugin looks for changes
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("conf", "") })
	s := server.Serve(t, fmt.Sprintf(corefile, 1, "one"))
	address := s.UDP(0)
	last := server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 1)

	server.SwapConfigMap(t, dir, "..2", fmt.Sprintf(corefile, 2, "two"))
	conn, err := dns.Dial("udp", server.Loopback(address))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for deadline := time.Now().Add(30 * time.Second); ; {
		turn, err := server.RoundTrip(conn, server.Question("app.example.org", dns.TypeA))
		if err != nil {
			t.Fatalf("a query is lost: %v", err)
		}
		if !s.Follows(server.ThreeValues, last, server.Addresses(turn)[0]) {
			t.Fatalf("after %s came %v, want %s first", last, server.Addresses(turn), server.Next(server.ThreeValues, last))
		}
		last = server.Addresses(turn)[0]
		m, err := server.RoundTrip(conn, server.Question("version.example.org", dns.TypeTXT))
		if err != nil {
			t.Fatalf("a query is lost: %v", err)
		}
		if server.Section(m.Answer) == `version.example.org. 2 IN TXT "two"` {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new Corefile is not served: %v\n%s", m, s.Log())
		}
	}
	for old, deadline := s.Instance, time.Now().Add(10*time.Second); s.Instance == old; {
		if time.Now().After(deadline) {
			t.Fatal("the new instance has not started")
		}
		s.Instance = lastStarted.Load()
	}
	s.Await()
	server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 4)
}
