package roundrobin53

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// answering lists plugins behind ours that answer for zones.
var answering = []string{"file", "auto", "secondary", "kubernetes", "etcd", "hosts", "forward", "grpc"}

// shadowWarnings names the plugins of the server block that get no query, because all names of the
// block are answered here.
func (h *Handler) shadowWarnings(s *store.Store, block string) []string {
	isOpen := func(origin string) bool {
		isAround := func(z store.Zone) bool { return dns.IsSubDomain(z.Name, origin) }
		return !slices.ContainsFunc(s.Zones, isAround)
	}
	if slices.ContainsFunc(s.Zones, fallsThrough) || slices.ContainsFunc(plugin.OriginsFromArgsOrServerBlock(nil, h.block.keys), isOpen) {
		return nil
	}
	var warnings []string
	for _, name := range answering {
		if h.block.config.Handler(name) != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s gets no query: %s answers for all names of the block; add fallthrough, or leave %s out", block, name, pluginName, name))
		}
	}
	return warnings
}

// geoWarnings returns warnings about the geoip plugin's set-up.
func (h *Handler) geoWarnings(s *store.Store, block string) []string {
	locations, systems := needsOf(s)
	if !locations && !systems {
		return nil
	}
	known := knowledgeOf(h.block.config.Handler("geoip"))
	var warnings []string
	if locations && known.provides != 0 && known.provides&geoipCity == 0 {
		warnings = append(warnings, block+": geoip: its database has no places, so geo and order nearest know no client's; use one of cities or countries")
	}
	if systems && known.provides != 0 && known.provides&geoipASN == 0 {
		warnings = append(warnings, block+": geoip: its database has no AS numbers, so geo with a place such as AS64500 knows no client's; use one of autonomous systems")
	}
	heeds := func(z store.Zone) bool { return z.ECS }
	switch ecs := slices.ContainsFunc(s.Zones, heeds); {
	case known.subnet && !ecs:
		warnings = append(warnings, block+": geoip: with edns-subnet, places are those of the clients behind a resolver, but without ecs the answer does not say for which of them it is; add ecs")
	case ecs && !known.subnet:
		warnings = append(warnings, block+": ecs: networks are those of the clients behind a resolver, but places are the resolver's; add edns-subnet to geoip")
	}
	return warnings
}

// needsOf reports whether answers depend on the locations of clients, and whether they depend on
// their autonomous systems.
func needsOf(s *store.Store) (locations, systems bool) {
	isLocation := func(place string) bool { return !route.IsAS(place) }
	for _, set := range s.All() {
		locations = locations || set.Needs()&policy.NeedsPoint != 0 || set.HasPlace(isLocation)
		systems = systems || set.HasPlace(route.IsAS)
	}
	return locations, systems
}

// The bits of geoipKnowledge.provides.
const (
	geoipCity = 1 << iota
	geoipASN
)

// geoipKnowledge says how the geoip plugin is set up.
type geoipKnowledge struct {
	subnet   bool  // it heeds ECS
	provides int64 // kinds of data; 0 if they are not known
}

// knowledgeOf returns how a geoip plugin is set up. The plugin offers no way to ask, so this looks
// at its fields, and returns the zero value if they have changed.
func knowledgeOf(handler plugin.Handler) geoipKnowledge {
	var known geoipKnowledge
	v := reflect.Indirect(reflect.ValueOf(handler))
	if v.Kind() != reflect.Struct {
		return known
	}
	if subnet := v.FieldByName("edns0"); subnet.Kind() == reflect.Bool {
		known.subnet = subnet.Bool()
	}
	if db := v.FieldByName("db"); db.Kind() == reflect.Struct {
		if provides := db.FieldByName("provides"); provides.Kind() == reflect.Int {
			known.provides = provides.Int()
		}
	}
	return known
}
