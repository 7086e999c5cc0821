package roundrobin53

import (
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/plain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// tally counts the answers of the fast path for a zone in the metrics of the prometheus plugin, with the same labels and
// values as the chain does it.
type tally struct {
	requests     [2][2]prometheus.Counter // by family and type
	do           prometheus.Counter
	responses    prometheus.Counter
	duration     prometheus.Observer
	requestSize  prometheus.Observer
	responseSize prometheus.Observer

	withoutOPT bool // the size of an answer is counted before dnsserver gives it an OPT record
}

// addTally makes b count its answers, if the server block has the prometheus plugin. It returns the zones of the plugin
// that it counts a part of the block's names in: the names of these have other labels.
func (b *fastBlock) addTally(m *metrics.Metrics, s *dnsserver.Server) (below []string) {
	// The plugin label is the name of the handler that the prometheus plugin hands the query to.
	handlers := b.h.config.Handlers()
	var next string
	for i, handler := range handlers[:len(handlers)-1] {
		if handler.Name() == m.Name() {
			next = handlers[i+1].Name()
		}
	}
	counted := plugin.Zones(m.ZoneNames())
	for i := range b.h.zones {
		own := b.h.zones[i].name
		zone := counted.Matches(own)
		if zone == "" {
			zone = "."
		}
		t := newTally(s.Addr, zone, b.h.view, next)
		t.withoutOPT = b.h.config.Handler("minimal") != nil
		b.tally = append(b.tally, t)
		for _, other := range counted {
			if other != own && dns.IsSubDomain(own, other) {
				below = append(below, other)
			}
		}
	}
	return below
}

func newTally(server, zone, view, next string) *tally {
	t := &tally{
		do:           vars.RequestDo.WithLabelValues(server, zone, view),
		responses:    vars.ResponseRcode.WithLabelValues(server, zone, view, dns.RcodeToString[dns.RcodeSuccess], next),
		duration:     vars.RequestDuration.WithLabelValues(server, zone, view),
		requestSize:  vars.RequestSize.WithLabelValues(server, zone, view, "udp"),
		responseSize: vars.ResponseSize.WithLabelValues(server, zone, view, "udp"),
	}
	for family, label := range [...]string{"1", "2"} {
		for lane, rrtype := range record.AddressTypes {
			t.requests[family][lane] = vars.RequestCount.WithLabelValues(server, zone, view, "udp", label, dns.TypeToString[rrtype])
		}
	}
	return t
}

// count counts an answer with so many addresses of so many octets. Sizes are those of the messages without compression,
// which is what the chain counts.
func (t *tally) count(q *plain.Query, isIPv4 bool, addresses, width int) {
	family, lane := 0, laneA
	if !isIPv4 {
		family = 1
	}
	if q.Type == dns.TypeAAAA {
		lane = laneAAAA
	}
	t.requests[family][lane].Inc()
	if q.DO {
		t.do.Inc()
	}
	t.responses.Inc()
	t.requestSize.Observe(float64(q.Octets()))
	size := q.Uncompressed(addresses, width)
	if q.EDNS && t.withoutOPT {
		size -= plain.OPTOctets
	}
	t.responseSize.Observe(float64(size))
}

// took counts how long an answer took.
func (t *tally) took(d time.Duration) { t.duration.Observe(d.Seconds()) }
