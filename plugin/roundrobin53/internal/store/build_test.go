package store

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"
)

var update = flag.Bool("update", false, "write what the Corefiles of testdata/build give into them")

// TestBuild builds what the Corefiles of testdata/build say. Behind the line of dashes stands what
// it gives: warnings, a line each, or the error.
func TestBuild(t *testing.T) {
	files, err := filepath.Glob("testdata/build/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			corefile, want, _ := strings.Cut(string(data), "\n---\n")
			got := builtText(t, corefile)
			if *update {
				if err := os.WriteFile(file, []byte(corefile+"\n---\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", corefile, got, want)
			}
		})
	}
}

func builtText(t *testing.T, corefile string) string {
	t.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), []string{"roundrobin53"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, block := range blocks {
		tokens := caddyfile.NewDispenserTokens("Corefile", block.Tokens["roundrobin53"])
		var zones []string
		for _, key := range block.Keys {
			zones = append(zones, dns.Fqdn(key))
		}
		s, err := Build(parseTokens(t, &tokens, zones))
		if err != nil {
			return err.Error() + "\n"
		}
		for _, warning := range slices.Concat(s.Warnings, s.Large) {
			b.WriteString(warning + "\n")
		}
	}
	return b.String()
}
