package roundrobin53

import (
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

var failOpenTotal = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "fail_open_answers_total",
	Help:      "Counter of the answers with values that are down, because none is up.",
}, []string{"server", "zone", "view"})

// The labels of a probe are those of the first name that has its check.
var (
	probesTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "probes_total",
		Help:      "Counter of the probes of a check, by result.",
	}, []string{"zone", "view", "check", "result"})

	probeDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "probe_duration_seconds",
		Help:      "Histogram of how long the probes of a check took.",
		Buckets:   []float64{.001, .005, .025, .1, .25, .5, 1, 2, 4, 8},
	}, []string{"zone", "view", "check"})

	transitionsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "transitions_total",
		Help:      "Counter of the verdicts of a check that changed, by what they changed to.",
	}, []string{"zone", "view", "check", "to"})
)

// reloadFailed tells of the latest reload. The counter of the plugin reload goes up once for a wrong Corefile, however long it is
// there.
var reloadFailed = promauto.NewGauge(prometheus.GaugeOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "reload_failed",
	Help:      "Whether the latest reload failed (1), so that an older Corefile is in force, or not (0).",
})

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

	upDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "up"),
		"Whether a check of a value says that it is up (1) or down (0).", []string{"zone", "view", "check", "value"}, nil)

	probedDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "probed"),
		"Whether a check of a value has had a result (1) or not yet (0): until then the value is taken for up.",
		[]string{"zone", "view", "check", "value"}, nil)

	candidatesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "candidates"),
		"Number of values that answers choose among, for records with the option metrics, by what selects the values.",
		[]string{"zone", "view", "name", "type", "for"}, nil)

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
	ch <- upDesc
	ch <- probedDesc
	ch <- candidatesDesc
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	in := servingInstance()
	zones := 0
	names, values, picks, candidates := make(series), make(series), make(series), make(series)
	up, known := make(series), make(series)
	for _, h := range in.handlers {
		zones += len(h.zones)
		for i := range h.zones {
			z := &h.zones[i]
			names.add(float64(z.names), z.name, h.view)
			values.add(float64(z.count), z.name, h.view)
		}
		for _, w := range h.watches {
			up.set(in.watcher.isUp(h.targets[w.target].key), w.zone, h.view, w.check, w.value)
			known.set(in.watcher.isKnown(h.targets[w.target].key), w.zone, h.view, w.check, w.value)
		}
		for _, counted := range h.counted {
			h.addCandidates(candidates, counted)
			for i, count := range h.picks[counted.number] {
				picks.add(float64(count.Load()), counted.zone, h.view, counted.name, dns.TypeToString[counted.rrtype], h.value(counted.number, i))
			}
		}
	}
	ch <- prometheus.MustNewConstMetric(zonesDesc, prometheus.GaugeValue, float64(zones))
	names.send(ch, namesDesc, prometheus.GaugeValue)
	values.send(ch, valuesDesc, prometheus.GaugeValue)
	picks.send(ch, firstPicksDesc, prometheus.CounterValue)
	candidates.send(ch, candidatesDesc, prometheus.GaugeValue)
	up.send(ch, upDesc, prometheus.GaugeValue)
	known.send(ch, probedDesc, prometheus.GaugeValue)
}

// addCandidates adds how many values each group of an RRset answers from, if its values are chosen among.
func (h *Handler) addCandidates(candidates series, counted countedRRset) {
	var number int
	if counted.number < 0 {
		number = h.alternatives[-counted.number].choosers[laneA] // the others answer from the same values
	} else {
		number = int(h.rrsets[counted.number].chooser)
	}
	if number == noChooser {
		return
	}
	b := h.keeper.board.Load()
	for i, g := range h.groupsOf(number) {
		choice := b.choice(h.choosers[number].first + i)
		candidates[strings.Join([]string{counted.zone, h.view, counted.name, dns.TypeToString[counted.rrtype], g.name}, labelSeparator)] = float64(len(choice.Candidates()))
	}
}

// series is values by label values: blocks that serve one zone on several ports make one series.
type series map[string]float64

const labelSeparator = "\xff"

func (s series) add(value float64, labels ...string) {
	s[strings.Join(labels, labelSeparator)] += value
}

// set makes a value of what is so or not. Blocks that watch one value with checks of one name are of one mind only if all
// are.
func (s series) set(is bool, labels ...string) {
	key := strings.Join(labels, labelSeparator)
	if before, ok := s[key]; is && (!ok || before == 1) {
		s[key] = 1
	} else {
		s[key] = 0
	}
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
	number     int // among the handler's RRsets; less than 0: among its alternatives
	zone, name string
	rrtype     uint16
}

// countPick counts the endpoint that an answer begins with.
func (h *Handler) countPick(number int, first uint16) {
	if counts := h.picks[number]; counts != nil {
		counts[first].Add(1)
	}
}
