package test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// signal is what an endpoint says to a probe.
type signal int

const (
	pass signal = iota // 200
	fail               // 503
	hang               // nothing, until it is set to something else or the client gives up
)

// signals is an HTTP server with endpoints for checks to probe, one for each path, which pass until they are set to do
// something else.
type signals struct {
	*httptest.Server
	mu      sync.Mutex
	by      map[string]signal
	probes  map[string]int
	changed chan struct{} // closed when by changes
}

// startSignals runs one until the test ends.
func startSignals(t *testing.T) *signals {
	t.Helper()
	s := &signals{by: make(map[string]signal), probes: make(map[string]int), changed: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *signals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	s.probes[name]++
	for s.by[name] == hang {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.by[name] == fail {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// set sets endpoints, named in one text.
func (s *signals) set(to signal, names string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range strings.FieldsSeq(names) {
		s.by[name] = to
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// count is how often an endpoint was probed.
func (s *signals) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probes[name]
}

// quickCheck is the options of checks that are as quick as checks can be: every second, and each result counts.
const quickCheck = "interval 1s\ntimeout 1s\nrise 1\nfall 1"

// slowCheck is those of checks that are probed once in a test.
const slowCheck = "interval 10m\ntimeout 1m\nrise 1\nfall 1"

// checks is quick checks of endpoints, named as they are.
func (s *signals) checks(names string) string { return s.checksWith(quickCheck, names) }

// checksWith is checks of endpoints with these options, one a line.
func (s *signals) checksWith(options, names string) string {
	var b strings.Builder
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "check %s %s/%s {\n%s\n}\n", name, s.URL, name, options)
	}
	return b.String()
}

// upSeries is the metric up, by "check value".
func upSeries(t *testing.T) map[string]float64 {
	t.Helper()
	up := make(map[string]float64)
	for labels, value := range series(t, "coredns_roundrobin53_up") {
		var check, address, view, zone string
		if _, err := fmt.Sscanf(strings.ReplaceAll(labels, ",", " "), "check=%q value=%q view=%q zone=%q", &check, &address, &view, &zone); err != nil {
			t.Fatalf("labels %s: %v", labels, err)
		}
		up[check+" "+address] = value
	}
	return up
}

// isDownExactly reports whether the serving instance takes exactly these checks for down, named in one text. The names
// are those of checks that one value each has, or of values that all have one endpoint.
func isDownExactly(t *testing.T, names string) bool {
	t.Helper()
	want := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		want[name] = true
	}
	down := make(map[string]bool)
	for series, value := range upSeries(t) {
		if check, _, _ := strings.Cut(series, " "); value == 0 {
			down[check] = true
		}
	}
	return maps.Equal(down, want)
}

var transitionLine = regexp.MustCompile(`plugin/roundrobin53: \S+ check (\S+): .* is (up|down): `)

// awaitDown waits until isDownExactly, and the log says so: the line comes when answers know of the verdict. What is down
// must have been found to be so since the server was started, by a check of that name.
func awaitDown(t *testing.T, s *server, names string) {
	t.Helper()
	eventually(t, "only these are down: "+names, func() bool {
		if !isDownExactly(t, names) {
			return false
		}
		down := make(map[string]bool)
		for _, transition := range transitionLine.FindAllStringSubmatch(s.log(), -1) {
			down[transition[1]] = transition[2] == "down"
		}
		for series, value := range upSeries(t) {
			if check, _, _ := strings.Cut(series, " "); down[check] != (value == 0) {
				return false
			}
		}
		return true
	})
}
