package roundrobin53

import (
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// instance is the handlers of one run of a Corefile. Caddy's instance holds it in its storage.
type instance struct {
	handlers []*Handler
	keys     map[string]*Handler // by server block, see key
}

type instanceKey struct{}

// key names a server block from one run to the next: its keys, its view, and its position among blocks equal in both.
func (in *instance) key(serverBlockKeys []string, view string) string {
	base := strings.Join(serverBlockKeys, " ") + " " + view
	for n := 0; ; n++ {
		if key := fmt.Sprintf("%s %d", base, n); in.keys[key] == nil {
			return key
		}
	}
}

// handover is what a running instance holds out to its successor during a restart, and what that one has started so
// far. It is empty at all other times: a start that fails leaves nothing behind.
//
// Caddy's order is OnRestart of the old instance; setup and OnStartup of the new one; then OnShutdown of the old one if
// the new one serves, or OnRestartFailed of the old one if it was discarded, which nobody tells the new one.
var handover struct {
	mu   sync.Mutex
	from *instance // set by OnRestart
	to   *instance // set by OnStartup
}

// offer begins a restart: what in has is there to be taken.
func (in *instance) offer() error {
	handover.mu.Lock()
	defer handover.mu.Unlock()
	handover.from, handover.to = in, nil
	return nil
}

// start takes h into the running order, after its predecessor of the same key if there is one.
func (in *instance) start(h *Handler, key string) (predecessor *Handler) {
	in.keys[key] = h
	handover.mu.Lock()
	defer handover.mu.Unlock()
	if handover.from == nil {
		return nil
	}
	handover.to = in
	return handover.from.keys[key]
}

// abandon ends a restart that failed: what the successor started is stopped, and in goes on.
func (in *instance) abandon() error {
	if to := in.endRestart(); to != nil {
		to.stopAll()
	}
	publish(in.handlers)
	return nil
}

// shutdown ends in: after a restart that succeeded, or at the end of the process.
func (in *instance) shutdown() error {
	in.stopAll()
	to := in.endRestart()
	if to == nil {
		to = &instance{} // nothing of ours in the new Corefile, or no new one
		publish(nil)
	}
	forgetPicks(in, to)
	return nil
}

// endRestart empties the handover and returns the successor, if it came to one of ours.
func (in *instance) endRestart() *instance {
	handover.mu.Lock()
	defer handover.mu.Unlock()
	if handover.from != in {
		return nil
	}
	to := handover.to
	handover.from, handover.to = nil, nil
	return to
}

func (in *instance) stopAll() {
	for _, h := range in.handlers {
		if h.stop != nil {
			h.stop()
		}
	}
}

// adoptCounters makes the rotations of h go on where those of old are. The two share the counters, since for a moment
// both answer.
func (h *Handler) adoptCounters(old *Handler) {
	h.table.Walk(func(name string, _ *record.Zone, a, aaaa int, _ []record.RRset) {
		for rrtype, number := range map[uint16]int{dns.TypeA: a, dns.TypeAAAA: aaaa} {
			if number < 0 {
				continue
			}
			if before, ok := old.table.Glue(name, rrtype); ok {
				h.rrsets[number].pool.Adopt(old.rrsets[before].pool.Counters())
			}
		}
	})
}
