package health

import "time"

const (
	// burstLimit and burstAge keep endpoints from failing the first round for lack of processor
	// time here: 4,000 handshakes that begin together take longer than one probe may. A probe that
	// began less than burstAge ago may still be computing and not only waiting; at most burstLimit
	// of these run at a time. Even if every endpoint hangs, more than 1,000 probes a second can
	// start.
	burstLimit = 320
	burstAge   = 250 * time.Millisecond
)

// burst counts the probes under way that began less than burstAge ago.
type burst struct {
	recent []beginning // the oldest first; some probes have ended
	young  []bool      // by target: its probe is under way, and in recent
	count  int         // of young targets
}

// beginning is when a probe of a target began.
type beginning struct {
	at     time.Time
	target int
}

func newBurst(targets int) *burst { return &burst{young: make([]bool, targets)} }

// full reports whether no further probe may start now.
func (b *burst) full(now time.Time) bool {
	for len(b.recent) > 0 && now.Sub(b.recent[0].at) >= burstAge {
		b.end(b.recent[0].target)
		b.recent = b.recent[1:]
	}
	return b.count >= burstLimit
}

func (b *burst) begin(now time.Time, target int) {
	b.recent = append(b.recent, beginning{now, target})
	b.young[target] = true
	b.count++
}

// end removes a target. It is called when a probe ends and when it is no longer young, in either
// order.
func (b *burst) end(target int) {
	if b.young[target] {
		b.young[target] = false
		b.count--
	}
}
