//go:build linux

package fastpath

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// zoneSeries is all series about a zone of the metrics with these prefixes, by name and labels but for the server and
// with ZONE for the zone. A histogram is two series, the count and the sum; of durations only the count.
func zoneSeries(t *testing.T, zone string, prefixes ...string) map[string]float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		name := family.GetName()
		isWanted := false
		for _, prefix := range prefixes {
			isWanted = isWanted || strings.HasPrefix(name, prefix)
		}
		if !isWanted {
			continue
		}
		for _, m := range family.GetMetric() {
			labels, isOfZone := name, false
			for _, label := range m.GetLabel() {
				value := label.GetValue()
				isOfZone = isOfZone || strings.Contains(value, zone)
				if label.GetName() != "server" {
					labels += fmt.Sprintf(" %s=%q", label.GetName(), strings.ReplaceAll(value, zone, "ZONE"))
				}
			}
			switch histogram := m.GetHistogram(); {
			case !isOfZone:
			case histogram == nil:
				found[labels] += m.GetCounter().GetValue()
			default:
				found[labels+" count"] += float64(histogram.GetSampleCount())
				if !strings.Contains(name, "duration") {
					found[labels+" sum"] += histogram.GetSampleSum()
					for _, bucket := range histogram.GetBucket() {
						found[fmt.Sprintf("%s le %v", labels, bucket.GetUpperBound())] += float64(bucket.GetCumulativeCount())
					}
				}
			}
		}
	}
	return found
}

// TestFastMetrics guards the counters of the prometheus plugin and our own: a fast answer counts as the chain's does, with
// the same labels, sizes among them. Two zones whose names are of the same length are asked the same.
func TestFastMetrics(t *testing.T) {
	server.NoPanics(t)
	const block = `%s.example:PORT {
		bind 127.0.0.1 ::1
		%s
		roundrobin53 {
			%s
			record app A 192.0.2.1 192.0.2.2 192.0.2.3 metrics
			record app AAAA 2001:db8::1 2001:db8::2 metrics
			record *.wild A 192.0.2.1 192.0.2.2 metrics
			record below.sub A 192.0.2.1 192.0.2.2 metrics
			record weighted A {
				value 192.0.2.1 weight 3
				value 192.0.2.2
				metrics
			}
			record big A ` + "%s" + `
			record text TXT "text"
			record alias CNAME app
			record gone CNAME nowhere
			record mail MX 10 app
			record svc HTTPS 1 . alpn=h2
			record svc A 192.0.2.1
			record cut NS app
			record sticky A 192.0.2.1 192.0.2.2 order sticky
		}
	}
	`
	for name, directives := range map[string]string{
		"prometheus":                   "prometheus 127.0.0.1:0",
		"prometheus and others":        "prometheus 127.0.0.1:0\nerrors\ncache\nmetadata\nany",
		"prometheus and minimal":       "prometheus 127.0.0.1:0\nminimal",
		"prometheus with a zone below": "prometheus 127.0.0.1:0",
		"none":                         "",
	} {
		t.Run(name, func(t *testing.T) {
			run := strings.Map(func(r rune) rune { // names of its own: metrics outlive servers
				if r == ' ' {
					return '-'
				}
				return r
			}, name)
			big := strings.Join(server.ManyAddresses(30, dns.TypeA), " ")
			fast, slow := "fast-"+run, "slow-"+run
			corefile := fmt.Sprintf(block, fast, directives, "fastpath", big) + fmt.Sprintf(block, slow, directives, "", big)
			if strings.HasSuffix(name, "below") {
				for _, zone := range []string{fast, slow} {
					corefile += fmt.Sprintf("sub.%s.example:PORT {\nbind 127.0.0.2\n%s\nwhoami\n}\n", zone, directives)
				}
			}
			_, port := server.StartFast(t, corefile)
			prefixes := []string{"coredns_dns_", "coredns_roundrobin53_answers_total", "coredns_roundrobin53_first_picks_total"}
			before := map[string]map[string]float64{fast: zoneSeries(t, fast, prefixes...), slow: zoneSeries(t, slow, prefixes...)}
			since := func(zone string) map[string]float64 {
				series := zoneSeries(t, zone, prefixes...)
				for labels, value := range before[zone] {
					series[labels] -= value
				}
				return firstsTogether(series)
			}
			ask := func(host, zone string) {
				conn := server.Dial(t, host+":"+port)
				for _, qname := range []string{"app", "APP", "x.wild", "below.sub", "weighted", "big", "text", "alias", "gone", "mail", "svc", "cut", "sticky", "none"} {
					for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeTXT, dns.TypeHTTPS, dns.TypeSRV, dns.TypeCAA} {
						for i := range 12 {
							m := server.Question(qname+"."+zone+".example", qtype)
							switch i % 6 {
							case 1:
								server.WithOPT(m, 0)
							case 2:
								server.WithOPT(m, 0x8000)
							case 3:
								server.WithOPT(m, 0x8000, server.CookieOption, server.PaddingOption)
							case 4:
								server.WithOPT(m, 0, server.NSIDOption, server.PolicySubnet("198.51.100.0/24"))
							case 5:
								server.WithOPT(m, 0, server.UnknownOption)
							}
							server.AskRaw(t, conn, m)
						}
					}
				}
			}
			for _, host := range []string{"127.0.0.1", "[::1]"} {
				ask(host, fast)
				ask(host, slow)
			}
			server.CheckFast(t, "127.0.0.1:"+port, "app."+fast+".example", dns.TypeAAAA, true, "2001:db8::1 2001:db8::2")
			server.CheckFast(t, "127.0.0.1:"+port, "app."+slow+".example", dns.TypeAAAA, false, "2001:db8::1 2001:db8::2")
			// The counters start at random; what came first how often is compared as a whole, not value by value.
			var got, want map[string]float64
			server.Eventually(t, "all answers are counted", func() bool { // the chain counts when the reply is on its way
				got, want = since(fast), since(slow)
				return want["answers"] == 2*14*7*12+3 && got["answers"] >= want["answers"] && (directives == "" || got["responses"] >= got["answers"] && want["responses"] >= want["answers"])
			})
			if !maps.Equal(got, want) {
				for labels := range want {
					if got[labels] != want[labels] {
						t.Errorf("%s: %v, want %v", labels, got[labels], want[labels])
					}
				}
				for labels := range got {
					if _, ok := want[labels]; !ok {
						t.Errorf("%s: %v, and the chain has no such", labels, got[labels])
					}
				}
			}
		})
	}
}

// firstsTogether adds up the first places of a name and type, and the counts that tell when all is counted.
func firstsTogether(series map[string]float64) map[string]float64 {
	together := make(map[string]float64)
	for labels, value := range series {
		metric, _, _ := strings.Cut(labels, " ")
		switch metric {
		case "coredns_roundrobin53_answers_total":
			together["answers"] += value
		case "coredns_dns_responses_total":
			together["responses"] += value
		case "coredns_roundrobin53_first_picks_total":
			before, after, _ := strings.Cut(labels, ` value="`)
			_, after, _ = strings.Cut(after, `"`)
			labels = before + after
		}
		together[labels] += value
	}
	return together
}
