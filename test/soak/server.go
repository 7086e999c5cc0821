//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// server is the server while it runs.
type server struct {
	*process.Process
	settings
	ports ports
}

// start starts the server in a directory, and waits until it answers.
func start(ctx context.Context, s settings, dir, authority string, endpoints int) (*server, error) {
	srv := &server{settings: s, ports: ports{endpoints: endpoints}}
	if s.binary == "" {
		srv.binary = filepath.Join(dir, "coredns")
		if err := process.Build(ctx, srv.binary); err != nil {
			return nil, err
		}
	} else if path, err := filepath.Abs(s.binary); err == nil {
		srv.binary = path // it runs in another directory
	}
	for _, port := range []*int{&srv.ports.dns, &srv.ports.metrics, &srv.ports.profiles} {
		var err error
		if *port, err = process.FreePort(); err != nil {
			return nil, err
		}
	}
	conf := filepath.Join(dir, "Corefile")
	if err := os.WriteFile(conf, []byte(s.corefile(srv.ports, authority)), 0o600); err != nil {
		return nil, fmt.Errorf("write the Corefile: %w", err)
	}
	var err error
	if srv.Process, err = process.Launch(ctx, dir, srv.ports.dns, srv.binary, "-conf", conf); err != nil {
		return nil, err
	}
	if _, err := srv.Await(ctx, ask); err != nil {
		srv.Stop()
		return nil, err
	}
	return srv, nil
}

// ask asks for the first name, once.
func ask(port int) error {
	client := dns.Client{Timeout: 100 * time.Millisecond}
	_, _, err := client.Exchange(new(dns.Msg).SetQuestion(owner(0), dns.TypeA), net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err
}

// awaitFirstRound waits until every value has been probed or looked up.
func (srv *server) awaitFirstRound(ctx context.Context) error {
	_, err := srv.await(ctx, func(m metrics) error {
		if m.attempts < uint64(srv.attempts()) {
			return fmt.Errorf("first round: %d of %d attempts", m.attempts, srv.attempts())
		}
		return nil
	})
	return err
}

// await asks for metrics until they are good. While a small machine has all to do with the first round, the server cuts
// them off.
func (srv *server) await(ctx context.Context, good func(metrics) error) (metrics, error) {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		m, err := srv.metrics(ctx)
		if err == nil {
			err = good(m)
		}
		if err == nil {
			return m, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return m, fmt.Errorf("wait for metrics: %w (%w)", context.Cause(ctx), err)
		}
	}
}

// whatever is for metrics that are good as they are.
func whatever(metrics) error { return nil }

// metrics are what the server says of itself.
type metrics struct{ attempts, goroutines uint64 }

// metrics asks the server.
func (srv *server) metrics(ctx context.Context) (metrics, error) {
	url := fmt.Sprintf("http://127.0.0.1:%d/metrics", srv.ports.metrics)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return metrics{}, fmt.Errorf("ask for metrics: %w", err)
	}
	req.Close = true // no goroutine is to stay behind in the server
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return metrics{}, fmt.Errorf("ask for metrics: %w", err)
	}
	defer func() { _ = reply.Body.Close() }() // it is only read
	return parseMetrics(reply.Body)
}

// parseMetrics reads what is wanted of the text that Prometheus reads.
func parseMetrics(r io.Reader) (metrics, error) {
	var m metrics
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		series, text, _ := strings.Cut(lines.Text(), " ")
		name, _, _ := strings.Cut(series, "{")
		field := map[string]*uint64{
			"coredns_roundrobin53_probes_total": &m.attempts, "coredns_roundrobin53_lookups_total": &m.attempts, "go_goroutines": &m.goroutines,
		}[name]
		if field == nil {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return m, fmt.Errorf("metric %s: %w", name, err)
		}
		*field += uint64(value)
	}
	return m, lines.Err()
}

// usage is what the server used in a phase, and the number of what it had at its end.
type usage struct {
	cpu                     float64 // of one core
	attempts, connections   float64 // a second
	resident                uint64  // KiB
	descriptors, goroutines uint64
}

// reading is what the server and the endpoints had counted at a moment.
type reading struct {
	at                        time.Time
	ticks, attempts, accepted uint64
}

// measure measures the server while something is done for the seconds of a phase.
func (srv *server) measure(ctx context.Context, e *endpoints, do func(ctx context.Context) error) (usage, error) {
	m, err := srv.await(ctx, whatever) // outside of what is measured
	if err != nil {
		return usage{}, err
	}
	before, err := srv.read(m, e)
	if err != nil {
		return usage{}, err
	}
	phase, cancel := context.WithTimeout(ctx, time.Duration(srv.seconds*float64(time.Second)))
	defer cancel()
	if err := do(phase); err != nil {
		return usage{}, err
	}
	after, err := srv.read(metrics{}, e)
	if err != nil {
		return usage{}, err
	}
	descriptors, err := srv.Descriptors()
	if err != nil {
		return usage{}, err
	}
	resident, err := srv.Resident()
	if err != nil {
		return usage{}, err
	}
	if m, err = srv.await(ctx, whatever); err != nil {
		return usage{}, err
	}
	after.attempts = m.attempts
	u := before.until(after)
	u.resident, u.descriptors, u.goroutines = resident, uint64(descriptors), m.goroutines
	return u, nil
}

func (srv *server) read(m metrics, e *endpoints) (reading, error) {
	ticks, err := srv.Ticks()
	return reading{at: time.Now(), ticks: ticks, attempts: m.attempts, accepted: e.accepted.Load()}, err
}

// until is what was used between two readings.
func (r reading) until(after reading) usage {
	seconds := after.at.Sub(r.at).Seconds()
	return usage{
		cpu:         float64(after.ticks-r.ticks) / process.TicksPerSecond / seconds,
		attempts:    float64(after.attempts-r.attempts) / seconds,
		connections: float64(after.accepted-r.accepted) / seconds,
	}
}

// complaints are the lines of a log that tell of trouble, and not only that an endpoint went down which did.
func complaints(log string) []string {
	var complaints []string
	for line := range strings.Lines(log) {
		flapped := strings.Contains(line, " is down: ") &&
			(strings.Contains(line, ": status 503,") || strings.Contains(line, ": connection refused"))
		if strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "[INFO]") && !flapped {
			complaints = append(complaints, strings.TrimSpace(line))
		}
	}
	return complaints
}
