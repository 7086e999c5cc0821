package roundrobin53

import (
	"slices"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// Gauges of the configuration and counters by value are read from the serving instance when they
// are scraped. So they are right after reloads, good or bad, and a value's series ends with the
// value.
var (
	firstPicksDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "first_picks_total"),
		"Counter of the answers that began with a value, for records with the option metrics.",
		[]string{"zone", "view", "name", "type", "value"}, nil)

	outdatedDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "corefile_outdated"),
		"Whether the Corefile or a file that it imports is no longer what it was when it was read (1), or still is (0).", nil, nil)

	zonesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "zones"),
		"Number of zones configured.", nil, nil)

	namesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "names"),
		"Number of owner names configured in a zone.", []string{"zone", "view"}, nil)

	upDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "up"),
		"Whether a check of a value says that it is up (1) or down (0).", []string{"zone", "view", "check", "value"}, nil)

	lastTransitionDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "last_transition_timestamp_seconds"),
		"When the verdict of a check of a value became what it is, in seconds since 1970.", []string{"zone", "view", "check", "value"}, nil)

	overridesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "overrides"),
		"Number of the values of which a state file decides, by what it does.", []string{"action"}, nil)

	drainedDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "drained"),
		"The values that are drained, each with the value 1.", []string{"zone", "view", "name", "type", "value"}, nil)

	stateFailedDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "state_failed"),
		"Whether a state file is missing or wrong (1), so that what was in force stays so, or not (0).", []string{"file"}, nil)

	probedDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "probed"),
		"Whether a check of a value has had a result (1) or not yet (0): until then the value is taken for up.",
		[]string{"zone", "view", "check", "value"}, nil)

	candidatesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "candidates"),
		"Number of values that answers choose among, for records with the option metrics, by what selects the values.",
		[]string{"zone", "view", "name", "type", "for"}, nil)

	lookupAddressesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "lookup_addresses"),
		"Number of addresses in use of a name that is a value.", []string{"name", "type"}, nil)

	lookupAgeDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "lookup_oldest_age_seconds"),
		"Age of the oldest addresses in use of a name that is a value.", nil, nil)

	valuesDesc = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, "values"),
		"Number of values (addresses and other records) configured in a zone.", []string{"zone", "view"}, nil)
)

var _ prometheus.Collector = collector{}

// A collector collects the metrics that are read from the serving instance.
type collector struct{}

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- firstPicksDesc
	ch <- outdatedDesc
	ch <- zonesDesc
	ch <- namesDesc
	ch <- valuesDesc
	ch <- upDesc
	ch <- probedDesc
	ch <- candidatesDesc
	ch <- lastTransitionDesc
	ch <- overridesDesc
	ch <- drainedDesc
	ch <- stateFailedDesc
	ch <- lookupAddressesDesc
	ch <- lookupAgeDesc
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	in := servingInstance()
	zones := 0
	names, values, picks, candidates := make(series), make(series), make(series), make(series)
	up, known, changed := make(series), make(series), make(series)
	for _, h := range in.handlers {
		s, view := h.store.Load(), h.block.view
		zones += len(s.Zones)
		for i := range s.Zones {
			z := &s.Zones[i]
			names.add(float64(z.Names), z.Name, view)
			values.add(float64(z.Values), z.Name, view)
		}
		for _, w := range s.AllWatches() {
			up.addState(in.prober.isUp(w.Key), w.Zone, view, w.Check, w.Value)
			known.addState(in.prober.isKnown(w.Key), w.Zone, view, w.Check, w.Value)
			if since := in.prober.latest(w.Key).Since; !since.IsZero() {
				changed.addLatest(float64(since.UnixMilli())/1e3, w.Zone, view, w.Check, w.Value)
			}
		}
		addPicks(picks, candidates, s, view)
	}
	outdated := 0.0
	if in.source.IsOutdated() {
		outdated = 1
	}
	ch <- prometheus.MustNewConstMetric(outdatedDesc, prometheus.GaugeValue, outdated)
	ch <- prometheus.MustNewConstMetric(zonesDesc, prometheus.GaugeValue, float64(zones))
	names.send(ch, namesDesc, prometheus.GaugeValue)
	values.send(ch, valuesDesc, prometheus.GaugeValue)
	picks.send(ch, firstPicksDesc, prometheus.CounterValue)
	candidates.send(ch, candidatesDesc, prometheus.GaugeValue)
	up.send(ch, upDesc, prometheus.GaugeValue)
	known.send(ch, probedDesc, prometheus.GaugeValue)
	changed.send(ch, lastTransitionDesc, prometheus.GaugeValue)
	in.collectStates(ch)
	in.names.collect(ch)
}

