package server

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

var probeLabels = regexp.MustCompile(`^check="(.*)",result="(.*)",view="",zone="(.*)\."$`)

// FirstResults are the checks of a zone that had a result, and whether they passed.
func FirstResults(t *testing.T, zone string) map[string]bool {
	t.Helper()
	passed := make(map[string]bool)
	for labels, n := range Series(t, "coredns_roundrobin53_probes_total") {
		if parts := probeLabels.FindStringSubmatch(labels); n > 0 && parts != nil && parts[3] == zone {
			passed[parts[1]] = parts[2] == "pass"
		}
	}
	return passed
}

// Probes is how many probes of a check had a result.
func Probes(t *testing.T, zone, check, result string) int {
	t.Helper()
	labels := fmt.Sprintf("check=%q,result=%q,view=\"\",zone=%q", check, result, zone+".")
	return int(Series(t, "coredns_roundrobin53_probes_total")[labels])
}

// Transitions returns the changes of a check's verdicts that a server logged, one a line.
func Transitions(s *Server, zone, check string) string {
	var lines []string
	for line := range strings.Lines(s.Log()) {
		if _, text, ok := strings.Cut(line, zone+". check "+check+": "); ok {
			lines = append(lines, check+": "+strings.TrimSpace(text))
		}
	}
	return strings.Join(lines, "\n")
}

// AwaitVerdict returns when a check is up or down in a server's answers.
func AwaitVerdict(t *testing.T, s *Server, zone, check string, up bool) {
	t.Helper()
	Eventually(t, fmt.Sprintf("check %s up: %t", check, up), func() bool {
		return (len(Send(t, s, "udp", Question("verdict-"+check+"."+zone, dns.TypeA)).Answer) > 0) == up
	})
}

// UpSeries is the metric up, by "check value".
func UpSeries(t *testing.T) map[string]float64 {
	t.Helper()
	up := make(map[string]float64)
	for labels, value := range Series(t, "coredns_roundrobin53_up") {
		var check, address, view, zone string
		if _, err := fmt.Sscanf(strings.ReplaceAll(labels, ",", " "), "check=%q value=%q view=%q zone=%q", &check, &address, &view, &zone); err != nil {
			t.Fatalf("labels %s: %v", labels, err)
		}
		up[check+" "+address] = value
	}
	return up
}

// IsDownExactly reports whether the serving instance takes exactly these checks for down, named in
// one text. Each check must belong to one value, or to several values with one endpoint.
func IsDownExactly(t *testing.T, names string) bool {
	t.Helper()
	want := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		want[name] = true
	}
	down := make(map[string]bool)
	for series, value := range UpSeries(t) {
		if check, _, _ := strings.Cut(series, " "); value == 0 {
			down[check] = true
		}
	}
	return maps.Equal(down, want)
}

var transitionLine = regexp.MustCompile(`plugin/roundrobin53: \S+ check (\S+): .* is (up|down): `)

// AwaitDown waits until isDownExactly, and the log says so: the line comes when answers know of the verdict. What is down
// must have been found to be so since the server was started, by a check of that name.
func AwaitDown(t *testing.T, s *Server, names string) {
	t.Helper()
	Eventually(t, "only these are down: "+names, func() bool {
		if !IsDownExactly(t, names) {
			return false
		}
		down := make(map[string]bool)
		for _, transition := range transitionLine.FindAllStringSubmatch(s.Log(), -1) {
			down[transition[1]] = transition[2] == "down"
		}
		for series, value := range UpSeries(t) {
			if check, _, _ := strings.Cut(series, " "); down[check] != (value == 0) {
				return false
			}
		}
		return true
	})
}
