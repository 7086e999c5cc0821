package roundrobin53

import (
	"slices"
	"strings"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// served returns the stores of the instance, each with the place where it is served: a reload finds
// them by that.
func (in *instance) served() []*store.Served {
	all := make([]*store.Served, 0, len(in.handlers))
	for _, h := range in.handlers {
		all = append(all, &store.Served{
			Store: h.store.Load(), Block: h.block.String(), View: h.block.view, Listeners: h.block.listeners(),
		})
	}
	return all
}

// listeners returns, by zone, the listeners of a server block: transport, bound address and port.
func (b *block) listeners() map[string][]string {
	byZone := make(map[string][]string)
	for key := range slices.Values(b.keys) {
		scheme, rest, _ := strings.Cut(key, "://") // the keys have one form: dns://ZONE:PORT
		colon := strings.LastIndexByte(rest, ':')
		zone, port := rest[:max(colon, 0)], rest[colon+1:]
		for _, host := range b.config.ListenHosts {
			byZone[zone] = append(byZone[zone], scheme+" "+host+" "+port)
		}
	}
	return byZone
}