// collectStates collects what state files decide, and what is drained by them or by the Corefile.
func (in *instance) collectStates(ch chan<- prometheus.Metric) {
	overrides, drained, failed := make(series), make(series), make(series)
	for _, action := range override.Actions() {
		overrides[action] = 0
	}
	for _, h := range in.handlers {
		for _, d := range h.store.Load().DrainedValues() {
			drained.addState(true, d.Zone, h.block.view, d.Name, dns.Type(d.Type).String(), d.Value)
		}
		for _, v := range h.store.Load().Steered() {
			overrides.add(1, v.Action.String())
			if v.Action == override.Drain {
				drained.addState(true, v.Zone, h.block.view, v.Name, dns.Type(v.Type).String(), v.Value)
			}
		}
	}
	for file, isFailed := range in.states.failures() {
		failed.addState(isFailed, file)
	}
	overrides.send(ch, overridesDesc, prometheus.GaugeValue)
	drained.send(ch, drainedDesc, prometheus.GaugeValue)
	failed.send(ch, stateFailedDesc, prometheus.GaugeValue)
}

// addPicks adds, for sets with the option metrics, how often each value came first and how many
// values each group answers from.
func addPicks(picks, candidates series, s *store.Store, view string) {
	b := s.Verdicts.Board()
	for _, c := range s.Counted {
		labels := []string{c.Zone, view, c.Name, dns.TypeToString[c.Type]}
		set := c.Set.On(b)
		for i, count := range set.Picks() {
			picks.add(float64(count.Load()), append(slices.Clip(labels), set.Value(i))...)
		}
		if !set.Chooses() {
			candidates[strings.Join(append(slices.Clip(labels), policy.ForAll), labelSeparator)] = float64(set.PlainCandidates(b))
		}
		for _, g := range set.Groups() {
			candidates[strings.Join(append(slices.Clip(labels), g.Name), labelSeparator)] = float64(len(b.Candidates(g)))
		}
	}
}

// series holds values by label values. Blocks that serve one zone on several ports share a series.
type series map[string]float64

const labelSeparator = "\xff"

func (s series) add(value float64, labels ...string) {
	s[strings.Join(labels, labelSeparator)] += value
}

// addState adds 1 for true and 0 for false. Blocks that watch one value with checks of one name
// share a series, which is 1 only if all of them are true.
func (s series) addState(is bool, labels ...string) {
	key := strings.Join(labels, labelSeparator)
	if before, ok := s[key]; is && (!ok || before == 1) {
		s[key] = 1
	} else {
		s[key] = 0
	}
}

// addLatest keeps the latest of several times.
func (s series) addLatest(seconds float64, labels ...string) {
	key := strings.Join(labels, labelSeparator)
	s[key] = max(s[key], seconds)
}

func (s series) send(ch chan<- prometheus.Metric, desc *prometheus.Desc, kind prometheus.ValueType) {
	for labels, value := range s {
		ch <- prometheus.MustNewConstMetric(desc, kind, value, strings.Split(labels, labelSeparator)...)
	}
}

// collect sends the metrics of the addresses in use.
func (n *names) collect(ch chan<- prometheus.Metric) {
	if n.lookups == nil {
		return
	}
	addresses := make(series)
	oldest := time.Duration(0)
	now := time.Now()
	for _, q := range n.lookups.Questions() {
		set := n.lookups.Get(q)
		key := []string{q.Name, dns.TypeToString[q.Type]}
		if addresses[strings.Join(key, labelSeparator)] == 0 { // servers of two blocks may tell of one name
			addresses.add(float64(len(set.Addresses)), key...)
		}
		if len(set.Addresses) > 0 {
			oldest = max(oldest, now.Sub(set.When))
		}
	}
	addresses.send(ch, lookupAddressesDesc, prometheus.GaugeValue)
	if len(addresses) > 0 {
		ch <- prometheus.MustNewConstMetric(lookupAgeDesc, prometheus.GaugeValue, oldest.Seconds())
	}
}

// forgetLookups drops the counters of names that are no longer looked up.
func forgetLookups(before, after []lookup.Question) {
	used := make(map[string]bool, len(after))
	for _, q := range after {
		used[q.Name] = true
	}
	for _, q := range before {
		if !used[q.Name] {
			for _, result := range lookup.Results() {
				lookupsTotal.DeleteLabelValues(q.Name, result.String())
			}
		}
	}
}
