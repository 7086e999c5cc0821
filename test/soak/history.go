//go:build linux

package main

import (
	"slices"
	"sync"
	"time"
)

// history is when an endpoint was up and down.
type history struct {
	began time.Time // from here on it was up

	mu       sync.Mutex
	switches []time.Time // down, up, down, up ...
}

// add adds that the endpoint went down, or came up again, by now.
func (h *history) add() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.switches = append(h.switches, time.Now())
}

// at tells whether the endpoint was up at a time, and since when it had been like that.
func (h *history) at(t time.Time) (up bool, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, switched := range slices.Backward(h.switches) {
		if !switched.After(t) {
			return i%2 == 1, switched
		}
	}
	return true, h.began
}

// count is how often the endpoint went down or came up.
func (h *history) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.switches)
}
