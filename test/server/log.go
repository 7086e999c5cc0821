package server

import (
	"bytes"
	"sync"
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

// Since is what was logged behind an offset.
func (l *LogBuffer) Since(offset int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf.Bytes()[offset:])
}

// Len is the offset of what is logged next.
func (l *LogBuffer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}
