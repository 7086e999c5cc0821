package roundrobin53

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"
)

var update = flag.Bool("update", false, "write what is read from the Corefiles of testdata/parse into them")

const dashes = "\n---\n"

// TestParse reads the Corefiles of testdata/parse as caddy does. Behind the line of dashes stands what it must give: for
// each server block the configuration as it is written out, or the whole error.
func TestParse(t *testing.T) {
	setEnv(t)
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			corefile, want, _ := strings.Cut(string(data), dashes)
			got := readCorefile(corefile)
			if *update {
				if err := os.WriteFile(file, []byte(corefile+dashes+got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got != want {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", corefile, got, want)
			}
		})
	}
}

// setEnv sets the variables that the Corefiles of testdata/parse refer to. NOT_SET is not among them.
func setEnv(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"ADDRESS":   "192.0.2.1",
		"LATIN1":    "b\xfcro",
		"ADDRESSES": "192.0.2.1 192.0.2.2",
		"NETWORKS":  "203.0.113.0/24 2001:db8:2::/48",
		"NAME":      "web",
		"PORT":      "8080",
		"TOKEN":     "secret",
	} {
		t.Setenv(name, value)
	}
}

// TestParseErrorsByFileName guards the golden files: those whose names begin with error- hold an error, and no others do.
func TestParseErrorsByFileName(t *testing.T) {
	for name, want := range goldens(t) {
		isError := !strings.HasPrefix(want, pluginName+" ")
		if isError != strings.HasPrefix(name, "error-") {
			t.Errorf("%s: error %t", name, isError)
		}
	}
}

// TestParseErrorsShowNoSecret guards what goes into logs: the golden files call secrets "secret", and none of the errors
// quotes one.
func TestParseErrorsShowNoSecret(t *testing.T) {
	for name, want := range goldens(t) {
		if strings.HasPrefix(name, "error-") && strings.Contains(want, "secret") {
			t.Errorf("%s: %s", name, want)
		}
	}
}

// goldens are what the golden files say must come, by their names.
func goldens(t *testing.T) map[string]string {
	t.Helper()
	files, _ := filepath.Glob("testdata/parse/*.txt")
	wants := make(map[string]string, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(data), dashes)
		wants[filepath.Base(file)] = want
	}
	return wants
}

// readCorefile is what the server blocks of a Corefile give.
func readCorefile(corefile string) string {
	blocks, err := caddyfile.Parse("testdata/parse/Corefile", strings.NewReader(corefile), []string{pluginName})
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, block := range blocks {
		conf, err := read(controller(block.Tokens[pluginName], block.Keys))
		if err != nil {
			return withoutDir(plugin.Error(pluginName, err).Error()) + "\n"
		}
		h, err := build(conf)
		if err != nil {
			return withoutDir(plugin.Error(pluginName, err).Error()) + "\n"
		}
		b.WriteString(conf.String())
		for _, warning := range slices.Concat(h.warnings, h.large) {
			b.WriteString("# warning: " + withoutDir(warning) + "\n")
		}
	}
	return b.String()
}

func read(c *caddy.Controller) (*config, error) { return parse(c, surroundings(c)) }

func controller(tokens []caddyfile.Token, keys []string) *caddy.Controller {
	c := caddy.NewTestController("dns", "")
	c.Dispenser = caddyfile.NewDispenserTokens("Corefile", tokens)
	c.ServerBlockKeys = keys
	return c
}

// withoutDir takes the absolute path off the names of imported files.
func withoutDir(text string) string {
	dir, _ := filepath.Abs("testdata/parse")
	return strings.ReplaceAll(text, dir+"/", "")
}

// TestParseSurvivesDump guards the golden files: what the configuration of a server block is written out as must read as
// the same.
func TestParseSurvivesDump(t *testing.T) {
	setEnv(t)
	files, _ := filepath.Glob("testdata/parse/*.txt")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		corefile, _, _ := strings.Cut(string(data), dashes)
		blocks, err := caddyfile.Parse("testdata/parse/Corefile", strings.NewReader(corefile), []string{pluginName})
		if err != nil {
			continue
		}
		for _, block := range blocks {
			conf, err := read(controller(block.Tokens[pluginName], block.Keys))
			if err == nil {
				checkDump(t, conf.String())
			}
		}
	}
}

// checkDump reads a dump and compares it with how it is written out again.
func checkDump(t *testing.T, dump string) {
	t.Helper()
	conf, err := read(caddy.NewTestController("dns", dump))
	if err != nil {
		t.Fatalf("reading a dump: %v\n%s", err, dump)
	}
	if again := conf.String(); again != dump {
		t.Errorf("read:\n%s\nwritten:\n%s", dump, again)
	}
}

// FuzzParse reads arbitrary blocks: reading never panics, an error names its line, and what is accepted can be built and
// survives being written out and read again.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/parse/*.txt")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		corefile, _, _ := strings.Cut(string(data), dashes)
		blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
		if err != nil {
			continue
		}
		_, body, ok := strings.Cut(corefile, pluginName)
		if ok && len(blocks) == 1 {
			f.Add(pluginName + strings.TrimSuffix(strings.TrimSpace(body), "}"))
		}
	}
	f.Fuzz(func(t *testing.T, block string) {
		c := caddy.NewTestController("dns", block)
		c.ServerBlockKeys = []string{"dns://example.org.:53"}
		conf, err := parse(c, surroundings(c))
		if err == nil {
			_, err = build(conf)
		}
		if err != nil {
			if !strings.Contains(err.Error(), " - Error during parsing: ") {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		checkDump(t, conf.String())
	})
}

// rootsVariable is set in the process that TestSystemRootsAreReadAtSetup starts.
const rootsVariable = "ROUNDROBIN53_TEST_ROOTS"

// TestSystemRootsAreReadAtSetup guards against trouble with the system's certificates that shows as values that are down.
// They are read once in a process, so it takes one where they can't be: a directory is no file with certificates.
func TestSystemRootsAreReadAtSetup(t *testing.T) {
	const corefile = "example.org {\n    roundrobin53 {\n        check web https://www.example.org/\n    }\n}"
	if os.Getenv(rootsVariable) != "" {
		got := readCorefile(corefile)
		if !strings.Contains(got, "Corefile:3 - Error during parsing: check: the certificates of this system can't be read: ") || !strings.Contains(got, "write ca FILE") {
			t.Errorf("certificates that can't be read give\n%s", got)
		}
		return
	}
	if runtime.GOOS != "linux" {
		return // elsewhere the system verifies, and reads them whenever it likes
	}
	command := exec.Command(os.Args[0], "-test.run=^TestSystemRootsAreReadAtSetup$")
	command.Env = append(os.Environ(), rootsVariable+"=1", "SSL_CERT_FILE="+t.TempDir(), "SSL_CERT_DIR="+filepath.Join(t.TempDir(), "none"))
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
