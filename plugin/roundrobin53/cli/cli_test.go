package cli

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// run runs a command and returns what it wrote to its standard output and error, and its exit code.
func run(t *testing.T, args ...string) (out, errors string, exitCode int) {
	t.Helper()
	if !Is(args) {
		t.Fatalf("%q is no command", args)
	}
	var outBuf, errBuf strings.Builder
	exitCode = Run(args, Streams{In: strings.NewReader(""), Out: &outBuf, Err: &errBuf})
	return outBuf.String(), errBuf.String(), exitCode
}

// TestIs guards the way to start CoreDNS: arguments that name no command are its own.
func TestIs(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"-conf", "help"}, {"-version"}, {"Corefile"}, {"-help"}} {
		if Is(args) {
			t.Errorf("%q is taken for a command", args)
		}
	}
}

// TestHelpListsCommands guards the list: it has every command.
func TestHelpListsCommands(t *testing.T) {
	out, errors, code := run(t, "help")
	if code != Fine || errors != "" {
		t.Errorf("exit code %d, standard error %q", code, errors)
	}
	for _, c := range commands() {
		if !strings.Contains(out, "coredns "+c.name) || !strings.Contains(out, c.does) {
			t.Errorf("%s is missing in:\n%s", c.name, out)
		}
	}
}

// TestHelpOnCommands guards who asks how a command is called, in whichever way: the answer goes to the standard output, and is
// no error.
func TestHelpOnCommands(t *testing.T) {
	for _, c := range commands() {
		if c.name == "help" {
			continue
		}
		for _, args := range [][]string{{"help", c.name}, {c.name, "-h"}, {c.name, "-help"}, {c.name, "--help"}} {
			out, errors, code := run(t, args...)
			if code != Fine || errors != "" || !strings.Contains(out, "coredns "+c.name+" "+c.args+"\n  -") {
				t.Errorf("%q: exit code %d, %q and %q", args, code, out, errors)
			}
		}
	}
	for _, args := range [][]string{{"help"}, {"help", "help"}, {"help", "-help"}} {
		if out, _, code := run(t, args...); code != Fine || !strings.Contains(out, "coredns undrain") {
			t.Errorf("%q: exit code %d, %q", args, code, out)
		}
	}
	for want, args := range map[string][]string{
		`"frob" is not a command; the commands are check, explain, import, drain, undrain, help`: {"help", "frob"},
		"2 words follow help": {"help", "check", "explain"},
	} {
		if out, errors, code := run(t, args...); code != Misused || out != "" || !strings.Contains(errors, want) {
			t.Errorf("%q: exit code %d, %q and %q", args, code, out, errors)
		}
	}
}

// flagNames finds flags: at the beginning of a line of help, and at that of an item of a page's options.
var flagNames = regexp.MustCompile("(?m)^(?:  |\\* `)-([a-z]+)")

// flagsIn returns the flags that a text describes, in order.
func flagsIn(text string) []string {
	names := make(map[string]bool)
	for _, match := range flagNames.FindAllStringSubmatch(text, -1) {
		names[match[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// TestManualPages guards the manual pages against the commands: each command is on a page, with what `coredns help` says of it and
// with all of its flags, and a page has no other flags.
func TestManualPages(t *testing.T) {
	flags := make(map[string][]string) // by page
	texts := make(map[string]string)
	for _, c := range commands() {
		if c.name == "help" {
			continue
		}
		page := strings.TrimPrefix(c.name, "un") // drain and undrain share one
		text, err := os.ReadFile("../../../docs/commands/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
		for _, want := range []string{"\ncoredns " + c.name + " " + c.args + "\n", c.does} {
			if !strings.Contains(texts[page], want) {
				t.Errorf("%s: the page lacks %q", c.name, want)
			}
		}
		help, _, _ := run(t, "help", c.name)
		flags[page] = append(flags[page], flagsIn(help)...)
	}
	for page, want := range flags {
		slices.Sort(want)
		if got := flagsIn(texts[page]); !slices.Equal(got, slices.Compact(want)) {
			t.Errorf("%s: the page has the flags %q, the command %q", page, got, want)
		}
	}
}
