package fastpath

import (
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/wire"
)

// counters counts the answers of the fast path for a zone in the metrics of the prometheus plugin,
// with the labels and values that the chain would give them.
type counters struct {
	requests     [2][types]lazyCounter // by family and place of the type
	do           lazyCounter
	responses    [rcodes]lazyCounter
	duration     prometheus.Observer
	requestSize  prometheus.Observer
	responseSize prometheus.Observer
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
		duration:     vars.RequestDuration.WithLabelValues(server, zone, view),
		requestSize:  vars.RequestSize.WithLabelValues(server, zone, view, "udp"),
		responseSize: vars.ResponseSize.WithLabelValues(server, zone, view, "udp"),
	}
	c.do.with = func() prometheus.Counter { return vars.RequestDo.WithLabelValues(server, zone, view) }
	for rcode := range c.responses {
		c.responses[rcode].with = func() prometheus.Counter {
			return vars.ResponseRcode.WithLabelValues(server, zone, view, dns.RcodeToString[rcode], next)
		}
	}
	for family, label := range [...]string{"1", "2"} {
		for i := range types {
			c.requests[family][i].with = func() prometheus.Counter {
				name := "other"
				if i < len(countedTypes) {
					name = dns.TypeToString[countedTypes[i]]
				}
				return vars.RequestCount.WithLabelValues(server, zone, view, "udp", label, name)
			}
		}
	}
	return c
}

// A lazyCounter is a counter that exists from the first time on that it counts.
type lazyCounter struct {
	counter atomic.Pointer[prometheus.Counter]
	with    func() prometheus.Counter
}

func (c *lazyCounter) inc() {
	counter := c.counter.Load()
	if counter == nil {
		made := c.with() // the same, if two make it
		counter = &made
		c.counter.Store(counter)
	}
	(*counter).Inc()
}

// countedTypes are the types that the prometheus plugin counts apart and that are answered here, the
// most frequent first.
var countedTypes = [...]uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeTXT, dns.TypeMX, dns.TypeNS, dns.TypeSOA, dns.TypeSRV, dns.TypeCNAME,
	dns.TypePTR, dns.TypeSVCB, dns.TypeANY, dns.TypeDNSKEY, dns.TypeNSEC3, dns.TypeNSEC, dns.TypeRRSIG,
}

const (
	types  = len(countedTypes) + 1 // one more for all others
	rcodes = dns.RcodeNameError + 1
)

// count counts a reply of a length. As in the chain, that is mostly the length without compression.
func (c *counters) count(q *wire.Query, isIPv4 bool, rcode, octets int) {
	family, i := 0, 0
	if !isIPv4 {
		family = 1
	}
	for i < len(countedTypes) && countedTypes[i] != q.Type {
		i++
	}
	c.requests[family][i].inc()
	if q.DO {
		c.do.inc()
	}
	c.responses[rcode].inc()
	c.requestSize.Observe(float64(q.Octets()))
	c.responseSize.Observe(float64(octets))
}

// took counts how long an answer took.
func (c *counters) took(d time.Duration) { c.duration.Observe(d.Seconds()) }
