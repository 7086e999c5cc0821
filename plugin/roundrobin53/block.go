package roundrobin53

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/nsid"
	"github.com/coredns/coredns/plugin/transfer"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// A block holds what a handler knows of its server block. It is complete when the instance starts,
// and does not change from then on.
type block struct {
	keys     []string // dns://ZONE:PORT …
	config   *dnsserver.Config
	at       config.Position    // of our first directive
	view     string             // "" if it has none
	signed   bool               // a dnssec plugin signs what we answer
	debug    bool               // it has the debug plugin
	tells    bool               // a plugin can print what we publish as metadata
	nsid     int                // octets that the nsid plugin adds to an answer; 0 if there is none
	transfer *transfer.Transfer // nil if there is none
	status   []netip.AddrPort   // where status pages show it
	failures []string           // plugins that are written but could not be set up, where nothing is served
}

// String names the block in logs.
func (b *block) String() string { return strings.Join(b.keys, " ") }

// look reads what matters to us from the server block. It may be called only when the setup of all
// its plugins is done.
func (b *block) look() {
	b.view = b.config.ViewName
	b.debug = b.config.Debug
	b.signed = b.config.Handler("dnssec") != nil
	isThere := func(name string) bool { return b.config.Handler(name) != nil }
	b.tells = isThere("metadata") && slices.ContainsFunc([]string{"log", "dnstap", "trace"}, isThere)
	if server, ok := b.config.Handler("nsid").(nsid.Nsid); ok {
		const optionHeader = 4 // code and length (RFC 6891 §6.1.2)
		b.nsid = optionHeader + len(server.Data)
	}
	b.transfer, _ = b.config.Handler("transfer").(*transfer.Transfer)
}

// validateView returns an error if the name of a server block's view can't be a label of metrics,
// which are UTF-8: the metrics library would panic. The view plugin takes any name, such as one
// from an {$ENV} variable. The error names at, the position of our directive in the block.
func validateView(at config.Position, name string) error {
	if !utf8.ValidString(name) {
		return at.Errorf("%s: the view of the server block is called %q, which is not UTF-8, as metrics need it", pluginName, name)
	}
	return nil
}

// beforeStartup has f called before the OnStartup functions of all plugins, those before ours in
// the chain included, but after the setup of those behind it. The prometheus plugin is one of the
// former, the view plugin one of the latter. Caddy has no hook for this.
func (in *instance) beforeStartup(f func() error) {
	if candidate := in.caddyInstance(); candidate != nil {
		candidate.OnStartup = slices.Insert(candidate.OnStartup, 0, f)
	}
}

// caddyInstance returns caddy's instance that is being set up, nil if there is none.
func (in *instance) caddyInstance() *caddy.Instance {
	for _, candidate := range slices.Backward(caddy.Instances()) {
		if candidate.Storage[instanceKey{}] == in {
			return candidate
		}
	}
	return nil
}

// corefile returns the Corefile that the instance is being set up from.
func (in *instance) corefile() caddy.Input {
	if candidate := in.caddyInstance(); candidate != nil {
		return candidate.Caddyfile()
	}
	return caddy.CaddyfileInput{}
}

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

// errorAt returns an error about a line of the Corefile, as the parser words them.
func errorAt(source, format string, args ...any) error {
	return plugin.Error(pluginName, fmt.Errorf("%s - Error during parsing: %w", source, fmt.Errorf(format, args...)))
}

// validateLocating returns an error if a set needs a client's place and the server block lacks one
// of the plugins that know it.
func (h *Handler) validateLocating() error {
	for rrset, set := range h.store.Load().All() {
		needs := set.Needs() & (policy.NeedsPlaces | policy.NeedsPoint)
		if needs == 0 {
			continue
		}
		for _, name := range []string{"metadata", "geoip"} {
			if h.block.config.Handler(name) == nil && !slices.Contains(h.block.failures, name) {
				word := "geo"
				if needs&policy.NeedsPlaces == 0 {
					word = "order nearest"
				}
				return errorAt(h.store.Load().SourceOfRRset(rrset), "record: %s: %s: the plugins metadata and geoip tell where a client is; the server block %s has no %s", rrset.Name, word, &h.block, name)
			}
		}
	}
	return nil
}

// validateProbing returns an error if this system does not allow the probes of a check.
func (h *Handler) validateProbing() error {
	s := h.store.Load()
	for _, watch := range s.Watches {
		if err := health.Available(s.Targets[watch.Target].Check.Scheme); err != nil {
			return fmt.Errorf("%s: check %s: %w", &h.block, watch.Check, err)
		}
	}
	return nil
}
