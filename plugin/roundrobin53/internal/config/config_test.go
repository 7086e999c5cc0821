package config

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
)

var update = flag.Bool("update", false, "write what is read from the Corefiles of testdata into them")

const dashes = "\n---\n"

// The golden files by what comes of them.
const (
	accepted = "testdata/accepted"
	refused  = "testdata/error"
)

// golden is a golden file: a Corefile, a line of dashes, and what reading it gives.
type golden struct{ file, corefile, want string }

func goldens(tb testing.TB, dirs ...string) []golden {
	tb.Helper()
	var all []golden
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
		if err != nil || len(files) == 0 {
			tb.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				tb.Fatal(err)
			}
			corefile, want, _ := strings.Cut(string(data), dashes)
			all = append(all, golden{file, corefile, want})
		}
	}
	return all
}

// TestGolden reads the Corefiles of testdata. What caddy does with words is caddy's: its tokenizer,
// which depends on nothing else, makes the words of the tests.
func TestGolden(t *testing.T) {
	setEnv(t)
	for _, g := range goldens(t, accepted, refused) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(g.file, "testdata/"), ".txt"), func(t *testing.T) {
			got, err := readCorefile(g.corefile)
			got = strings.ReplaceAll(got, list(health.SchemeNames()), "{schemes}") // a new one changes no file
			switch {
			case *update:
				if err := os.WriteFile(g.file, []byte(g.corefile+dashes+got), 0o600); err != nil {
					t.Fatal(err)
				}
			case got != g.want:
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", g.corefile, got, g.want)
			}
			if (err != nil) != (filepath.Dir(g.file) == refused) {
				t.Errorf("error %v: the file is in the wrong directory", err)
			}
		})
	}
}

// TestSchemes guards new kinds of probes: a golden file has a check of each, and messages list
// each.
func TestSchemes(t *testing.T) {
	corefile, err := os.ReadFile(accepted + "/check-schemes.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, unknown := readText("roundrobin53 {\n    check web ftp://:21\n}\n")
	for _, name := range health.SchemeNames() {
		if !strings.Contains(string(corefile), " "+name+"://") {
			t.Errorf("check-schemes.txt has no check of %s", name)
		}
	}
	if want := list(health.SchemeNames()); !strings.Contains(unknown.Error(), want) {
		t.Errorf("%q does not list %s", unknown, want)
	}
}

// setEnv sets the variables that the Corefiles of testdata refer to. NOT_SET is not among them.
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
		"SOURCES":   "192.0.2.1 lb.example.net.",

		"MANY_SOURCES": manySources(),
	} {
		t.Setenv(name, value)
	}
}

// manySources returns names that may have more addresses than a set holds.
func manySources() string {
	var names []string
	for i := range 656 {
		names = append(names, fmt.Sprintf("lb%d.example.net.", i))
	}
	return strings.Join(names, " ")
}

// TestErrorsShowNoSecret guards what goes into logs: the golden files call secrets "secret", and
// none of the errors quotes one.
func TestErrorsShowNoSecret(t *testing.T) {
	for _, g := range goldens(t, refused) {
		if strings.Contains(g.want, "secret") {
			t.Errorf("%s: %s", g.file, g.want)
		}
	}
}

// readCorefile returns the server blocks of a Corefile as text, and the error if there is one.
func readCorefile(corefile string) (string, error) {
	blocks, err := caddyfile.Parse("testdata/Corefile", strings.NewReader(corefile), []string{directiveName})
	if err != nil {
		return err.Error() + "\n", err
	}
	var b strings.Builder
	for _, block := range blocks {
		conf, err := read(block)
		if err != nil {
			return withoutDir(err.Error()) + "\n", err
		}
		_ = conf.Format(&b) // to memory
		for _, warning := range conf.Warnings {
			b.WriteString("# warning: " + withoutDir(warning) + "\n")
		}
	}
	return b.String(), nil
}

// read reads the directives of a server block.
func read(block caddyfile.ServerBlock) (*Block, error) {
	tokens := caddyfile.NewDispenserTokens("Corefile", block.Tokens[directiveName])
	around := &Surroundings{ReadZone: readZone}
	for _, key := range block.Keys {
		around.Zones = append(around.Zones, readKey(key)...)
	}
	return Parse(&tokens, around)
}

