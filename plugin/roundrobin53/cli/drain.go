package cli

import (
	"errors"
	"fmt"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
)

const (
	drainArgs   = "VALUE [-name NAME] [-until TIME] -state FILE"
	undrainArgs = "VALUE [-name NAME] -state FILE"
)

// drain writes into a state file that a value is not to be answered.
func drain(args []string, std Streams) int {
	flags := newFlags("drain", std)
	name := flags.String("name", override.Any, "the name whose `value` it is")
	until := flags.String("until", "", "the `time` at which it ends by itself, as in 2026-12-01T04:00:00Z")
	file := flags.String("state", "", "the state `file` of the server")
	words, ok := parse(flags, args, 1, 1)
	if !ok {
		return Misused
	}
	line := fmt.Sprintf("drain %s %s", *name, words[0])
	if *until != "" {
		line += " until " + *until
	}
	entries, err := override.Parse("drain", []byte(line+"\n"))
	switch {
	case *file == "":
		flags.Usage()
		return Misused
	case err != nil || len(entries) != 1:
		fmt.Fprintln(std.Err, errors.Unwrap(err))
		return Misused
	}
	return report(override.Set(*file, &entries[0]), std)
}

// undrain takes what drain wrote out of the file again.
func undrain(args []string, std Streams) int {
	flags := newFlags("undrain", std)
	name := flags.String("name", "", "the name whose `value` it is; all lines of the value if it is left out")
	file := flags.String("state", "", "the state `file` of the server")
	words, ok := parse(flags, args, 1, 1)
	if !ok {
		return Misused
	}
	value, err := override.ParseValue(words[0])
	switch {
	case *file == "":
		flags.Usage()
		return Misused
	case err != nil:
		fmt.Fprintln(std.Err, err)
		return Misused
	}
	return report(override.Remove(*file, override.Drain, value, *name), std)
}

// report writes an error, and returns the exit code.
func report(err error, std Streams) int {
	if err == nil {
		return Fine
	}
	fmt.Fprintln(std.Err, err)
	return Trouble
}
