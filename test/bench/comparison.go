//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// comparison is a scenario on its way to rows of the table.
type comparison struct {
	settings
	scenario
	dnsperf string // its path
	dir     string

	files   files
	asked   []packedQuery
	samples map[figure]map[string][]float64 // by side, one for each round
	pages   map[string]string               // addresses of status pages, by side
}

// begin begins the comparison of a scenario, in a directory below dir.
func begin(s settings, sc scenario, dnsperf, dir string) *comparison {
	return &comparison{
		settings: s, scenario: sc, dnsperf: dnsperf, dir: filepath.Join(dir, sc.name),
		samples: make(map[figure]map[string][]float64), pages: make(map[string]string),
	}
}

// measure runs the scenario.
func (c *comparison) measure(ctx context.Context) (table, error) {
	c.sides = slices.DeleteFunc(slices.Clone(c.sides), side.isMissing)
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	var err error
	questions := c.zone.questions(c.asks)
	if c.files, err = c.zone.write(c.dir, questions); err != nil {
		return nil, err
	}
	root, err := process.Root(ctx)
	if err != nil {
		return nil, err
	}
	c.files.places = filepath.Join(root, "test", "testdata", "city.mmdb")
	if c.asked, err = packQueries(questions, c.edns); err != nil {
		return nil, err
	}
	endpoint, err := listen()
	if err != nil {
		return nil, err
	}
	defer func() { _ = endpoint.Close() }() // nothing is lost with it
	resolver, err := c.zone.resolve()
	if err != nil {
		return nil, err
	}
	defer func() { _ = resolver.Shutdown() }() // nothing is lost with it
	c.files.endpoint, c.files.resolver = endpoint.Addr().String(), resolver.PacketConn.LocalAddr().String()
	c.files.workers = workers(c.isPinned())
	if c.measures(ready, "") {
		if err := c.measureStarts(ctx); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc([]figure{perQuery, latency, late, paced, lostSlow, lostQuick}, func(f figure) bool { return c.measures(f, "") }) {
		if err := c.measureLoad(ctx); err != nil {
			return nil, err
		}
	}
	return c.table(), nil
}

// isPinned reports whether each side has one processor, and is asked in batches.
func (c *comparison) isPinned() bool { return c.settings.pinned || c.scenario.pinned && !c.perf }

// turn is the sides in the order of a round: every second time the other way round, so that what changes slowly on the
// machine falls on all alike.
func (c *comparison) turn(round int) []side {
	sides := slices.Clone(c.sides)
	if round%2 == 1 {
		slices.Reverse(sides)
	}
	return sides
}

// measureStarts starts the sides one after another, several times.
func (c *comparison) measureStarts(ctx context.Context) error {
	for round := range c.starts {
		for _, s := range c.turn(round) {
			if !c.measures(ready, s.name) {
				continue
			}
			p, err := c.start(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			p.Stop()
		}
	}
	return nil
}

// measureLoad starts all sides and asks them in turns.
func (c *comparison) measureLoad(ctx context.Context) error {
	processes := make(map[string]*process.Process)
	defer func() {
		for _, p := range processes {
			p.Stop()
		}
	}()
	for _, s := range c.sides {
		p, err := c.start(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		processes[s.name] = p
	}
	warmUp := 1 // rounds that don't count: heaps grow to their size
	if len(c.asked) > 1 {
		warmUp = 4 // and nothing is asked for the first time, which may cost more
	}
	for round := range warmUp + c.rounds {
		for _, s := range c.turn(round) {
			if err := c.round(ctx, s, processes[s.name], round >= warmUp); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// start starts a side and waits until it answers.
func (c *comparison) start(ctx context.Context, s side) (*process.Process, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, strconv.Itoa(port))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if c.files.page, err = freePage(); err != nil {
		return nil, err
	}
	c.pages[s.name] = c.files.page
	path, args, text := c.binary, after("-conf"), corefile(s.plugins, c.zone, c.files, port)
	if s.earlier {
		path = c.against
	}
	if s.program != nil {
		path, args, text = s.program.command, s.program.args, s.program.config(c.files, dir, port)
	}
	conf := filepath.Join(dir, "config")
	if err := os.Symlink(filepath.Join(c.dir, "zones"), filepath.Join(dir, "zones")); err != nil {
		return nil, fmt.Errorf("link the zones: %w", err)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	command := append([]string{path}, args(conf)...)
	if c.isPinned() {
		command = slices.Concat([]string{"taskset", "-c", "0"}, command)
	}
	p, err := process.Launch(ctx, dir, port, command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	first, answers := c.first()
	if s.answers != allAnswers {
		answers = s.answers
	}
	took, err := p.Await(ctx, func(port int) error { return ask(first, c.edns, answers, port) })
	if err != nil {
		p.Stop()
		return nil, err
	}
	c.add(ready, s, took.Seconds())
	return p, nil
}

func (c *comparison) add(f figure, s side, value float64) {
	if c.samples[f] == nil {
		c.samples[f] = make(map[string][]float64)
	}
	c.samples[f][s.name] = append(c.samples[f][s.name], value)
}

// table is the rows of the scenario, as far as there is something to compare with.
func (c *comparison) table() table {
	var rows table
	for _, want := range c.rows {
		theirs, ok := c.samples[want.figure][want.against]
		if !ok {
			continue
		}
		ratios := divide(c.samples[want.figure][c.sides[0].name], theirs)
		rows = append(rows, row{scenario: c.name, expectation: want, ratios: ratios})
	}
	return rows
}
