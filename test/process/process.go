//go:build linux

// Package process starts other programs for measurements, and tells what they use: processor time, memory, descriptors.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a server on a loopback port. It leads a process group of its own: nsd is more than one process.
type Process struct {
	Port    int
	log     string // the file it writes to
	started time.Time
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process has
}

// init keeps main on the process's first thread, as long as Launch is called from there: what it starts is killed by the
// kernel when that thread ends, which is when this process does.
func init() { runtime.LockOSThread() }

const module = "github.com/roundrobin53/roundrobin53"

// Root is the directory of the project's module.
func Root(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// Build makes the project's binary, as a release does: with all plugins, and with the profile for the compiler.
func Build(ctx context.Context, path string) error {
	root, err := Root(ctx)
	if err != nil {
		return err
	}
	profile := filepath.Join(root, "build", "coredns.pgo")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "full", "-pgo="+profile, "-o", path, module+"/build")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the binary: %w", err)
	}
	return nil
}

// Launch starts a process that writes its log into a directory.
func Launch(ctx context.Context, dir string, port int, path string, args ...string) (*Process, error) {
	p := &Process{Port: port, log: filepath.Join(dir, "log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has it open itself
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = p.kill
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	go func() {
		_ = p.cmd.Wait() // that it was killed is no news
		close(p.ended)
	}()
	return p, nil
}

// kill ends the process group. There is nothing that it would have to put in order.
func (p *Process) kill() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// Stop ends the process and waits for it.
func (p *Process) Stop() {
	_ = p.kill() // an error means that it has ended
	<-p.ended
}

// Reload has CoreDNS read its Corefile again.
func (p *Process) Reload() error {
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	return nil
}

// maxStart is how long a process may take until it answers: a million records take a small machine some time.
const maxStart = 3 * time.Minute

// ErrFinal is in the tree of an error that waiting does not mend: something answers, but not what it should.
var ErrFinal = errors.New("final")

// Await waits for the first answer and tells how long it took from the start.
func (p *Process) Await(ctx context.Context, ask func(port int) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, maxStart)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(p.Port)
		if err == nil {
			return time.Since(p.started), nil
		}
		if errors.Is(err, ErrFinal) {
			return 0, err
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return 0, fmt.Errorf("it ended before it answered: %s", p.lastWords())
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the first answer: %w (%w): %s", ctx.Err(), err, p.lastWords())
		}
	}
}

// Log returns everything that the process has written so far.
func (p *Process) Log() (string, error) {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return "", fmt.Errorf("read the log: %w", err)
	}
	return string(log), nil
}

// lastWords returns the end of the log.
func (p *Process) lastWords() string {
	log, err := p.Log()
	if err != nil {
		return err.Error()
	}
	const enough = 1000
	return strings.TrimSpace(log[max(0, len(log)-enough):])
}

// TicksPerSecond is the kernel's unit of processor time, USER_HZ, on every machine that Go runs on.
const TicksPerSecond = 100

// Ticks is the processor time of the group so far, user and system, in the kernel's unit.
func (p *Process) Ticks() (uint64, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("list processes: %w", err)
	}
	var sum uint64
	found := false
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		group, ticks, err := parseStat(string(text))
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		if group == p.cmd.Process.Pid {
			found = true
			sum += ticks
		}
	}
	if !found {
		return 0, fmt.Errorf("it has ended: %s", p.lastWords())
	}
	return sum, nil
}

// parseStat reads the process group and the sum of utime and stime from a line of /proc/PID/stat, see proc(5). The
// second field is a name in parentheses that may hold anything.
func parseStat(line string) (group int, ticks uint64, err error) {
	fields := strings.Fields(line[strings.LastIndex(line, ")")+1:])
	const pgrp, utime, stime = 5 - 3, 14 - 3, 15 - 3 // as proc(5) counts, less those cut off
	if len(fields) <= stime {
		return 0, 0, fmt.Errorf("%q: too short", line)
	}
	group, err = strconv.Atoi(fields[pgrp])
	user, errUser := strconv.ParseUint(fields[utime], 10, 64)
	system, errSystem := strconv.ParseUint(fields[stime], 10, 64)
	return group, user + system, errors.Join(err, errUser, errSystem)
}

// Resident is the memory of the process that is not swapped out, in KiB.
func (p *Process) Resident() (uint64, error) {
	path := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the memory in use: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("read %s: no VmRSS", path)
}

// Descriptors is how many files and sockets the process has open.
func (p *Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("count descriptors: %w", err)
	}
	return len(entries), nil
}
