package roundrobin53

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// failing knows which RRsets of a handler fail open, and logs when that begins and ends, once for each. The keeper's lock
// guards it.
type failing struct {
	h       *Handler
	now     map[int]bool // by chooser
	parents map[int]parent
	serving bool // before, nothing is told
}

// parent is the chooser of the configuration before that a chooser goes on from.
type parent struct {
	keeper  *keeper
	chooser int
}

func newFailing(h *Handler) failing {
	return failing{h: h, now: make(map[int]bool), parents: make(map[int]parent)}
}

// descend notes where a chooser goes on from, as long as that one tells of it.
func (f *failing) descend(chooser int, old *keeper, before int) {
	f.parents[chooser] = parent{old, before}
}

// serve takes over from the keepers before, and tells what they did not.
func (f *failing) serve(b *board) {
	if f.serving {
		return
	}
	f.serving = true
	for chooser, p := range f.parents {
		if p.keeper.tellsFailing(p.chooser) {
			f.now[chooser] = true
		}
	}
	f.parents = nil
	all := make([]int, len(f.h.groups))
	for i := range all {
		all[i] = i
	}
	f.review(b, all)
}

func (k *keeper) tellsFailing(chooser int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failing.now[chooser]
}

// review tells what changed for the RRsets of groups, which are in rising order.
func (f *failing) review(b *board, groups []int) {
	if !f.serving {
		return
	}
	var begun, ended lines
	last := noChooser
	for _, group := range groups {
		chooser := f.h.chooserOf(group)
		if chooser == last || !f.h.isFirstLane(chooser) {
			continue
		}
		last = chooser
		switch is := f.h.failsOpen(b, chooser); {
		case is == f.now[chooser]:
		case is:
			f.now[chooser] = true
			begun.add(f.h.rrsetName(chooser))
		default:
			delete(f.now, chooser)
			ended.add(f.h.rrsetName(chooser))
		}
	}
	begun.log(log.Warningf, "%s: no value is up, and answers are as if all values were (all_down all)")
	ended.log(log.Infof, "%s: answers are no longer as if all values were up")
}

// lines are names of RRsets that go into the log, the first of them one a line.
type lines struct {
	names []string
	more  int
}

func (l *lines) add(name string) {
	if len(l.names) < maxWarnings {
		l.names = append(l.names, name)
	} else {
		l.more++
	}
}

func (l *lines) log(printf func(format string, v ...any), format string) {
	for _, name := range l.names {
		printf(format, name)
	}
	if l.more > 0 {
		printf("and %d more like the last", l.more)
	}
}

// failsOpen reports whether clients get answers of an RRset with values that are down. Where values without network and
// place are up, nobody does: they answer whoever finds no other.
func (h *Handler) failsOpen(b *board, chooser int) bool {
	first := h.choosers[chooser].first
	fails := false
	for i, g := range h.groupsOf(chooser) {
		switch b.choice(first + i).Status() {
		case pool.FailOpen:
			fails = true
		case pool.Up:
			if g.key == config.ForAll {
				return false
			}
		}
	}
	return fails
}

// chooserOf is the chooser that a group belongs to.
func (h *Handler) chooserOf(group int) int {
	after, _ := slices.BinarySearchFunc(h.choosers, group+1, func(c chooser, group int) int { return c.first - group })
	return after - 1
}

// isFirstLane reports whether a chooser is the one to speak of its RRset: CNAMEs have one for each type asked.
func (h *Handler) isFirstLane(chooser int) bool {
	set := h.choosers[chooser].set
	return set >= 0 || h.alternatives[-set].choosers[laneA] == chooser
}

// rrsetName names the RRset of a chooser in the log.
func (h *Handler) rrsetName(chooser int) string {
	rrtype := dns.TypeCNAME
	if set := h.choosers[chooser].set; set >= 0 {
		rrtype = dns.TypeAAAA
		if h.rrsets[set].pool.Width() == 4 {
			rrtype = dns.TypeA
		}
	}
	name := h.choosers[chooser].name + " " + dns.TypeToString[rrtype]
	if h.view != "" {
		name += " in view " + h.view
	}
	return name
}
