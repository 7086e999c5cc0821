package roundrobin53

import (
	"net/netip"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The metrics. All label values come from the Corefile, none from a query.
var (
	answersTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "answers_total",
		Help:      "Counter of the queries answered or passed on, by result.",
	}, []string{"server", "zone", "view", "result"})

	firstPicksTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "first_picks_total",
		Help:      "Counter of the answers that began with a value, for records with the option metrics.",
	}, []string{"zone", "view", "name", "type", "value"})

	zonesGauge = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "zones",
		Help:      "Number of zones configured.",
	})

	namesGauge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "names",
		Help:      "Number of owner names configured in a zone.",
	}, []string{"zone", "view"})

	valuesGauge = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "values",
		Help:      "Number of values (addresses and other records) configured in a zone.",
	}, []string{"zone", "view"})
)

// result is how a query ended, for metrics.
type result uint8

const (
	resultAnswer      result = iota // records, or an alias
	resultNoData                    // the name exists, the type does not
	resultNXDomain                  // the name does not exist
	resultReferral                  // the name is delegated
	resultFallthrough               // passed to the next plugin
	resultError                     // any other RCODE
	results
)

var resultNames = [results]string{"answer", "nodata", "nxdomain", "referral", "fallthrough", "error"}

// resultOf tells how a query ended from its answer.
func resultOf(m *dns.Msg) result {
	switch {
	case m.Rcode == dns.RcodeNameError:
		return resultNXDomain
	case m.Rcode != dns.RcodeSuccess:
		return resultError
	case len(m.Answer) > 0:
		return resultAnswer
	case !m.Authoritative:
		return resultReferral
	}
	return resultNoData
}

// answerCounters are the counters of one server and zone, looked up once: the path of a query only adds.
type answerCounters [results]prometheus.Counter

func newAnswerCounters(server, zone, view string) answerCounters {
	var counters answerCounters
	for r, name := range resultNames {
		counters[r] = answersTotal.WithLabelValues(server, zone, view, name)
	}
	return counters
}

// countedRRset is an RRset whose first places are counted.
type countedRRset struct {
	number     int // among the handler's RRsets
	zone, name string
	rrtype     uint16
}

// labels are the label values of each of its endpoints.
func (c countedRRset) labels(h *Handler) [][]string {
	p := &h.rrsets[c.number].pool
	labels := make([][]string, p.Len())
	for i := range labels {
		value, _ := netip.AddrFromSlice(p.Address(i)) // it came from one
		labels[i] = []string{c.zone, h.view, c.name, dns.TypeToString[c.rrtype], value.String()}
	}
	return labels
}

// startCounting looks up the counters of the RRsets that have them.
func (h *Handler) startCounting() {
	for _, counted := range h.counted {
		if h.picks == nil {
			h.picks = make(map[int][]prometheus.Counter)
		}
		for _, labels := range counted.labels(h) {
			h.picks[counted.number] = append(h.picks[counted.number], firstPicksTotal.WithLabelValues(labels...))
		}
	}
}

// countPick counts the endpoint that an answer begins with.
func (h *Handler) countPick(number int, first uint16) {
	if counters := h.picks[number]; counters != nil {
		counters[first].Inc()
	}
}

// publish sets the gauges to what the handlers of an instance serve.
func publish(handlers []*Handler) {
	zonesGauge.Set(0)
	namesGauge.Reset()
	valuesGauge.Reset()
	for _, h := range handlers {
		zonesGauge.Add(float64(len(h.zones)))
		for i := range h.zones {
			z := &h.zones[i]
			namesGauge.WithLabelValues(z.name, h.view).Add(float64(z.names))
			valuesGauge.WithLabelValues(z.name, h.view).Add(float64(z.count))
		}
	}
}

// forgetPicks removes the series of values that were counted before a restart and are counted no more.
func forgetPicks(before, now *instance) {
	kept := make(map[string]bool)
	for _, labels := range now.pickLabels() {
		kept[strings.Join(labels, " ")] = true
	}
	for _, labels := range before.pickLabels() {
		if !kept[strings.Join(labels, " ")] {
			firstPicksTotal.DeleteLabelValues(labels...)
		}
	}
}

func (in *instance) pickLabels() [][]string {
	var labels [][]string
	for _, h := range in.handlers {
		for _, counted := range h.counted {
			labels = append(labels, counted.labels(h)...)
		}
	}
	return labels
}
