package roundrobin53

import (
	"slices"
	"unicode/utf8"

	"github.com/coredns/caddy"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// checkView tells whether the name of a server block's view can be a label of metrics, which are UTF-8; the metrics library
// panics otherwise. The view plugin takes any name, as an {$ENV} variable gives it. At is our directive in the block.
func validateView(at config.Position, name string) error {
	if !utf8.ValidString(name) {
		return at.Errorf("%s: the view of the server block is called %q, which is not UTF-8, as metrics need it", pluginName, name)
	}
	return nil
}

// beforeStartup has f called before the OnStartup functions of all plugins, those that stand before ours too, but after the
// setup of those that stand behind: the prometheus plugin is one of the former, the view plugin one of the latter. Caddy
// has no hook of its own for it.
func (in *instance) beforeStartup(f func() error) {
	if candidate := in.caddyInstance(); candidate != nil {
		candidate.OnStartup = slices.Insert(candidate.OnStartup, 0, f)
	}
}

// caddyInstance is caddy's instance that is being set up, nil if there is none.
func (in *instance) caddyInstance() *caddy.Instance {
	for _, candidate := range slices.Backward(caddy.Instances()) {
		if candidate.Storage[instanceKey{}] == in {
			return candidate
		}
	}
	return nil
}

// corefile is what the instance that is being set up is set up from.
func (in *instance) corefile() caddy.Input {
	if candidate := in.caddyInstance(); candidate != nil {
		return candidate.Caddyfile()
	}
	return caddy.CaddyfileInput{}
}
