package roundrobin53

import (
	"fmt"
	"slices"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

func init() {
	plugin.Register(pluginName, setup)
	prometheus.MustRegister(collector{})
}

// setup reads the directives of a server block. It starts nothing and changes nothing outside of
// the new instance, since a Corefile with an error is discarded after setup.
func setup(c *caddy.Controller) error {
	conf, err := config.Parse(c, surroundings(c))
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	served, err := store.Build(conf)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	h := newHandler(served)
	config := dnsserver.GetConfig(c)
	asker.Mark(c)
	config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		h.Next = next
		return h
	})
	in := instanceOf(c)
	in.handlers = append(in.handlers, h)
	h.instance = in
	h.block.config, h.block.keys, h.block.status = config, c.ServerBlockKeys, conf.StatusAddresses()
	if err := in.fast.Hook(h); err != nil {
		return plugin.Error(pluginName, err)
	}
	h.block.at = conf.Directives[0].Position
	in.beforeStartup(func() error { return validateView(h.block.at, config.ViewName) })
	configs := configsOf(c)
	c.OnStartup(func() error {
		advertise(configs)
		return nil
	})
	return nil
}

// surroundings returns what the parser of directives has to know of their server block.
func surroundings(c *caddy.Controller) *config.Surroundings {
	return &config.Surroundings{
		Zones:    plugin.OriginsFromArgsOrServerBlock(nil, c.ServerBlockKeys),
		Root:     dnsserver.GetConfig(c).Root,
		ReadZone: func(word string) []string { return plugin.Host(word).NormalizeExact() },
	}
}

// Handlers returns the handlers of all server blocks that c and its copies have set up, for programs
// that read a Corefile without serving it. It completes them as a start does, and returns the errors
// that a start would find then, but for what follows from failures: the plugins that could not be set
// up, by the keys of their server block with spaces between. It opens no socket. State files count as
// they do now. It may be called only once, when the servers of all blocks are made.
func Handlers(c *caddy.Controller, now time.Time, failures map[string][]string) ([]*Handler, []error) {
	in := instanceOf(c)
	var errs []error
	for _, h := range in.handlers {
		h.block.look()
		h.block.failures = failures[h.block.String()]
		if err := validateView(h.block.at, h.block.view); err != nil {
			errs = append(errs, plugin.Error(pluginName, err))
		}
		if err := h.validateLocating(); err != nil {
			errs = append(errs, err)
		}
		in.prober.add(h)
	}
	in.names.handlers = in.handlers
	errs = append(errs, in.names.circles()...)
	in.states.open(in.handlers, newStates(), now)
	return in.handlers, errs
}

// followedBy is the directive right behind ours in the plugin chain: plugins that shape queries and
// answers (acl, rewrite, cache, dnssec, transfer …) come before us, other plugins that answer come
// after us.
const followedBy = "hosts"

// Directives returns a list of CoreDNS directives with roundrobin53 in its place, for
// dnsserver.SetDirectives. It returns an error if the list lacks the directive that follows ours.
func Directives(directives []string) ([]string, error) {
	place := slices.Index(directives, followedBy)
	if place < 0 {
		return nil, fmt.Errorf("no directive %q to put %s before", followedBy, pluginName)
	}
	return slices.Insert(slices.Clone(directives), place, pluginName), nil
}
