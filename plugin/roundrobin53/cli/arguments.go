package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
)

// newFlags makes the flags of a command. A wrong one is answered with how the command is called.
func newFlags(name string, std Streams) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(std.Err)
	flags.Usage = func() { writeUsage(flags) }
	return flags
}

// writeUsage writes how a command is called.
func writeUsage(flags *flag.FlagSet) {
	c, _ := find([]string{flags.Name()})
	fmt.Fprintf(flags.Output(), "coredns %s %s\n", c.name, c.args)
	flags.PrintDefaults()
}

// errAsked says that an argument asks for help, which has been given.
var errAsked = errors.New("help was asked for")

// parse reads flags, which may stand before, between and behind the other arguments, and returns
// the latter. It returns an error, and has told how the command is called, if a flag is wrong or
// there are too few or too many others.
func parse(flags *flag.FlagSet, std Streams, args []string, least, most int) (others []string, err error) {
	for {
		if err := parseSome(flags, std, args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		others, args = append(others, args[0]), args[1:]
	}
	if err := validateCount(flags.Name(), others, least, most); err != nil {
		fmt.Fprintln(flags.Output(), err)
		flags.Usage()
		return nil, err
	}
	return others, nil
}

// validateCount returns an error if there are too few or too many arguments beside the flags.
func validateCount(command string, others []string, least, most int) error {
	switch n := len(others); {
	case n > most:
		return fmt.Errorf("coredns %s: %q is one argument too many", command, others[most])
	case n < least:
		return fmt.Errorf("coredns %s: an argument is missing", command)
	}
	return nil
}

// parseSome reads flags up to the first other argument. Where they ask for help, it goes to the
// standard output.
func parseSome(flags *flag.FlagSet, std Streams, args []string) error {
	usage := flags.Usage
	flags.Usage = func() {} // the package calls it for help and for errors, and does not tell which
	err := flags.Parse(args)
	flags.Usage = usage
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(std.Out)
		usage()
		return errAsked
	case err != nil:
		usage()
	}
	return err
}

// misused returns the exit code for arguments that parse did not take.
func misused(err error) int {
	if errors.Is(err, errAsked) {
		return Fine
	}
	return Misused
}

// given is a flag that may be left out, but not be empty: an empty one is a variable that is not set.
func given(flags *flag.FlagSet, name, preset, usage string) *string {
	value := preset
	flags.Func(name, usage, func(text string) error {
		if text == "" {
			return errors.New("it is empty; leave it out if it is not meant")
		}
		value = text
		return nil
	})
	return &value
}

// timeFlag is a flag for a point in time.
func timeFlag(flags *flag.FlagSet, name string, value *time.Time, usage string) {
	flags.Func(name, usage, func(text string) (err error) {
		*value, err = override.ParseTime(text)
		return err
	})
}

// complain writes an error about the arguments or the input, and returns the exit code.
func complain(w io.Writer, err error) int {
	fmt.Fprintln(w, err)
	return Misused
}
