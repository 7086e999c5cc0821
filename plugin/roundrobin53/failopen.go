package roundrobin53

import (
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// tellFailOpen logs the sets that began to fail open, and those that no longer do.
func (h *Handler) tellFailOpen(begun, ended []*policy.Set) {
	h.logSets(begun, log.Warningf, "%s: no value is up, and answers are as if all values were (all_down all)")
	h.logSets(ended, log.Infof, "%s: answers are no longer as if all values were up")
}

// logSets logs the names of sets, one a line, maxWarnings of them at most.
func (h *Handler) logSets(sets []*policy.Set, printf func(format string, v ...any), format string) {
	for _, set := range sets[:min(len(sets), maxWarnings)] {
		c := set.Choosing()
		name := c.Name + " " + dns.TypeToString[c.Type]
		if h.block.view != "" {
			name += " in view " + h.block.view
		}
		printf(format, name)
	}
	if more := len(sets) - maxWarnings; more > 0 {
		printf("and %d more like the last", more)
	}
}
