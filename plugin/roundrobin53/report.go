package roundrobin53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// maxSignedValues is the number of values above which the signatures of a rotating RRset are too
// many to keep: it has n(n-1) orders, and the dnssec plugin has room for 10,000 signatures by
// default.
const maxSignedValues = 32

// maxWarnings limits the warnings of one kind that are written out: a wrong habit is on every line
// of a Corefile.
const maxWarnings = 10

// Title names the server block, with its view.
func (h *Handler) Title() string {
	if h.block.view != "" {
		return h.block.String() + " view " + h.block.view
	}
	return h.block.String()
}

// Warnings returns what is valid in the server block but likely not meant, by kind. It may be called
// only when the block is complete.
func (h *Handler) Warnings() [][]string {
	s := h.store.Load()
	return [][]string{s.Warnings, s.Large, h.chainWarnings(s, h.Title()), h.instance.states.warningsOf(h)}
}

// StateWarnings returns what is wrong with the state files of the server block. It may be called only
// when the block is complete.
func (h *Handler) StateWarnings() []string { return h.instance.states.warningsOf(h) }

// report logs what a server block serves, and warnings about it.
func (h *Handler) report() {
	s := h.store.Load()
	names, values := 0, 0
	for i := range s.Zones {
		names += s.Zones[i].Names
		values += s.Zones[i].Values
	}
	log.Infof("%s: zones %d, names %d, values %d", h.Title(), len(s.Zones), names, values)
	for _, warnings := range h.Warnings() {
		logSome(log.Warning, warnings)
	}
}

// chainWarnings returns warnings about other plugins of the server block.
func (h *Handler) chainWarnings(s *store.Store, block string) []string {
	var warnings []string
	config := h.block.config
	if h.Next == nil && slices.ContainsFunc(s.Zones, fallsThrough) {
		warnings = append(warnings, block+": fallthrough: no plugin of this block comes behind "+pluginName+" to answer; leave it out, or add one (file, forward, kubernetes …)")
	}
	if config.Handler("loadbalance") != nil {
		warnings = append(warnings, fmt.Sprintf("%s: loadbalance shuffles what is ordered here; give %s a server block without it", block, zoneNames(s)))
	}
	if config.Handler("cache") != nil {
		for i := range s.Zones {
			if warning := cacheWarning(&s.Zones[i]); warning != "" {
				warnings = append(warnings, block+": "+warning)
			}
		}
	}
	if h.block.signed {
		warnings = append(warnings, signingWarnings(s, block)...)
	}
	warnings = append(warnings, h.shadowWarnings(s, block)...)
	return append(warnings, h.geoWarnings(s, block)...)
}

// cacheWarning says what the cache plugin does not keep because of a zone. It is empty if only the
// zone's own names are not kept.
func cacheWarning(z *store.Zone) string {
	switch {
	case z.FallsThrough() && z.Names <= maxBypassNames:
		return fmt.Sprintf("cache: of what falls through %s, names below a name with a record here are not cached", z.Name)
	case z.FallsThrough():
		return fmt.Sprintf("cache: what falls through %s is not cached: the zone has more than %d names; name a smaller zone, or split it", z.Name, maxBypassNames)
	case z.Name == ".":
		return "cache: nothing of this server block is cached: the zone . is everything"
	}
	return ""
}

func signingWarnings(s *store.Store, block string) []string {
	random, many := 0, 0
	for i := range s.Sets() {
		p := &s.Sets()[i]
		if p.Order() == pool.Random && p.Len() > 1 {
			random++
		}
		if p.Len() > maxSignedValues {
			many++
		}
	}
	var warnings []string
	if random > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: dnssec: %d RRsets have order random, so that nearly every answer has to be signed anew; use round_robin", block, random))
	}
	if many > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: dnssec: %d RRsets have more than %d values, whose orders are more than its cache holds; use fewer values or a larger cache_capacity", block, many, maxSignedValues))
	}
	return warnings
}

func fallsThrough(z store.Zone) bool { return z.FallsThrough() }

func zoneNames(s *store.Store) string {
	names := make([]string, len(s.Zones))
	for i := range s.Zones {
		names[i] = s.Zones[i].Name
	}
	return strings.Join(names, " ")
}

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

// String names a target as operators know it.
func (t *probed) String() string {
	text := fmt.Sprintf("%s check %s: %s", t.Zone, t.Watch.Check, t.Value)
	if address := t.Address.String(); address != t.Value {
		text += " (" + address + ")"
	}
	return text
}

// transitionText says what changed, and why.
func (t *probed) transitionText(transition health.Transition) string {
	text := t.String()
	switch {
	case transition.Up:
		return fmt.Sprintf("%s is up: %s in a row", text, plural(transition.Runs, "pass", "passes"))
	case transition.First:
		return fmt.Sprintf("%s is down: the first probe failed: %v", text, transition.Reason)
	}
	return fmt.Sprintf("%s is down: %s in a row, the last: %v", text, plural(transition.Runs, "failure", "failures"), transition.Reason)
}

// plural returns a count with its noun, in the singular or the plural.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// reportUnknown logs the targets that have no result yet. They are answered as if they were up.
func (p *prober) reportUnknown() {
	p.lock.RLock()
	defer p.lock.RUnlock()
	monitor := p.monitor.Load()
	var unknown []string
	more := 0
	for i := range p.targets {
		switch {
		case p.targets[i].subscribers == nil || monitor.Known(i) || !monitor.Up(i):
		case len(unknown) < maxWarnings:
			unknown = append(unknown, p.targets[i].String())
		default:
			more++
		}
	}
	if len(unknown) == 0 {
		return
	}
	text := strings.Join(unknown, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	log.Warningf("checks: no result after %s, and taken for up: %s", firstRoundLimit, text)
}

// foundIPv6 logs that this host has no IPv6, or that it has again.
func (p *prober) foundIPv6(isThere bool) {
	if isThere {
		log.Info("checks: this host has IPv6 again")
		return
	}
	p.lock.RLock()
	defer p.lock.RUnlock()
	n := 0
	for i := range p.targets {
		if p.targets[i].Address.Is6() {
			n++
		}
	}
	log.Warningf("checks: this host has no IPv6: %s of IPv6 addresses can't be made; verdicts stay as they are, and what never had one is taken for up", plural(n, "check", "checks"))
}

// trouble logs why probes can't be made as they should.
func trouble(err error) { log.Warningf("checks: %v", err) }
