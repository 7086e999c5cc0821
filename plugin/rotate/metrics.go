package rotate

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// All label values come from the Corefile, none from a query.
var answersTotal = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace,
	Subsystem: pluginName,
	Name:      "answers_total",
	Help:      "Counter of the answers whose addresses were put in order.",
}, []string{"server", "zone", "view"})

// A counter counts for one listener and zone. It is looked up once: the path of a query only adds.
type counter = prometheus.Counter
