package test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// signal is what an endpoint says to a probe.
type signal int

const (
	pass signal = iota // 200
	fail               // 503
	hang               // nothing, until the client gives up
)

// signals is an HTTP server with endpoints for checks to probe, one for each path, which pass until they are set to do
// something else.
type signals struct {
	*httptest.Server
	mu     sync.Mutex
	by     map[string]signal
	probes map[string]int
}

// startSignals runs one until the test ends.
func startSignals(t *testing.T) *signals {
	t.Helper()
	s := &signals{by: make(map[string]signal), probes: make(map[string]int)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *signals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	s.probes[name]++
	now := s.by[name]
	s.mu.Unlock()
	switch now {
	case fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case hang:
		<-r.Context().Done()
	}
}

// set sets endpoints, named in one text.
func (s *signals) set(to signal, names string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range strings.FieldsSeq(names) {
		s.by[name] = to
	}
}

// count is how often an endpoint was probed.
func (s *signals) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probes[name]
}

// checks is check lines for endpoints, as quick as checks can be: a result counts at once.
func (s *signals) checks(names string) string {
	var b strings.Builder
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "check %s %s/%s {\ninterval 1s\ntimeout 1s\nrise 1\nfall 1\n}\n", name, s.URL, name)
	}
	return b.String()
}

// eventually waits until a condition holds. What it is goes into the error.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in half a minute: %s", what)
		}
	}
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

// awaitDown waits until the serving instance takes exactly these checks for down, named in one text. The names are those
// of checks that one value each has.
func awaitDown(t *testing.T, names string) {
	t.Helper()
	want := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		want[name] = true
	}
	eventually(t, "only these are down: "+names, func() bool {
		down := make(map[string]bool)
		for series, value := range upSeries(t) {
			if check, _, _ := strings.Cut(series, " "); value == 0 {
				down[check] = true
			}
		}
		return maps.Equal(down, want)
	})
}
