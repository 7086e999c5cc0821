package cli

import (
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
