package roundrobin53

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// stateInterval is how often state files are looked at. A change is read when two looks have seen
// the file at rest, so that it is in effect within two seconds.
const stateInterval = 500 * time.Millisecond

// states are the state files of an instance, and what they mean for its handlers.
type states struct {
	cancel  context.CancelFunc // nil before start
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows; no query takes it
	handlers []*Handler
	files    map[string]*stateFile
	unknown  map[*Handler][]string // what is said of what is not there
}

// A stateFile is one of them.
type stateFile struct {
	override.File
	entries []override.Entry // of the last right file
	inForce int              // how many of them hold
	failure error            // of the latest look; nil if it was right
}

func newStates() *states {
	return &states{files: make(map[string]*stateFile), unknown: make(map[*Handler][]string)}
}

// open reads the state files of handlers, which do not answer yet. Where a file is wrong, what the
// previous instance had of it stays in force.
func (st *states) open(handlers []*Handler, previous *states, now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.handlers = handlers
	for _, h := range handlers {
		for _, name := range h.store.Load().StateFiles() {
			if st.files[name] != nil {
				continue
			}
			f := &stateFile{File: override.File{Name: name}}
			if f.entries, _, f.failure = f.Look(); f.failure != nil {
				f.entries = previous.entriesOf(name)
			}
			st.files[name] = f
		}
	}
	if len(st.files) > 0 {
		st.steerLocked(now)
	}
}

// entriesOf returns the entries of a state file, those of its last correct version.
func (st *states) entriesOf(name string) []override.Entry {
	st.mu.Lock()
	defer st.mu.Unlock()
	if f := st.files[name]; f != nil {
		return f.entries
	}
	return nil
}

// start begins to watch the files. Later calls do nothing.
func (st *states) start() {
	if len(st.files) == 0 || st.cancel != nil {
		return
	}
	var ctx context.Context
	ctx, st.cancel = context.WithCancel(context.Background())
	st.running.Go(func() {
		ticker := time.NewTicker(stateInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				st.look(now)
			}
		}
	})
}

// stop ends what start began.
func (st *states) stop() {
	if st.cancel != nil {
		st.cancel()
		st.running.Wait()
	}
}

// look takes what has changed in the files, or has come to its end.
func (st *states) look(now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	isRead, isOver := false, false
	for _, f := range st.files {
		entries, isNews, err := f.Look()
		switch {
		case !isNews:
		case err != nil:
			f.failure = err
			log.Warningf("state: %v; what was in force stays so", err)
		default:
			f.entries, f.failure, isRead = entries, nil, true
		}
		isOver = isOver || len(f.holding(now)) != f.inForce
	}
	if !isRead && !isOver {
		st.judgeLocked()
		return
	}
	before := make(map[*Handler][]store.SteeredValue, len(st.handlers))
	for _, h := range st.handlers {
		before[h] = h.store.Load().Steered()
	}
	st.steerLocked(now)
	for _, h := range st.handlers {
		logSteering(before[h], h.store.Load().Steered())
		if isRead {
			logSome(log.Warning, st.unknown[h])
		}
	}
}

// judgeLocked warns of entries about addresses that no name turns out to have.
func (st *states) judgeLocked() {
	for _, h := range st.handlers {
		unknown := h.store.Load().NewlyUnknown()
		st.unknown[h] = append(st.unknown[h], unknown...)
		logSome(log.Warning, unknown)
	}
}

// holding returns the entries that are in force.
func (f *stateFile) holding(now time.Time) []override.Entry {
	isOver := func(e override.Entry) bool { return !e.Holds(now) }
	return slices.DeleteFunc(slices.Clone(f.entries), isOver)
}

// steerLocked makes the stores of all handlers obey the entries that are in force.
func (st *states) steerLocked(now time.Time) {
	holding := make(map[string][]override.Entry, len(st.files))
	for name, f := range st.files {
		holding[name] = f.holding(now)
		f.inForce = len(holding[name])
	}
	st.unknown = make(map[*Handler][]string, len(st.handlers))
	for _, h := range st.handlers {
		st.unknown[h] = h.store.Load().Steer(holding, now)
	}
}

// logSteering logs the decisions about values that are new, and those that have ended.
func logSteering(before, now []store.SteeredValue) {
	was, is := make(map[string]bool), make(map[string]bool)
	for i := range before {
		was[steeringText(&before[i])] = true
	}
	var begun, ended []string
	for i := range now {
		text := steeringText(&now[i])
		if is[text] = true; !was[text] {
			begun = append(begun, text+", decided at "+now[i].Source)
		}
	}
	for text := range maps.Keys(was) {
		if !is[text] {
			ended = append(ended, text+" no longer")
		}
	}
	slices.Sort(ended)
	logSome(log.Info, begun)
	logSome(log.Info, ended)
}

func steeringText(v *store.SteeredValue) string {
	return fmt.Sprintf("state: %s %s: %s: %s", v.Name, dns.Type(v.Type), v.Value, v.Action)
}

// logSome logs lines, maxWarnings of them at most.
func logSome(write func(v ...any), lines []string) {
	for _, line := range lines[:min(len(lines), maxWarnings)] {
		write(line)
	}
	if more := len(lines) - maxWarnings; more > 0 {
		write(fmt.Sprintf("and %d more like the last", more))
	}
}

// warningsOf returns what is wrong in the state files of a handler.
func (st *states) warningsOf(h *Handler) []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	var warnings []string
	for _, name := range h.store.Load().StateFiles() {
		if f := st.files[name]; f != nil && f.failure != nil {
			warnings = append(warnings, fmt.Sprintf("state: %v; nothing of it is in force, or what was before a reload", f.failure))
		}
	}
	return append(warnings, st.unknown[h]...)
}

// failures tells of each state file whether it is missing or wrong.
func (st *states) failures() map[string]bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	failed := make(map[string]bool, len(st.files))
	for name, f := range st.files {
		failed[name] = f.failure != nil
	}
	return failed
}
