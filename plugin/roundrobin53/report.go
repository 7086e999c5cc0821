package roundrobin53

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// safeUDPSize is what a UDP answer may have without being fragmented on its way: the default of resolvers since the DNS
// Flag Day 2020, in octets.
const safeUDPSize = 1232

// maxSignedValues is from how many values on the signatures of a rotating RRset are too many to keep: n(n-1) orders, and
// the dnssec plugin has room for 10,000 by default.
const maxSignedValues = 32

// maxWarnings is how many warnings of a kind are written out; a Corefile with one wrong habit has it on every line.
const maxWarnings = 10

// report logs what a server block serves and what looks wrong with it.
func (h *Handler) report() {
	block := h.block
	names, values := 0, 0
	for i := range h.zones {
		names += h.zones[i].names
		values += h.zones[i].count
	}
	if h.view != "" {
		block += " view " + h.view
	}
	log.Infof("%s: zones %d, names %d, values %d", block, len(h.zones), names, values)
	for _, warnings := range [][]string{h.warnings, h.large, h.chainWarnings(block, h.config)} {
		for _, warning := range warnings[:min(len(warnings), maxWarnings)] {
			log.Warning(warning)
		}
		if more := len(warnings) - maxWarnings; more > 0 {
			log.Warningf("and %d more like the last", more)
		}
	}
	h.warnings, h.large = nil, nil
}

// chainWarnings are about other plugins of the server block.
func (h *Handler) chainWarnings(block string, config *dnsserver.Config) []string {
	var warnings []string
	if h.Next == nil && slices.ContainsFunc(h.zones, func(z zone) bool { return len(z.fall.Zones) > 0 }) {
		warnings = append(warnings, block+": fallthrough: no plugin of this block comes behind "+pluginName+" to answer; leave it out, or add one (file, forward, kubernetes …)")
	}
	if config.Handler("loadbalance") != nil {
		warnings = append(warnings, fmt.Sprintf("%s: loadbalance shuffles what is ordered here; give %s a server block without it", block, h.zoneNames()))
	}
	if config.Handler("cache") != nil {
		for i := range h.zones {
			if warning := h.zones[i].cacheWarning(); warning != "" {
				warnings = append(warnings, block+": "+warning)
			}
		}
	}
	if h.signed {
		warnings = append(warnings, h.signingWarnings(block)...)
	}
	warnings = append(warnings, h.shadowWarnings(block)...)
	return append(warnings, h.geoWarnings(block)...)
}

// cacheWarning tells what the cache plugin does not keep because of a zone; it is empty where that is only the zone's own.
func (z *zone) cacheWarning() string {
	switch {
	case len(z.fall.Zones) > 0 && z.names <= maxBypassNames:
		return fmt.Sprintf("cache: of what falls through %s, names below a name with a record here are not cached", z.name)
	case len(z.fall.Zones) > 0:
		return fmt.Sprintf("cache: what falls through %s is not cached: the zone has more than %d names; name a smaller zone, or split it", z.name, maxBypassNames)
	case z.name == ".":
		return "cache: nothing of this server block is cached: the zone . is everything"
	}
	return ""
}

func (h *Handler) signingWarnings(block string) []string {
	random, many := 0, 0
	for i := range h.rrsets {
		p := &h.rrsets[i].pool
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

func (h *Handler) zoneNames() string {
	names := make([]string, len(h.zones))
	for i := range h.zones {
		names[i] = h.zones[i].name
	}
	return strings.Join(names, " ")
}

// tooLarge warns of an RRset whose answer is more than a safe UDP answer holds; it is empty if there is no need to.
func tooLarge(name string, set *config.RRset) string {
	const (
		header = 12
		opt    = 11
		fixed  = 12 // of a compressed record: pointer, type, class, TTL, length
	)
	octets := 16
	if set.Type == dns.TypeA {
		octets = 4
	}
	n := set.MostAnswers()
	room := safeUDPSize - header - opt - (len(name) + 1 + 4)
	fit := room / (fixed + octets)
	if n <= fit {
		return ""
	}
	return fmt.Sprintf("%s: %s %s: an answer of %d values is larger than %d octets, and is truncated for most UDP clients; answers %d fits",
		set.Position, name, dns.TypeToString[set.Type], n, safeUDPSize, fit)
}
