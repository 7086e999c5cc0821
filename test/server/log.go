package server

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// serverLog is all that servers have logged.
var serverLog LogBuffer

// LogBuffer is a writer that can be read at any time.
type LogBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *LogBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// Since returns the log behind an offset.
func (l *LogBuffer) Since(offset int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf.Bytes()[offset:])
}

// Len returns the offset of the next log line.
func (l *LogBuffer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}

// OwnWarnings are the plugin's warnings since s started.
func OwnWarnings(s *Server) []string {
	var warnings []string
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "[WARNING] plugin/roundrobin53: ") {
			warnings = append(warnings, line)
		}
	}
	return warnings
}

// NoPanics fails the test if the core had to recover from a panic during it.
func NoPanics(t *testing.T) {
	t.Helper()
	const name = "coredns_panics_total"
	before := Metric(t, name)
	t.Cleanup(func() {
		if after := Metric(t, name); after != before {
			t.Errorf("%s went from %v to %v", name, before, after)
		}
	})
}
