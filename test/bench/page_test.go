//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// pageThatSays serves a page that answers with a status code. Often is closed when both paths have been asked for.
func pageThatSays(t *testing.T, code int) (address string, often chan struct{}) {
	t.Helper()
	often = make(chan struct{})
	var documents atomic.Int64
	var pages atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		switch {
		case r.URL.Path == "/":
			pages.Store(true)
		case r.URL.Path == "/status.json" && pages.Load() && documents.Add(1) == 3:
			close(often)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), often
}

// TestReader guards the rows about a page that is read: it is read at both paths, and where the page fails, or nobody can read
// it, there is no figure.
func TestReader(t *testing.T) {
	for code, want := range map[int]string{http.StatusOK: "", http.StatusServiceUnavailable: "503"} {
		address, often := pageThatSays(t, code)
		r := startReader(t.Context(), address)
		<-often
		err := r.end()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("a page that answers %d: %v", code, err)
		}
	}
	if err := (&reader{stop: func() {}, due: 100}).end(); err == nil {
		t.Error("end: no error for a page that was not read")
	}
}

// TestPageScenarios guards the names of sides in these rows: a wrong one would be a page that nobody reads.
func TestPageScenarios(t *testing.T) {
	for _, sc := range pageScenarios {
		names := make(map[string]bool)
		for _, s := range sc.sides {
			names[s.name] = true
		}
		for asked, read := range sc.read {
			if !names[asked] || !names[read] {
				t.Errorf("%s: %q or %q is no side of it", sc.name, asked, read)
			}
		}
	}
}

// TestShownCorefiles guards the sides of these rows: each has a status page, and the fast one the fast path.
func TestShownCorefiles(t *testing.T) {
	z, f := zone{names: 1, addresses: 1}, files{page: "127.0.0.1:8053"}
	for text, want := range map[string]string{
		roundrobin53Shown(z, f):     "roundrobin53 {\nstatus 127.0.0.1:8053\nrecord app0 A 10.0.0.1\n}\n",
		roundrobin53FastShown(z, f): "roundrobin53 {\nstatus 127.0.0.1:8053\nfastpath\nrecord app0 A 10.0.0.1\n}\n",
	} {
		if text != want {
			t.Errorf("got %q, want %q", text, want)
		}
	}
}
