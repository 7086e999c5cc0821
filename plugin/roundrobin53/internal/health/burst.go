package health

import "time"

const (
	// burstLimit and burstAge keep the first round from failing endpoints for want of processor time here: 4,000
	// handshakes begun at once take longer together than a probe may. Of probes that began less than burstAge ago, which
	// therefore may be working and not only waiting, there are burstLimit at most; 1,000 new ones a second start even if
	// every endpoint hangs.
	burstLimit = 320
	burstAge   = 250 * time.Millisecond
)

// burst counts the probes under way that began a moment ago.
type burst struct {
	recent []appointment // when they began, the oldest first; some have ended
	young  []bool        // by target: is under way, and recent
	count  int           // how many are
}

func newBurst(targets int) *burst { return &burst{young: make([]bool, targets)} }

// full says whether no other probe may start now.
func (b *burst) full(now time.Time) bool {
	for len(b.recent) > 0 && now.Sub(b.recent[0].due) >= burstAge {
		b.end(b.recent[0].target)
		b.recent = b.recent[1:]
	}
	return b.count >= burstLimit
}

func (b *burst) begin(now time.Time, target int) {
	b.recent = append(b.recent, appointment{now, target})
	b.young[target] = true
	b.count++
}

// end is called when a probe ends, and when it is no longer young, in either order.
func (b *burst) end(target int) {
	if b.young[target] {
		b.young[target] = false
		b.count--
	}
}
