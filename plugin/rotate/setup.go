package rotate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"

	"github.com/roundrobin53/roundrobin53/plugin/internal/asker"
)

func init() { plugin.Register(pluginName, setup) }

// setup reads the directive of a server block.
func setup(c *caddy.Controller) error {
	h, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	h.turns = tableOf(keyOf(c))
	asker.Mark(c)
	config := dnsserver.GetConfig(c)
	config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		h.Next = next
		return h
	})
	c.OnStartup(func() error { // the other plugins of the server block are known by now
		h.view = config.ViewName
		h.owner, _ = config.Handler("roundrobin53").(owner)
		return nil
	})
	return nil
}

// keyOf returns the key under which c's server block finds its table.
func keyOf(c *caddy.Controller) tableKey {
	key := tableKey{keys: strings.Join(c.ServerBlockKeys, " ")}
	for c.Get(key) != nil {
		key.number++
	}
	c.Set(key, true)
	return key
}

// maxAnswers bounds the addresses of an answer. A message holds some 4,000.
const maxAnswers = 1 << 16

const optionNames = "answers and order"

// parse reads the directive, which may stand once in a server block.
func parse(c *caddy.Controller) (*Handler, error) {
	c.Next()
	h := new(Handler)
	if err := h.readZones(c, c.RemainingArgs()); err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for c.NextBlock() {
		option := c.Val()
		parser, ok := optionParsers[option]
		switch {
		case !ok:
			return nil, c.Errf("%q is not an option of %s; the options are %s", option, pluginName, optionNames)
		case seen[option]:
			return nil, c.Errf("%s: stands twice; it may stand once", option)
		}
		seen[option] = true
		if err := parser(h, c.RemainingArgs()); err != nil {
			return nil, c.Errf("%s: %v", option, err)
		}
	}
	if c.Next() {
		return nil, c.Errf("%s: stands twice; it may stand once in a server block, with several zones", pluginName)
	}
	return h, nil
}

// readZones reads the zones from the arguments or, if there are none, takes those of the server
// block.
func (h *Handler) readZones(c *caddy.Controller, args []string) error {
	for _, arg := range args {
		zones := plugin.Host(arg).NormalizeExact()
		if len(zones) == 0 {
			return c.Errf("%s: zone %q is neither a domain name nor a network in CIDR form", pluginName, arg)
		}
		h.zones = append(h.zones, zones...)
	}
	if len(args) == 0 {
		h.zones = plugin.OriginsFromArgsOrServerBlock(nil, c.ServerBlockKeys)
	}
	// If one zone lies in another, a name counts for the closer one.
	slices.SortStableFunc(h.zones, func(a, b string) int { return len(b) - len(a) })
	h.zones = slices.Compact(h.zones)
	return nil
}

// optionParsers read the options of the block.
var optionParsers = map[string]func(*Handler, []string) error{
	"answers": parseAnswers,
	"order":   parseOrder,
}

func parseAnswers(h *Handler, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%q is not one number; write answers N or answers all", strings.Join(args, " "))
	}
	if args[0] == "all" {
		return nil
	}
	n, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil || n < 1 || n > maxAnswers {
		return fmt.Errorf("%q is not a whole number from 1 to %d, nor the word all", args[0], maxAnswers)
	}
	h.answers = int(n)
	return nil
}

// orderNames holds the orders' names in the Corefile.
var orderNames = []string{roundRobin: "round_robin", random: "random", sticky: "sticky"}

func parseOrder(h *Handler, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%q is not one order; the orders are round_robin, random and sticky", strings.Join(args, " "))
	}
	i := slices.Index(orderNames, args[0])
	if i < 0 {
		return fmt.Errorf("%q is not an order; the orders are round_robin, random and sticky", args[0])
	}
	h.order = order(i)
	return nil
}
