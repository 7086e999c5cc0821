//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roundrobin53/roundrobin53/test/process"
)

// The sides with a status page: a client reads it while they are asked, nobody does, or a client reads the page of another
// process, which takes as much of the machine.
var (
	oursRead       = side{name: "roundrobin53, page read", plugins: []plugin{roundrobin53Shown}, answers: allAnswers}
	oursUnread     = side{name: "roundrobin53, page unread", plugins: []plugin{roundrobin53Shown}, answers: allAnswers}
	oursBeside     = side{name: "roundrobin53, another page read", plugins: []plugin{roundrobin53Shown}, answers: allAnswers}
	oursFastRead   = side{name: "roundrobin53 with fastpath, page read", plugins: []plugin{roundrobin53FastShown}, answers: allAnswers}
	oursFastUnread = side{name: "roundrobin53 with fastpath, page unread", plugins: []plugin{roundrobin53FastShown}, answers: allAnswers}
	oursFastBeside = side{name: "roundrobin53 with fastpath, another page read", plugins: []plugin{roundrobin53FastShown}, answers: allAnswers}
)

// pageScenarios are about queries beside a status page. The page has enough names to be no trifle, and few enough that a
// processor has time left.
var pageScenarios = []scenario{
	{
		name:  "page",
		title: "100 names with 8 A, 5,000 queries a second, while a client reads the status page 100 times a second",
		zone:  zone{names: 100, addresses: 8},
		read:  map[string]string{oursRead.name: oursRead.name, oursBeside.name: oursUnread.name},
		sides: []side{oursRead, oursUnread, oursBeside},
		rows:  []expectation{{late, oursUnread.name, 0}, {late, oursBeside.name, 0}, {latency, oursUnread.name, 0}},
	},
	{
		name:  "fastpage",
		title: "fastpath: the same",
		zone:  zone{names: 100, addresses: 8},
		read:  map[string]string{oursFastRead.name: oursFastRead.name, oursFastBeside.name: oursFastUnread.name},
		sides: []side{oursFastRead, oursFastUnread, oursFastBeside},
		rows:  []expectation{{late, oursFastUnread.name, 0}, {late, oursFastBeside.name, 0}, {latency, oursFastUnread.name, 0}},
	},
}

func roundrobin53Shown(z zone, f files) string {
	return strings.Replace(roundrobin53(z, f), "{\n", "{\nstatus "+f.page+"\n", 1)
}

func roundrobin53FastShown(z zone, f files) string {
	return strings.Replace(roundrobin53Fast(z, f), "{\n", "{\nstatus "+f.page+"\n", 1)
}

// The paths that a reader of a status page asks for in turns, and how often it asks for one.
var readPaths = []string{"/", "/status.json"}

const (
	readEvery   = 10 * time.Millisecond
	mostReading = 16 // requests under way: a page that takes longer is not asked more often
)

// freePage finds an address for a status page.
func freePage() (string, error) {
	port, err := process.FreePort()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", port), nil
}

// A reader reads a status page until it is stopped.
type reader struct {
	page    string
	client  http.Client
	stop    context.CancelFunc
	running sync.WaitGroup
	due     int // requests, by the clock
	read    atomic.Int64
	failed  atomic.Pointer[error] // the first failure
}

// startReader begins to read the page at an address.
func startReader(ctx context.Context, page string) *reader {
	r := &reader{page: page, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: mostReading}}}
	ctx, r.stop = context.WithCancel(ctx)
	r.running.Go(func() { r.run(ctx) })
	return r
}

// run asks for a path at each tick, as long as not too many requests are under way.
func (r *reader) run(ctx context.Context) {
	ticker := time.NewTicker(readEvery)
	defer ticker.Stop()
	places := make(chan struct{}, mostReading)
	var under sync.WaitGroup
	defer under.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		path := readPaths[r.due%len(readPaths)]
		r.due++
		select {
		case places <- struct{}{}:
			under.Go(func() {
				r.get(ctx, path)
				<-places
			})
		default: // it is left out, and missing in the count
		}
	}
}

// get reads a path to its end.
func (r *reader) get(ctx context.Context, path string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.page+path, nil)
	if err == nil {
		err = r.do(request)
	}
	switch {
	case err == nil:
		r.read.Add(1)
	case ctx.Err() == nil:
		r.failed.CompareAndSwap(nil, &err)
	}
}

func (r *reader) do(request *http.Request) error {
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("read the status page: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // nothing is lost with it
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("read the status page: %s: %s", request.URL.Path, response.Status)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read the status page: %w", err)
	}
	return nil
}

// end stops the reader. It returns an error if a request failed, or if so few of them were answered that the figure says
// nothing of a page that is read.
func (r *reader) end() error {
	r.stop()
	r.running.Wait()
	r.client.CloseIdleConnections()
	if failed := r.failed.Load(); failed != nil {
		return *failed
	}
	if n := int(r.read.Load()); 2*(n+mostReading) < r.due {
		return fmt.Errorf("the status page was read %d times in place of %d", n, r.due)
	}
	return nil
}

// reading has a status page read while f asks a side, if the scenario says so.
func (c *comparison) reading(ctx context.Context, s side, f func() error) error {
	read, ok := c.read[s.name]
	if !ok {
		return f()
	}
	r := startReader(ctx, c.pages[read])
	err := f()
	if failed := r.end(); err == nil {
		err = failed
	}
	return err
}
