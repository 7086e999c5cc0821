//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	settings
	files         uint64        // how many the server may open
	switches      int           // of endpoints
	slowest       time.Duration // of endpoints to answer
	alone, loaded usage         // without queries and with them
	asked         tally
	complaints    []string
}

// run runs both phases. An endpoint that fails to flap ends them, by cancel.
func (r *report) run(ctx context.Context, cancel context.CancelCauseFunc, dir string) error {
	e, authority, err := r.open(dir)
	if err != nil {
		return err
	}
	defer e.close()
	srv, err := start(ctx, r.settings, dir, authority, e.port)
	if err != nil {
		return err
	}
	defer srv.Stop()
	fmt.Fprintf(os.Stderr, "profiles are at http://127.0.0.1:%d/debug/pprof/\n", srv.ports.profiles)
	if err := srv.awaitFirstRound(ctx); err != nil {
		return err
	}
	flapping, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.flap(flapping, r.settings); err != nil {
			cancel(err)
		}
	})
	defer running.Wait()
	defer stop()
	return r.measure(ctx, srv, e)
}

// open opens the endpoints.
func (r *report) open(dir string) (e *endpoints, authority string, err error) {
	authority = filepath.Join(dir, "ca.pem")
	if r.kind != kindHTTPS {
		e, err = open(r.settings, nil)
		return e, authority, err
	}
	certificate, err := certify(authority)
	if err != nil {
		return nil, "", err
	}
	e, err = open(r.settings, certificate)
	return e, authority, err
}

// measure measures both phases.
func (r *report) measure(ctx context.Context, srv *server, e *endpoints) (err error) {
	r.alone, err = srv.measure(ctx, e, func(phase context.Context) error {
		<-phase.Done()
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	j := &judge{bounds: r.bounds(), histories: e.histories}
	r.loaded, err = srv.measure(ctx, e, func(phase context.Context) (err error) {
		r.asked, err = load(phase, srv.Port, float64(r.rate), j)
		return err
	})
	r.switches, r.slowest = e.switches(), time.Duration(e.slowest.Load())
	if err != nil {
		return err
	}
	log, err := srv.Log()
	r.complaints = complaints(log)
	return err
}

// missed reports whether a budget is missed.
func (r *report) missed() bool {
	b := r.bounds()
	return r.alone.cpu > r.budget() || r.asked.slowestDown > b.down || r.asked.slowestUp > b.up
}

// line is one line of the table: a figure of both phases, and the budget of one of them.
type line struct{ figure, alone, loaded, budget, met string }

// The figures that only checks have.
const (
	connectionsFigure = "connections a second"
	slowestFigure     = "slowest endpoint"
)

func (r *report) lines() []line {
	b := r.bounds()
	all := []line{
		{"CPU, of one core", percent(r.alone.cpu), percent(r.loaded.cpu), percent(r.budget()), met(r.alone.cpu <= r.budget())},
		{r.attemptsFigure(), whole(r.alone.attempts), whole(r.loaded.attempts), "", ""},
		{connectionsFigure, whole(r.alone.connections), whole(r.loaded.connections), "", ""},
		{"resident memory, MiB", whole(float64(r.alone.resident) / 1024), whole(float64(r.loaded.resident) / 1024), "", ""},
		{fmt.Sprintf("descriptors of %d", r.files), count(r.alone.descriptors), count(r.loaded.descriptors), "", ""},
		{"goroutines", count(r.alone.goroutines), count(r.loaded.goroutines), "", ""},
		{"queries", "", count(r.asked.sent), "", ""},
		{"queries lost", "", count(r.asked.sent - r.asked.answered), "", ""},
		{"wrong answers", "", count(r.asked.wrong), "0", met(r.asked.wrong == 0)},
		{"times a value had to be left out", "", count(r.asked.without), "", ""},
		{"longest down and answered", "", seconds(r.asked.slowestDown), seconds(b.down), met(r.asked.slowestDown <= b.down)},
		{"longest up and not answered", "", seconds(r.asked.slowestUp), seconds(b.up), met(r.asked.slowestUp <= b.up)},
		{slowestFigure, "", seconds(r.slowest), "", ""},
		{"lines of trouble in the log", "", count(uint64(len(r.complaints))), "", ""},
	}
	if r.kind == kindNames {
		isOfChecks := func(l line) bool { return l.figure == connectionsFigure || l.figure == slowestFigure }
		all = slices.DeleteFunc(all, isOfChecks)
	}
	return all
}

// slowPart of the timeout is how slow the endpoints may be before that is told: probes may have timed out then.
const slowPart = 2

// print prints the table, and what was wrong.
func (r *report) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // Flush has the errors of all that is written to it
	_, _ = fmt.Fprintf(out, "%s, %d endpoints flapping (%d times by now), two phases of %g s, %d queries a second\n\n",
		r.what(), r.flap, r.switches, r.seconds, r.rate)
	_, _ = fmt.Fprintln(out, "FIGURE\tWITHOUT QUERIES\tWITH QUERIES\tBUDGET\tMET")
	for _, l := range r.lines() {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", l.figure, l.alone, l.loaded, l.budget, l.met)
	}
	for _, example := range r.asked.examples {
		_, _ = fmt.Fprintf(out, "wrong: %s\n", example)
	}
	for _, complaint := range r.complaints[:min(len(r.complaints), maxExamples)] {
		_, _ = fmt.Fprintf(out, "log: %s\n", complaint)
	}
	if r.slowest > r.timeout()/slowPart {
		_, _ = fmt.Fprintln(out, "The endpoints, which are in this process, were slow: what the server says of them may be right.\n"+
			"Try again when the machine is less busy, or with fewer checks.")
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

func percent(part float64) string         { return fmt.Sprintf("%.1f %%", part*100) }
func whole(number float64) string         { return fmt.Sprintf("%.0f", number) }
func count(number uint64) string          { return fmt.Sprint(number) }
func seconds(period time.Duration) string { return fmt.Sprintf("%.1f s", period.Seconds()) }

func met(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}
