package cli

import (
	"flag"
	"fmt"
)

// newFlags makes the flags of a command. A wrong one is answered with how the command is called.
func newFlags(name string, std Streams) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(std.Err)
	flags.Usage = func() {
		c, _ := find([]string{name})
		fmt.Fprintf(std.Err, "coredns %s %s\n", name, c.args)
		flags.PrintDefaults()
	}
	return flags
}

// parse reads flags, which may stand before, between and behind the other arguments, and returns
// the latter. It reports false, and has told how the command is called, if a flag is wrong or there
// are too few or too many others.
func parse(flags *flag.FlagSet, args []string, least, most int) (others []string, ok bool) {
	for {
		if flags.Parse(args) != nil {
			return nil, false
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		others, args = append(others, args[0]), args[1:]
	}
	if len(others) < least || len(others) > most {
		flags.Usage()
		return nil, false
	}
	return others, true
}
