//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// profiled are the scenarios that a profile for the compiler is taken of.
var profiled = []string{"a8", "a64", "names", "fast8", "fastmix"}

// profileSeconds is how long each of them is asked for it.
const profileSeconds = 20

// profile writes what the processor does in the server while it is asked into a file, for the compiler
// (https://go.dev/doc/pgo).
func profile(ctx context.Context, s settings, dnsperf, dir, to string) error {
	var parts []string
	for _, sc := range scenarios {
		for _, name := range profiled {
			if sc.name != name {
				continue
			}
			part := filepath.Join(dir, name+".pprof")
			c := begin(s, sc, dnsperf, dir)
			if err := c.profile(ctx, part); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			parts = append(parts, part)
		}
	}
	// The parts have their symbols. Looking them up in the binary again would lose the first lines of
	// functions, without which the compiler refuses a profile.
	merged, err := exec.CommandContext(ctx, "go", append([]string{"tool", "pprof", "-symbolize=none", "-proto"}, parts...)...).Output()
	if err != nil {
		return fmt.Errorf("merge the profiles: %w", err)
	}
	if err := os.WriteFile(to, merged, 0o644); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

// profile takes the profile of one scenario.
func (c *comparison) profile(ctx context.Context, to string) error {
	c.seconds = profileSeconds + 2
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	var err error
	questions := c.zone.questions(c.asks)
	if c.files, err = c.zone.write(c.dir, questions); err != nil {
		return err
	}
	if c.asked, err = packQueries(questions, c.edns); err != nil {
		return err
	}
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	watched := c.sides[0]
	watched.plugins = append([]plugin{func(zone, files) string { return "pprof " + address + "\n" }}, watched.plugins...)
	p, err := c.start(ctx, watched)
	if err != nil {
		return err
	}
	defer p.Stop()
	asked := make(chan error, 1)
	go func() {
		t, err := c.load(ctx, p.Port)
		if err == nil {
			err = t.check()
		}
		asked <- err
	}()
	err = fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, profileSeconds), to)
	if askErr := <-asked; err == nil {
		err = askErr
	}
	return err
}

// fetch saves what a URL gives.
func fetch(ctx context.Context, url, to string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*profileSeconds*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask for the profile: %w", err)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask for the profile: %w", err)
	}
	defer func() { _ = reply.Body.Close() }() // it is only read
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for the profile: %s: %s", reply.Status, data)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return fmt.Errorf("save the profile: %w", err)
	}
	return nil
}
