//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// How dnsperf asks: a few sockets, and enough queries on their way to keep any side busy.
const (
	clientSockets = "8"
	clientQueries = 64
)

// openQueries is how many queries may be on their way where what counts is how many are lost. It is more than two sockets
// hold as the kernel makes them, some 280 each, so that a side that is held up loses some instead of slowing the client
// down; and not so many that a client that was held up floods a side when it makes up for that. A lost query is on its
// way until its time is up, so this also bounds what can be lost in a second.
const openQueries = 1000

// ednsSize is the buffer size that dnsperf advertises with -e.
const ednsSize = 4096

// findClient finds dnsperf.
func findClient() (string, error) {
	path, err := exec.LookPath("dnsperf")
	if err != nil {
		return "", fmt.Errorf("dnsperf is missing; install the Debian package dnsperf (apt-get install dnsperf): %w", err)
	}
	return path, nil
}

// client asks with dnsperf.
type client struct {
	dnsperf string // its path
	queries string // a file
	edns    bool
	seconds float64
}

// tally is what became of the queries of one round.
type tally struct {
	sent, completed, good uint64 // good: answered as expected; dnsperf does not tell which, so with NOERROR or NXDOMAIN
	octets                uint64 // of an answer, on average
	rate                  uint64 // answers a second
}

// load asks a port, with so many queries on their way at most, and so many a second. A rate of 0 stands for as fast as
// answers come.
func (c client) load(ctx context.Context, port, queries int, rate uint64) (tally, error) {
	args := []string{
		"-s", "127.0.0.1", "-p", strconv.Itoa(port), "-d", c.queries, "-c", clientSockets, "-q", strconv.Itoa(queries),
		"-t", "1", "-l", strconv.FormatFloat(c.seconds, 'f', -1, 64),
	}
	if c.edns {
		args = append(args, "-e")
	}
	if rate > 0 {
		args = append(args, "-Q", strconv.FormatUint(rate, 10))
	}
	out, err := exec.CommandContext(ctx, c.dnsperf, args...).CombinedOutput()
	if err != nil {
		return tally{}, fmt.Errorf("run dnsperf: %w: %s", err, out)
	}
	t, err := parseTally(string(out))
	if err != nil {
		return t, fmt.Errorf("read the output of dnsperf: %w", err)
	}
	return t, nil
}

var tallyLines = map[string]*regexp.Regexp{
	"sent":      regexp.MustCompile(`(?m)^\s*Queries sent:\s+(\d+)`),
	"completed": regexp.MustCompile(`(?m)^\s*Queries completed:\s+(\d+)`),
	"octets":    regexp.MustCompile(`(?m)^\s*Average packet size:.*\bresponse (\d+)`),
	"a second":  regexp.MustCompile(`(?m)^\s*Queries per second:\s+(\d+)`),
	"NOERROR":   regexp.MustCompile(`(?m)^\s*Response codes:(?:.*\bNOERROR)? (\d+)`),
}

// parseTally reads the statistics that dnsperf prints.
func parseTally(out string) (tally, error) {
	var t tally
	for name, field := range map[string]*uint64{
		"sent": &t.sent, "completed": &t.completed, "NOERROR": &t.good, "octets": &t.octets, "a second": &t.rate,
	} {
		match := tallyLines[name].FindStringSubmatch(out)
		if match == nil {
			return t, fmt.Errorf("no number %q in %q", name, out)
		}
		n, err := strconv.ParseUint(match[1], 10, 64)
		if err != nil {
			return t, fmt.Errorf("%s: %w", name, err)
		}
		*field = n
	}
	if match := deniedLine.FindStringSubmatch(out); match != nil {
		denied, err := strconv.ParseUint(match[1], 10, 64)
		if err != nil {
			return t, fmt.Errorf("NXDOMAIN: %w", err)
		}
		t.good += denied
	}
	return t, nil
}

// deniedLine tells how many names did not exist, if there were any.
var deniedLine = regexp.MustCompile(`(?m)^\s*Response codes:.*\bNXDOMAIN (\d+)`)

// lost is how many queries were not answered.
func (t tally) lost() uint64 { return t.sent - t.completed }

// check refuses a round that tells nothing: the queries were not answered, or not with what was asked.
func (t tally) check() error {
	const maxLost = 100 // one query in so many
	switch {
	case t.completed == 0:
		return errors.New("no query was answered")
	case t.lost()*maxLost > t.sent:
		return fmt.Errorf("%d of %d queries were lost", t.lost(), t.sent)
	case t.good != t.completed:
		return fmt.Errorf("%d of %d answers are errors", t.completed-t.good, t.completed)
	}
	return nil
}

// wrongAnswerError is an answer that is not what the side should say.
type wrongAnswerError struct{ answer *dns.Msg }

func (e *wrongAnswerError) Error() string { return "it answers something else:\n" + e.answer.String() }

// Unwrap makes waiting end: the next answer would be no better.
func (e *wrongAnswerError) Unwrap() error { return process.ErrFinal }

// ask asks once, as dnsperf does, and checks the answer. The echo's has the RCODE of the query.
func ask(q question, edns bool, answers, port int) error {
	client := dns.Client{Timeout: 100 * time.Millisecond, UDPSize: ednsSize}
	reply, _, err := client.Exchange(q.query(edns), net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("ask for %s: %w", q.name, err)
	}
	if reply.Rcode == dns.RcodeServerFailure {
		return fmt.Errorf("ask for %s: SERVFAIL, as long as its values have not been looked up", q.name)
	}
	if reply.Rcode != q.rcode && reply.Rcode != dns.RcodeSuccess || reply.Truncated || len(reply.Answer) != answers {
		return &wrongAnswerError{reply}
	}
	return nil
}
