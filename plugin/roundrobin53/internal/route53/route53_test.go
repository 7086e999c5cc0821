package route53

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

var update = flag.Bool("update", false, "write what is made of the files in testdata into them")

// readDir reads the JSON files of a directory.
func readDir(tb testing.TB, dir string) *Zones {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(names) == 0 {
		tb.Fatalf("%s: %d files, %v", dir, len(names), err)
	}
	var files []*File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, &File{Name: filepath.Base(name), Data: data})
	}
	zones, err := Read(files)
	if err != nil {
		tb.Fatal(err)
	}
	return zones
}

// write returns the blocks and the report.
func write(t *testing.T, zones *Zones) (blocks, report string, leftOut bool) {
	t.Helper()
	var b, r strings.Builder
	rep, err := zones.Write(&b, "/usr/share/GeoIP/GeoLite2-City.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	if err := rep.Write(&r); err != nil {
		t.Fatal(err)
	}
	checkReads(t, b.String())
	return b.String(), r.String(), rep.LeftOut()
}

// TestGolden guards what is written: the directories of testdata hold what the AWS CLI prints, the blocks that come of it, and
// the report.
func TestGolden(t *testing.T) {
	zones, err := filepath.Glob("testdata/*/zone.json")
	if err != nil || len(zones) == 0 {
		t.Fatal(zones, err)
	}
	for _, zone := range zones {
		dir := filepath.Dir(zone)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			blocks, report, _ := write(t, readDir(t, dir))
			checkGolden(t, dir, blocks, report)
		})
	}
}

// checkGolden compares blocks and a report with those of a directory.
func checkGolden(t *testing.T, dir, blocks, report string) {
	t.Helper()
	for file, got := range map[string]string{"want.conf": blocks, "want.txt": report} {
		path := filepath.Join(dir, file)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", path, err, got, want)
		}
	}
}

// checkReads reads blocks as a server does, with caddy's tokenizer, and compares what was read with what was written.
func checkReads(t *testing.T, blocks string) {
	t.Helper()
	read, err := caddyfile.Parse("Corefile", strings.NewReader(blocks), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, blocks)
	}
	var got strings.Builder
	for _, block := range read {
		words := caddyfile.NewDispenserTokens("Corefile", block.Tokens["roundrobin53"])
		conf, err := config.Parse(&words, surroundings(dns.Fqdn(block.Keys[0])))
		if err == nil {
			err = conf.Format(&got)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, blocks)
		}
	}
	var want strings.Builder
	isOurs := false
	for line := range strings.Lines(blocks) {
		line = strings.TrimPrefix(line, "    ")
		if isOurs = isOurs || strings.HasPrefix(line, "roundrobin53 "); isOurs && !strings.HasPrefix(strings.TrimSpace(line), "# ") {
			want.WriteString(line)
		}
		isOurs = isOurs && line != "}\n"
	}
	if got.String() != want.String() {
		t.Errorf("read:\n%s\nwritten:\n%s", &got, &want)
	}
}
