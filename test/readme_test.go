package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestCorefilesStart starts every Corefile of the README, of build/explugins and of the packages, and corefile.example, on free
// ports.
func TestCorefilesStart(t *testing.T) {
	port := dnsserver.Port
	defer func() { dnsserver.Port = port }()
	dnsserver.Port = "0"
	corefiles := server.Fences(server.ReadFile(t, "README.md"), "corefile")
	if len(corefiles) < 4 {
		t.Fatalf("the README has %d Corefiles, want more", len(corefiles))
	}
	corefiles = append(corefiles, server.ReadFile(t, "corefile.example"), server.ReadFile(t, "build/packages/Corefile"))
	for _, page := range server.Explugins(t) {
		corefiles = append(corefiles, server.Fences(page, "corefile")...)
	}
	for i, corefile := range corefiles {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			corefile = regexp.MustCompile(`:\d+ \{`).ReplaceAllString(corefile, ":0 {")
			server.Start(t, strings.ReplaceAll(corefile, "/usr/share/GeoIP/GeoLite2-City.mmdb", server.GeoDatabasePath(t)))
		})
	}
}

// TestBinary runs the program: its versions and its plugin list.
func TestBinary(t *testing.T) {
	binary := server.BuiltBinary(t)
	for flag, want := range map[string][]string{
		"-version": {"CoreDNS-1.15.0 (roundrobin53 v9.9.9)\n"},
		"-plugins": {"\nroundrobin53\n", "\nhosts\n"},
	} {
		out, err := exec.Command(binary, flag).Output()
		if err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		for _, want := range want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: no %q in\n%s", flag, want, out)
			}
		}
		if flag == "-plugins" && strings.Contains(string(out), "kubernetes") {
			t.Errorf("-plugins lists what the binary does not have:\n%s", out)
		}
	}
	for corefile, want := range map[string]string{
		"example.org:0 {\n  roundrobin53 {\n    record app A 192.0.2.1 answers 1O\n  }\n}\n": "plugin/roundrobin53: Corefile:3 - Error during parsing: record: answers: \"1O\" is not a whole number",
		".:0 {\n  kubernetes cluster.local {\n    pods insecure\n  }\n}\n":                   "plugin/kubernetes: Corefile:2 - Error during parsing: kubernetes is not in this binary",
	} {
		wrong := filepath.Join(t.TempDir(), "Corefile")
		if err := os.WriteFile(wrong, []byte(corefile), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(binary, "-conf", wrong).CombinedOutput()
		want = strings.Replace(want, "Corefile", wrong, 1)
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("a wrong Corefile: %v, want %q in\n%s", err, want, out)
		}
	}
}
