//go:build linux

// Command bench compares what a query costs with roundrobin53 and with CoreDNS's own plugins, on this machine and in one
// run.
//
// Every side of a comparison is a process on a loopback port: the project's own binary with another Corefile, another
// name server, or an echo, which shows what the kernel takes for a datagram in and out. dnsperf asks the sides in turns,
// many short rounds, and the figure is the processor time (user and system) that the process took for each query
// answered. All figures are printed as ratios of two sides of the same round: what else the machine is doing, and how
// fast it is, falls on both. Beside them stand the budgets that the project has set itself.
//
// What each file is for: a scenario says what is asked, and of which sides; a comparison runs it, with processes that
// answer and clients that ask; a table shows the ratios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// settings are what the command line says.
type settings struct {
	run     *regexp.Regexp
	rounds  int
	starts  int
	seconds float64
	binary  string
	against string
	timeout time.Duration
	strict  bool
	pinned  bool
	perf    bool
	profile string
}

const usage = `Usage: go run ./test/bench [flags]

Compares roundrobin53 with CoreDNS's own plugins and with other name servers, and prints ratios, with the budget of each:
the processor time of a query, its latency at 5,000 queries a second, the octets of an answer, the queries lost at
half of the rate that was reached, the memory, and the time to start. Everything runs on loopback, from a temporary
directory.

It needs Linux, Go, and dnsperf (Debian package dnsperf). The rows against gdnsd, nsd and knot are there where these are
installed (Debian packages gdnsd, nsd and knot; their services need not run).

dnsperf may take more processor time than a fast server, and then it is the limit. So where the fast path is compared, each
side has one processor, and the load comes from a client of the bench that asks and hears many queries in a system call, 64 on
their way; -dnsperf gives a second opinion. With -pinned all sides are asked in that way.

The exit status is 0 even where a budget is missed, unless -strict is given, and 1 after an error.

Scenarios:
`

func main() {
	if len(os.Args) == 3 && os.Args[1] == echoOption {
		fmt.Fprintln(os.Stderr, "bench: echo:", serveEcho(os.Args[2]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	missed, err := bench(ctx, readFlags())
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	case missed:
		os.Exit(1)
	}
}

func readFlags() settings {
	var s settings
	flag.Usage = func() {
		out := flag.CommandLine.Output()
		fmt.Fprint(out, usage)
		for _, sc := range scenarios {
			fmt.Fprintf(out, "  %-12s %s\n", sc.name, sc.title)
		}
		fmt.Fprint(out, "\nFlags:\n")
		flag.PrintDefaults()
	}
	pattern := flag.String("run", "", "run only the scenarios whose name matches this `regexp`")
	flag.IntVar(&s.rounds, "rounds", 10, "how many `times` each side of a scenario is asked")
	flag.IntVar(&s.starts, "starts", 3, "how many `times` each side is started where the time to start counts")
	flag.Float64Var(&s.seconds, "seconds", 2, "how long a side is asked in a round")
	flag.StringVar(&s.binary, "binary", "", "measure this `file` instead of building the binary")
	flag.StringVar(&s.against, "against", "", "compare with the binary `file` of another commit, and with nothing else")
	flag.DurationVar(&s.timeout, "timeout", time.Hour, "give up after this time")
	flag.BoolVar(&s.strict, "strict", false, "exit with status 1 if a budget is missed")
	flag.BoolVar(&s.pinned, "pinned", false, "run each side of all scenarios on one processor, and ask it with many queries in a system call")
	flag.BoolVar(&s.perf, "dnsperf", false, "ask with dnsperf also where the fast path is compared, and give each side all processors there")
	flag.StringVar(&s.profile, "profile", "", "compare nothing, but write a profile for the compiler to this `file`")
	flag.Parse()
	var err error
	s.run, err = regexp.Compile(*pattern)
	switch {
	case err != nil:
		err = fmt.Errorf("-run: %w", err)
	case flag.NArg() > 0:
		err = fmt.Errorf("%q: not a flag", flag.Arg(0))
	case s.rounds < 1 || s.starts < 1 || s.seconds <= 0:
		err = errors.New("-rounds, -starts and -seconds: more than 0, please")
	}
	if err != nil {
		fmt.Fprintln(flag.CommandLine.Output(), "bench:", err)
		os.Exit(2)
	}
	return s
}

// bench does what the command line says and reports whether -strict was given and a budget missed.
func bench(ctx context.Context, s settings) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	dnsperf, err := findClient()
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "roundrobin53-bench-")
	if err != nil {
		return false, fmt.Errorf("make a directory for configurations: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // left behind it does no harm
	if s.binary == "" {
		s.binary = filepath.Join(dir, "coredns")
		if err := process.Build(ctx, s.binary); err != nil {
			return false, err
		}
	}
	if s.profile != "" {
		return false, profile(ctx, s, dnsperf, dir, s.profile)
	}
	all, err := compare(ctx, s, dnsperf, dir)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(os.Stdout, "roundrobin53 against the other side: medians of %d rounds of %g s, %d starts\n\n", s.rounds, s.seconds, s.starts)
	if err := all.print(os.Stdout); err != nil {
		return false, fmt.Errorf("print the table: %w", err)
	}
	return s.strict && all.missed(), nil
}

// compare runs the scenarios.
func compare(ctx context.Context, s settings, dnsperf, dir string) (table, error) {
	for _, s := range []side{gdnsdSide, nsdSide, knotSide} {
		if s.isMissing() {
			fmt.Fprintf(os.Stderr, "%s is not installed: there are no rows against it\n", s.name)
		}
	}
	var all table
	for _, sc := range scenarios {
		if !s.run.MatchString(sc.name) {
			continue
		}
		if s.against != "" {
			if sc = sc.withEarlier(); len(sc.rows) == 0 {
				continue
			}
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", sc.name, sc.title)
		c := begin(s, sc, dnsperf, dir)
		rows, err := c.measure(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sc.name, err)
		}
		all = append(all, rows...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("-run: no scenario matches %q", s.run)
	}
	return all, nil
}
