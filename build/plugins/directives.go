package plugins

import (
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/roundrobin53/roundrobin53/plugin/rotate"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
)

// SetDirectives puts the plugins of this module in their places among CoreDNS's directives.
func SetDirectives() error {
	directives := dnsserver.Directives
	for _, insert := range []func([]string) ([]string, error){roundrobin53.Directives, rotate.Directives} {
		var err error
		if directives, err = insert(directives); err != nil {
			return err
		}
	}
	return dnsserver.SetDirectives(directives)
}
