package roundrobin53

import (
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

var lookupsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "lookups_total",
	Help:      "Counter of the lookups of a name that is a value, by result.",
}, []string{"name", "result"})

// reloadFailed is about the latest reload. The counter of the plugin reload goes up once for a
// wrong Corefile, however long it stays.
var reloadFailed = promauto.NewGauge(prometheus.GaugeOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "reload_failed",
	Help:      "Whether the latest reload failed (1), so that an older Corefile is in force, or not (0).",
})

// result says how a query ended, for metrics.
type result uint8

const (
	resultAnswer      result = iota // records, or a CNAME
	resultNoData                    // the name exists, the type does not
	resultNXDomain                  // the name does not exist
	resultReferral                  // the name is delegated
	resultFallthrough               // passed to the next plugin
	resultError                     // any other RCODE
	results
)

var resultNames = [results]string{"answer", "nodata", "nxdomain", "referral", "fallthrough", "error"}

// resultOf returns how a query ended, judged by its answer.
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

// answerCounters are the counters of one listener and zone, looked up once: the path of a query
// only adds.
type answerCounters [results]prometheus.Counter

func newAnswerCounters(server, zone, view string) answerCounters {
	var counters answerCounters
	for r, name := range resultNames {
		counters[r] = answersTotal.WithLabelValues(server, zone, view, name)
	}
	return counters
}