// readText reads directives in a server block for example.org.
func readText(text string) (*Block, error) {
	tokens := caddyfile.NewDispenser("Testfile", strings.NewReader(text))
	return Parse(&tokens, &Surroundings{Zones: []string{"example.org."}, ReadZone: readZone})
}

// readKey is the zones of a server block's key, without its transport and port.
func readKey(key string) []string {
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	if colon := strings.LastIndexByte(key, ':'); colon >= 0 && strings.Trim(key[colon+1:], "0123456789") == "" {
		key = key[:colon]
	}
	return readZone(key)
}

// readZone stands for what CoreDNS reads of a zone: a name, or a network, whose reverse zones are
// meant.
func readZone(word string) []string {
	network, err := netip.ParsePrefix(word)
	switch {
	case err != nil && !strings.ContainsAny(word, "/:"):
		return []string{strings.ToLower(dns.Fqdn(word))}
	case err != nil || network.Addr().Is4In6() || network.Bits() == 0:
		return nil
	}
	step := 8 // bits of a label
	if network.Addr().Is6() {
		step = 4
	}
	labels := (network.Bits() + step - 1) / step
	var zones []string
	for addr := network.Masked().Addr(); network.Contains(addr); addr = following(addr, labels*step) {
		reverse, _ := dns.ReverseAddr(addr.String())
		split := dns.SplitDomainName(reverse)
		zones = append(zones, dns.Fqdn(strings.Join(split[len(split)-labels-2:], ".")))
	}
	return zones
}

// following returns the first address behind the network addr/bits, which addr begins.
func following(addr netip.Addr, bits int) netip.Addr {
	octets := addr.AsSlice()
	for i, add := (bits-1)/8, 1<<(7-(bits-1)%8); i >= 0; i, add = i-1, 1 {
		sum := int(octets[i]) + add
		octets[i] = byte(sum)
		if sum < 256 {
			break
		}
	}
	next, _ := netip.AddrFromSlice(octets)
	return next
}

// withoutDir takes the absolute path off the names of imported files.
func withoutDir(text string) string {
	dir, _ := filepath.Abs("testdata")
	return strings.ReplaceAll(text, dir+"/", "")
}

// TestFormat guards what is written out: it reads as the same.
func TestFormat(t *testing.T) {
	setEnv(t)
	for _, g := range goldens(t, accepted) {
		blocks, err := caddyfile.Parse("testdata/Corefile", strings.NewReader(g.corefile), []string{directiveName})
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks {
			conf, err := read(block)
			if err != nil {
				t.Fatal(err)
			}
			checkFormat(t, conf)
		}
	}
}

// checkFormat writes a block out, reads that, and compares it with how it is written out again.
func checkFormat(t *testing.T, conf *Block) {
	t.Helper()
	var written, again strings.Builder
	if err := conf.Format(&written); err != nil {
		t.Fatal(err)
	}
	read, err := readText(written.String())
	if err != nil {
		t.Fatalf("reading what was written: %v\n%s", err, &written)
	}
	if err := read.Format(&again); err != nil || again.String() != written.String() {
		t.Errorf("error %v, read:\n%s\nwritten:\n%s", err, &written, &again)
	}
}

// FuzzParse reads arbitrary blocks: reading never panics, an error names its line, and what is
// accepted survives being written out and read again.
func FuzzParse(f *testing.F) {
	for _, g := range goldens(f, accepted, refused) {
		blocks, err := caddyfile.Parse("Corefile", strings.NewReader(g.corefile), nil)
		if err != nil {
			continue
		}
		_, body, ok := strings.Cut(g.corefile, directiveName)
		if ok && len(blocks) == 1 {
			f.Add(directiveName + strings.TrimSuffix(strings.TrimSpace(body), "}"))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		conf, err := readText(text)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		checkFormat(t, conf)
	})
}

// rootsVariable is set in the process that TestSystemRootsAreReadAtSetup starts.
const rootsVariable = "ROUNDROBIN53_TEST_ROOTS"

// TestSystemRootsAreReadAtSetup guards against trouble with the system's certificates that shows as
// values that are down. They are read once in a process, so it takes one where they can't be: a
// directory is no file with certificates.
func TestSystemRootsAreReadAtSetup(t *testing.T) {
	const corefile = "example.org {\n    roundrobin53 {\n        check web https://www.example.org/\n    }\n}"
	if os.Getenv(rootsVariable) != "" {
		got, _ := readCorefile(corefile)
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
