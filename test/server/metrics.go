package server

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Series are the values of a metric by its labels, as in `name="app.example.org.",type="A"`. It is nil if the metric
// does not exist.
func Series(t *testing.T, metric string) map[string]float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		values := make(map[string]float64)
		for _, m := range family.GetMetric() {
			var labels []string
			for _, label := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			values[strings.Join(labels, ",")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
		return values
	}
	return nil
}

// Metric is the sum of all series of a counter or gauge, 0 if there is none.
func Metric(t *testing.T, name string) float64 {
	t.Helper()
	sum := 0.0
	for _, value := range Series(t, name) {
		sum += value
	}
	return sum
}

// patience is how long a condition may take to hold. It is only reached when a test fails.
const patience = time.Minute

// Eventually waits until a condition holds, which what names in the error.
func Eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so within %s: %s", patience, what)
		}
	}
}

// OwnSeries is how many series the plugin's metrics have.
func OwnSeries(t *testing.T) int {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "coredns_roundrobin53_") {
			n += len(family.GetMetric())
		}
	}
	return n
}

// FirstPicks are the series of first_picks_total by value.
func FirstPicks(t *testing.T) map[string]float64 {
	t.Helper()
	values := make(map[string]float64)
	for labels, value := range Series(t, "coredns_roundrobin53_first_picks_total") {
		name := regexp.MustCompile(`name="([^"]*)".*value="([^"]*)"`).FindStringSubmatch(labels)
		values[name[1]+" "+name[2]] = value
	}
	return values
}

// HeapInUse is the memory in use after a collection, in octets.
func HeapInUse() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Readiness returns the answer of the ready plugin at an address: OK, or the plugins that are not
// ready.
func Readiness(address string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/ready")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// AwaitReady waits until the ready plugin says OK.
func AwaitReady(t *testing.T, address string) {
	t.Helper()
	Eventually(t, "ready", func() bool {
		got, err := Readiness(address)
		return err == nil && got == "OK"
	})
}
