package roundrobin53

import (
	"net/netip"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// All label values of all metrics come from the Corefile, none from a query.

var answersTotal = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "answers_total",
	Help:      "Counter of the queries answered or passed on, by result.",
}, []string{"server", "zone", "view", "result"})

// What is configured, and what is counted by value, is read from the serving instance when it is asked for: so it is
// right after reloads, good or bad, and a value's series ends with the value.
var (
	firstPicksDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "first_picks_total"),
		"Counter of the answers that began with a value, for records with the option metrics.",
		[]string{"zone", "view", "name", "type", "value"}, nil)

	zonesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "zones"),
		"Number of zones configured.", nil, nil)

	namesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "names"),
		"Number of owner names configured in a zone.", []string{"zone", "view"}, nil)

	valuesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "values"),
		"Number of values (addresses and other records) configured in a zone.", []string{"zone", "view"}, nil)
)

// collector collects what is read from the serving instance. It implements prometheus.Collector.
type collector struct{}

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- firstPicksDesc
	ch <- zonesDesc
	ch <- namesDesc
	ch <- valuesDesc
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	in := servingInstance()
	zones := 0
	names, values, picks := make(series), make(series), make(series)
	for _, h := range in.handlers {
		zones += len(h.zones)
		for i := range h.zones {
			z := &h.zones[i]
			names.add(float64(z.names), z.name, h.view)
			values.add(float64(z.count), z.name, h.view)
		}
		for _, counted := range h.counted {
			for i, count := range h.picks[counted.number] {
				value, _ := netip.AddrFromSlice(h.rrsets[counted.number].pool.Address(i)) // it came from one
				picks.add(float64(count.Load()), counted.zone, h.view, counted.name, dns.TypeToString[counted.rrtype], value.String())
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(zonesDesc, prometheus.GaugeValue, float64(zones))
	names.send(ch, namesDesc, prometheus.GaugeValue)
	values.send(ch, valuesDesc, prometheus.GaugeValue)
	picks.send(ch, firstPicksDesc, prometheus.CounterValue)
}

// series is values by label values: blocks that serve one zone on several ports make one series.
type series map[string]float64

const labelSeparator = "\xff"

func (s series) add(value float64, labels ...string) {
	s[strings.Join(labels, labelSeparator)] += value
}

func (s series) send(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType) {
	for labels, value := range s {
		ch <- prometheus.MustNewConstMetric(desc, kind, value, strings.Split(labels, labelSeparator)...)
	}
}

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

// countPick counts the endpoint that an answer begins with.
func (h *Handler) countPick(number int, first uint16) {
	if counts := h.picks[number]; counts != nil {
		counts[first].Add(1)
	}
}
