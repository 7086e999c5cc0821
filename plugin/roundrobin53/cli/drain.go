package cli

import (
	"flag"
	"fmt"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
)

const (
	drainArgs   = "VALUE [-name NAME] [-until TIME] -state FILE"
	undrainArgs = "VALUE [-name NAME] -state FILE"
)

// drain writes into a state file that a value is not to be answered.
func drain(args []string, std Streams) int {
	e := override.Entry{Action: override.Drain}
	flags := newFlags("drain", std)
	name := given(flags, "name", override.Any, "the `name` whose value it is (default all names)")
	timeFlag(flags, "until", &e.Until, "the `time` at which it ends by itself, as in 2026-12-01T04:00:00Z")
	file := given(flags, "state", "", "the state `file` of the server")
	words, err := parse(flags, std, args, 1, 1)
	if err != nil {
		return misused(err)
	}
	if *file == "" {
		return lacksState(flags)
	}
	e.Name = *name
	if e.Value, err = override.ParseValue(words[0]); err == nil {
		err = e.Validate()
	}
	if err == nil && !e.Holds(time.Now()) {
		err = fmt.Errorf("-until %s: that is over; leave it out for a drain without an end", e.Until.Format(time.RFC3339))
	}
	if err != nil {
		return complain(std.Err, err)
	}
	return report(override.Set(*file, &e), std)
}

// undrain takes what drain wrote out of the file again.
func undrain(args []string, std Streams) int {
	flags := newFlags("undrain", std)
	name := given(flags, "name", "", "the `name` whose value it is (default all lines of the value)")
	file := given(flags, "state", "", "the state `file` of the server")
	words, err := parse(flags, std, args, 1, 1)
	if err != nil {
		return misused(err)
	}
	if *file == "" {
		return lacksState(flags)
	}
	value, err := override.ParseValue(words[0])
	if err != nil {
		return complain(std.Err, err)
	}
	return report(override.Remove(*file, override.Drain, value, *name), std)
}

// lacksState tells that no state file is named, and returns the exit code.
func lacksState(flags *flag.FlagSet) int {
	fmt.Fprintf(flags.Output(), "coredns %s: -state FILE is missing\n", flags.Name())
	flags.Usage()
	return Misused
}

// report writes an error, and returns the exit code.
func report(err error, std Streams) int {
	if err == nil {
		return Fine
	}
	fmt.Fprintln(std.Err, err)
	return Trouble
}
