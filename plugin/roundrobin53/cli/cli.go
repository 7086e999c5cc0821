// Package cli has the binary's commands, such as `coredns check`. None of them serves.
//
// A command is one row of a table and a file named after it. It gets its arguments and the
// program's streams, and returns the exit code: so it runs in a test as it runs in a shell.
package cli

import (
	"fmt"
	"io"
	"strings"
)

// The exit codes that all commands share.
const (
	Fine    = 0 // the command did what it was asked for, and has nothing to object
	Trouble = 1 // it found errors, or left something out
	Misused = 2 // it was called in a wrong way, or can't read its input
)

// Streams are the standard streams of the program.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// A command runs instead of a server if the program's first argument names it.
type command struct {
	name string
	args string // what follows the name, for people
	does string // a phrase
	run  func(args []string, std Streams) (exitCode int)
}

// commands returns all commands, in the order in which they are listed. It is a function because
// the commands use the table themselves to tell how they are called.
func commands() []command {
	return []command{
		{"check", checkArgs, "reads a Corefile as a start would, and tells what it serves and what is wrong", check},
		{"explain", explainArgs, "tells what a client gets for a name, and why, without a server", explainName},
		{"import", importArgs, "writes server blocks for what the AWS CLI prints of Route 53, or for a zone file", importZones},
		{"drain", drainArgs, "writes into a state file that a value is not to be answered", drain},
		{"undrain", undrainArgs, "takes that out of the file again", undrain},
		{"help", helpArgs, "lists the commands, or tells how one is called", help},
	}
}

// Is reports whether the arguments of the program, without its name, ask for a command. Otherwise
// they are CoreDNS's own.
func Is(args []string) bool {
	_, ok := find(args)
	return ok
}

// Run runs the command that the arguments ask for and returns the exit code. It may be called only
// if they ask for one.
func Run(args []string, std Streams) (exitCode int) {
	c, _ := find(args)
	return c.run(args[1:], std)
}

func find(args []string) (command, bool) {
	for _, c := range commands() {
		if len(args) > 0 && args[0] == c.name {
			return c, true
		}
	}
	return command{}, false
}

const helpArgs = "[COMMAND]"

// help lists the commands, or tells how one is called.
func help(args []string, std Streams) int {
	if len(args) > 1 {
		return complain(std.Err, fmt.Errorf("coredns help %s: %d words follow help", helpArgs, len(args)))
	}
	if len(args) == 1 {
		return helpOn(args[0], std)
	}
	var b strings.Builder
	b.WriteString("coredns [-conf FILE] [FLAG...]   serves; `coredns -help` lists the flags\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "coredns %s\n    %s\n", strings.TrimSpace(c.name+" "+c.args), c.does)
	}
	_, _ = io.WriteString(std.Out, b.String())
	return Fine
}

// helpOn tells how a command is called.
func helpOn(name string, std Streams) int {
	c, ok := find([]string{name})
	switch {
	case strings.TrimLeft(name, "-") == "help" || name == "-h":
		return help(nil, std)
	case !ok:
		var names []string
		for _, c := range commands() {
			names = append(names, c.name)
		}
		return complain(std.Err, fmt.Errorf("%q is not a command; the commands are %s", name, strings.Join(names, ", ")))
	}
	fmt.Fprintf(std.Out, "%s %s\n", c.name, c.does)
	return c.run([]string{"-help"}, std)
}
