//go:build linux

// Command soak checks thousands of endpoints that come and go, or looks them up, asks all the while, and tells of every
// wrong answer and of what the server used.
//
// The server is the project's own binary, a process on a loopback port. Its Corefile has names of four values each, every
// value an address of 127.0.0.0/8 of its own, all with one check. This process is the endpoints. Of some names up to two
// endpoints flap: they stay down, and up again, a little longer than the server may take to notice. After the first round
// of checks comes a phase without queries, then one with them.
//
// With -kind names, nothing is checked. The values of each name are those of a name elsewhere; this process is the resolver
// that the server asks, and what flaps comes and goes in its answers.
//
// What each file is for: a kind says what goes on in the background, and what it may cost; a zone says which values there are, and has the Corefile; a history is when an endpoint was up
// and down; endpoints and a resolver answer as their histories say; a load asks, and a judge tells which answers are wrong; a
// server and its usage are measured; a report shows it all, and the budgets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are what the command line says.
type settings struct {
	checks   int
	kind     string
	http2    bool
	interval time.Duration
	seconds  float64
	rate     int
	flap     int
	binary   string
	strict   bool
}

const help = `Usage: go run ./test/soak [flags]

Starts the server with thousands of checked values, or of values that it looks up, asks for them while endpoints come and
go, and prints what the server used and how many answers were wrong. Everything runs on loopback, from a temporary directory.

The exit status is 1 if an answer was wrong, if a budget was missed and -strict is given, and after an error.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := soak(ctx, readFlags())
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "soak: interrupted")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	case !good:
		os.Exit(1)
	}
}

func readFlags() settings {
	var s settings
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), help)
		flag.PrintDefaults()
	}
	flag.IntVar(&s.checks, "checks", 0, fmt.Sprintf("how many `values` are checked, or looked up, four of each name (default %d; of names, %d)", defaultChecks, defaultNames*valuesPerName))
	flag.StringVar(&s.kind, "kind", kindHTTP, "which `scheme` the check has, or names for values that are looked up: "+strings.Join(kinds, ", "))
	flag.BoolVar(&s.http2, "http2", false, "make the endpoints of https speak HTTP/2")
	flag.DurationVar(&s.interval, "interval", 0, fmt.Sprintf("the `interval` of the check, or the TTL of what is looked up (default %s; of names, %s)", defaultInterval, defaultNamesInterval))
	flag.Float64Var(&s.seconds, "seconds", 120, "how long each of the two phases is")
	flag.IntVar(&s.rate, "rate", 5000, "how many `queries` are sent a second")
	flag.IntVar(&s.flap, "flap", 500, "how many `endpoints` flap, at most half of them")
	flag.StringVar(&s.binary, "binary", "", "measure this `file` instead of building the binary")
	flag.BoolVar(&s.strict, "strict", false, "exit with status 1 if a budget is missed")
	flag.Parse()
	s.complete()
	err := s.check()
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q: not a flag", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(flag.CommandLine.Output(), "soak:", err)
		os.Exit(2)
	}
	return s
}

// check tells what is wrong with the settings.
func (s *settings) check() error {
	switch {
	case s.checks < valuesPerName || s.checks > maxValues || s.checks%valuesPerName != 0:
		return fmt.Errorf("-checks: %d is not a multiple of %d up to %d", s.checks, valuesPerName, maxValues)
	case !slices.Contains(kinds, s.kind):
		return fmt.Errorf("-kind: %q is not one of %s", s.kind, strings.Join(kinds, ", "))
	case s.http2 && s.kind != kindHTTPS:
		return errors.New("-http2: only of -kind https")
	case s.kind == kindNames && s.interval < defaultNamesInterval:
		return fmt.Errorf("-interval: %s is less than %s, and the server looks up no name more often", s.interval, defaultNamesInterval)
	case s.interval < time.Second || s.interval%time.Second != 0:
		return fmt.Errorf("-interval: %s is not some whole seconds", s.interval)
	case s.seconds <= 0 || s.rate < 1:
		return errors.New("-seconds and -rate: more than 0, please")
	case s.flap < 0 || s.flap > s.checks/2:
		return fmt.Errorf("-flap: %d is not from 0 to half of -checks", s.flap)
	}
	return nil
}

// soak runs both phases and reports whether all was well.
func soak(ctx context.Context, s settings) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dir, err := os.MkdirTemp("", "roundrobin53-soak-")
	if err != nil {
		return false, fmt.Errorf("make a directory for configurations: %w", err)
	}
	r := report{settings: s, files: raiseFileLimit(s.checks)}
	if err = r.run(ctx, cancel, dir); err == nil {
		err = r.print(os.Stdout)
	}
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if r.asked.wrong == 0 {
		_ = os.RemoveAll(dir) // left behind it does no harm
	} else {
		fmt.Fprintln(os.Stderr, "The Corefile and the log of the server are in", dir)
	}
	return r.asked.wrong == 0 && (!s.strict || !r.missed()), err
}

// raiseFileLimit sees to it that the server may open as many files as it takes to have a probe of every check under way:
// it does so with a part of them only. It returns how many it may open; no more than now without privileges.
func raiseFileLimit(checks int) uint64 {
	const perCheck = 4
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) // does not fail for a limit that there is
	if wanted := uint64(checks*perCheck) + 1000; limit.Max < wanted {
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: wanted, Max: wanted}) // needs privileges
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	return limit.Max
}
