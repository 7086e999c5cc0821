package roundrobin53

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

var update = flag.Bool("update", false, "write what the Corefiles of testdata/built give into them")

// TestBuild builds what the Corefiles of testdata/built say. Behind the line of dashes stands what it gives: warnings, a line
// each, or the error.
func TestBuild(t *testing.T) {
	files, err := filepath.Glob("testdata/built/*.txt")
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
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), []string{pluginName})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, block := range blocks {
		c := caddy.NewTestController("dns", "")
		c.Dispenser = caddyfile.NewDispenserTokens("Corefile", block.Tokens[pluginName])
		c.ServerBlockKeys = block.Keys
		conf, err := config.Parse(c, surroundings(c))
		if err != nil {
			t.Fatal(err)
		}
		h, err := build(conf)
		if err != nil {
			return err.Error() + "\n"
		}
		for _, warning := range slices.Concat(h.warnings, h.large) {
			b.WriteString(warning + "\n")
		}
	}
	return b.String()
}
