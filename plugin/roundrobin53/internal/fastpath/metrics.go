package fastpath

import (
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// counters counts the answers of the fast path for a zone in the metrics of the prometheus plugin,
// with the labels and values that the chain would give them.
type counters struct {
	requests     [2][2]prometheus.Counter // by family and type
	do           prometheus.Counter
	responses    prometheus.Counter
	duration     prometheus.Observer
	requestSize  prometheus.Observer
	responseSize prometheus.Observer

	withoutOPT bool // sizes are counted before dnsserver adds an OPT record
}

// addCounters makes b count its answers, if the server block has the prometheus plugin. It returns
// the plugin's zones that hold a part of the block's names: these names have other labels.
func (b *block) addCounters(m *metrics.Metrics, s *dnsserver.Server) (below []string) {
	// The plugin label is the name of the handler that the prometheus plugin hands the query to.
	handlers := b.h.Config().Handlers()
	var next string
	for i, handler := range handlers[:len(handlers)-1] {
		if handler.Name() == m.Name() {
			next = handlers[i+1].Name()
		}
	}
	counted := plugin.Zones(m.ZoneNames())
	for i := range b.store.Zones {
		own := b.store.Zones[i].Name
		zone := counted.Matches(own)
		if zone == "" {
			zone = "."
		}
		c := newCounters(s.Addr, zone, b.h.View(), next)
		c.withoutOPT = b.h.Config().Handler("minimal") != nil
		b.counters = append(b.counters, c)
		for _, other := range counted {
			if other != own && dns.IsSubDomain(own, other) {
				below = append(below, other)
			}
		}
	}
	return below
}

func newCounters(server, zone, view, next string) *counters {
	c := &counters{
		do:           vars.RequestDo.WithLabelValues(server, zone, view),
		responses:    vars.ResponseRcode.WithLabelValues(server, zone, view, dns.RcodeToString[dns.RcodeSuccess], next),
		duration:     vars.RequestDuration.WithLabelValues(server, zone, view),
		requestSize:  vars.RequestSize.WithLabelValues(server, zone, view, "udp"),
		responseSize: vars.ResponseSize.WithLabelValues(server, zone, view, "udp"),
	}
	for family, label := range [...]string{"1", "2"} {
		for i, rrtype := range record.AddressTypes {
			c.requests[family][i] = vars.RequestCount.WithLabelValues(server, zone, view, "udp", label, dns.TypeToString[rrtype])
		}
	}
	return c
}

// count counts an answer with a number of addresses of width octets each. As in the chain, sizes
// are those of the uncompressed messages.
func (c *counters) count(q *wire.Query, isIPv4 bool, addresses, width int) {
	family, i := 0, 0
	if !isIPv4 {
		family = 1
	}
	if q.Type == dns.TypeAAAA {
		i = 1
	}
	c.requests[family][i].Inc()
	if q.DO {
		c.do.Inc()
	}
	c.responses.Inc()
	c.requestSize.Observe(float64(q.Octets()))
	size := q.Uncompressed(addresses, width)
	if q.EDNS && c.withoutOPT {
		size -= wire.OPTOctets
	}
	c.responseSize.Observe(float64(size))
}

// took counts how long an answer took.
func (c *counters) took(d time.Duration) { c.duration.Observe(d.Seconds()) }
