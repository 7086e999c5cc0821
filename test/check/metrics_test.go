package check

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// checkedZone is a zone that no other test has, since counts go on from one to the next.
const checkedZone = "checked.example."

// ofCheckedZone is the series of a metric whose label zone is that zone, by their other labels.
func ofCheckedZone(t *testing.T, metric string) map[string]float64 {
	t.Helper()
	found := make(map[string]float64)
	for labels, value := range server.Series(t, "coredns_roundrobin53_"+metric) {
		var others []string
		ours := false
		for label := range strings.SplitSeq(labels, ",") {
			switch label {
			case `zone="` + checkedZone + `"`:
				ours = true
			case `view=""`, `server="dns://:0"`:
			default:
				others = append(others, label)
			}
		}
		if ours {
			found[strings.Join(others, " ")] = value
		}
	}
	return found
}

// observations is how many durations of a check's probes were observed, and the sum of them in seconds.
func observations(t *testing.T, check string) (n uint64, sum float64) {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "coredns_roundrobin53_probe_duration_seconds" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, label := range m.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if maps.Equal(labels, map[string]string{"zone": checkedZone, "check": check, "view": ""}) {
				return m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum()
			}
		}
	}
	return 0, 0
}

// TestMetricsOfChecks guards what an operator is shown of checks: verdicts and candidates as they are, counts that go on
// over reloads, and no series of a value that is gone.
func TestMetricsOfChecks(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "b c")
	type by = map[string]float64
	compare := func(when, metric string, want by) {
		t.Helper()
		if got := ofCheckedZone(t, metric); !maps.Equal(got, want) {
			t.Errorf("%s: %s is %v, want %v", when, metric, got, want)
		}
	}
	records := func(app string) string {
		return "checked.example:0 {\nroundrobin53 {\n" + app + `record routed A {
			value 192.0.2.1 from 10.0.0.0/8 192.0.2.0/24 check a
			value 192.0.2.2
			metrics
		}
		record open A 192.0.2.3 check c
		record shut A {
			value 192.0.2.3 check c
			all_down none
		}
		record quiet A {
			value 192.0.2.1 check a
			value 192.0.2.9 check any
		}
		` + "check any 1 of a c\n" + signs.Checks("a") + signs.ChecksWith(server.SlowCheck, "b c") + "}\n}\n"
	}
	app := "record app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\nvalue 192.0.2.4\nmetrics\n}\n"
	corefile := records(app)
	probed := ofCheckedZone(t, "probes_total")
	s := server.Serve(t, corefile)
	server.AwaitDown(t, s, "b c")
	server.Eventually(t, "a is probed", func() bool { return signs.Requests("a") > 0 })

	start := "after the start"
	compare(start, "up", by{
		`check="a" value="192.0.2.1"`: 1, `check="b" value="192.0.2.2"`: 0, `check="c" value="192.0.2.3"`: 0,
		`check="a" value="192.0.2.9"`: 1, `check="c" value="192.0.2.9"`: 0,
	})
	compare(start, "candidates", by{
		`for="default" name="app.checked.example." type="A"`:                    2,
		`for="10.0.0.0/8 192.0.2.0/24" name="routed.checked.example." type="A"`: 1,
		`for="default" name="routed.checked.example." type="A"`:                 1,
	})
	now := ofCheckedZone(t, "probes_total")
	for labels, want := range (by{`check="b" result="fail"`: 1, `check="b" result="pass"`: 0, `check="c" result="fail"`: 1, `check="a" result="fail"`: 0}) {
		if got := now[labels] - probed[labels]; got != want {
			t.Errorf("%s: %v probes with %s, want %v", start, got, labels, want)
		}
	}
	if n, sum := observations(t, "b"); n == 0 || sum <= 0 || sum > 30*float64(n) {
		t.Errorf("probes of b took %v s, %d of them; want one, in seconds", sum, n)
	}

	// Answers with values that are down are counted, and nothing else is.
	failOpen := ofCheckedZone(t, "fail_open_answers_total")[""]
	for range 3 {
		s.Ask("open.checked.example", dns.TypeA)
		s.Ask("shut.checked.example", dns.TypeA)
		s.Ask("app.checked.example", dns.TypeA)
		s.Ask("open.checked.example", dns.TypeAAAA)
	}
	if got := ofCheckedZone(t, "fail_open_answers_total")[""] - failOpen; got != 3 {
		t.Errorf("%v answers with values that are down were counted, want 3", got)
	}

	// A verdict changes.
	transitions := ofCheckedZone(t, "transitions_total")
	signs.Set(server.Fail, "a")
	server.AwaitDown(t, s, "a b c")
	signs.Set(server.Pass, "a")
	server.AwaitDown(t, s, "b c")
	now = ofCheckedZone(t, "transitions_total")
	for labels, want := range (by{`check="a" to="down"`: 1, `check="a" to="up"`: 1, `check="b" to="down"`: 0, `check="b" to="up"`: 0}) {
		if got := now[labels] - transitions[labels]; got != want {
			t.Errorf("%v transitions with %s, want %v", got, labels, want)
		}
	}
	compare("up again", "candidates", by{
		`for="default" name="app.checked.example." type="A"`:                    2,
		`for="10.0.0.0/8 192.0.2.0/24" name="routed.checked.example." type="A"`: 1,
		`for="default" name="routed.checked.example." type="A"`:                 1,
	})

	// Reloads, bad ones too.
	if err := s.Reload(server.BadCorefiles(strings.Replace(corefile, "192.0.2.4", "192.0.2.5 check a", 1), server.BusyAddress(t))["later plugin"]); err == nil {
		t.Fatal("reloaded, want an error")
	}
	if _, ok := ofCheckedZone(t, "up")[`check="a" value="192.0.2.5"`]; ok {
		t.Error("the metric up has a value that is not served")
	}
	server.MustReload(t, s, "checked.example:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 192.0.2.4 check a\nmetrics\n}\n"+signs.Checks("a")+"}\n}\n")
	compare("after a reload with other values", "up", by{`check="a" value="192.0.2.1"`: 1, `check="a" value="192.0.2.4"`: 1})
	compare("after a reload with other values", "candidates", by{`for="default" name="app.checked.example." type="A"`: 2})
	server.MustReload(t, s, "checked.example:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.4 metrics\n}\n}\n")
	compare("after a reload without checks", "up", by{})
	compare("after a reload without checks", "candidates", by{`for="default" name="app.checked.example." type="A"`: 2})
}

// TestTransitionsAreLogged guards the lines that an operator reads first: one for each change, with the reason.
func TestTransitionsAreLogged(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "b")
	signs.Set(server.Fail, "runs")
	closed := "127.0.0.1:" + server.FreePort(t)
	s := server.Serve(t, "logged.example:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 check b\nvalue 192.0.2.3 check shut\nvalue 192.0.2.4 check runs\n}\n"+
		"record same A 192.0.2.1 check a\n"+
		"check shut tcp://"+closed+"\n"+signs.Checks("a b")+signs.ChecksWith("interval 1s\ntimeout 1s\nrise 2\nfall 1", "runs")+"}\n}\n")
	server.AwaitDown(t, s, "b shut runs")
	signs.Set(server.Fail, "a")
	signs.Set(server.Pass, "runs")
	server.AwaitDown(t, s, "a b shut")
	signs.Set(server.Pass, "a")
	server.AwaitDown(t, s, "b shut")
	var got []string
	for line := range strings.Lines(s.Log()) {
		if _, text, ok := strings.Cut(line, "plugin/roundrobin53: logged.example. check "); ok {
			got = append(got, strings.TrimSpace(text))
		}
	}
	for _, want := range []string{
		`b: 192\.0\.2\.2 \(127\.0\.0\.1\) is down: the first probe failed: .*503.*`,
		`shut: 192\.0\.2\.3 \(127\.0\.0\.1\) is down: the first probe failed: .*refused.*`,
		`runs: 192\.0\.2\.4 \(127\.0\.0\.1\) is down: the first probe failed: .*503.*`,
		`runs: 192\.0\.2\.4 \(127\.0\.0\.1\) is up: 2 passes in a row`,
		`a: 192\.0\.2\.1 \(127\.0\.0\.1\) is down: 1 failure in a row, the last: .*503.*`,
		`a: 192\.0\.2\.1 \(127\.0\.0\.1\) is up: 1 pass in a row`,
	} {
		n := 0
		for _, line := range got {
			if regexp.MustCompile("^" + want + "$").MatchString(line) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines are %s, want 1, in\n%s", n, want, strings.Join(got, "\n"))
		}
	}
	if len(got) != 6 {
		t.Errorf("%d lines, want 6:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestDebugExplainsPicks guards the answer to "why did I get this address": a line in the log where, and only where, the
// block has the debug plugin.
func TestDebugExplainsPicks(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	block := func(zone, debug string) string {
		return zone + ":0 {\n" + debug + "\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3 from 127.0.0.0/8\nvalue 192.0.2.4 priority 2\n}\n" +
			"record down A 192.0.2.1 check a\nrecord lb CNAME {\nvalue a.example.net. weight 1\nvalue b.example.net. weight 0\n}\nrecord plain A 192.0.2.1\n" +
			signs.ChecksWith(server.SlowCheck, "a") + "}\n}\n"
	}
	s := server.Serve(t, block("debug.example", "debug")+block("quiet.example", ""))
	server.AwaitDown(t, s, "a")
	for _, zone := range []string{"debug.example", "quiet.example"} {
		for _, name := range []string{"app", "down", "lb", "plain"} {
			s.Ask(name+"."+zone, dns.TypeA)
		}
	}
	var got []string
	for line := range strings.Lines(s.Log()) {
		if _, text, ok := strings.Cut(line, "[DEBUG] plugin/roundrobin53: "); ok {
			got = append(got, strings.TrimSpace(text))
		}
	}
	for i, want := range []string{
		`^app\.debug\.example\. A for 127\.0\.0\.1 \(source\): route -2 127\.0\.0\.0/8: 2 of 4 \[192\.0\.2\.1 for default\] .* answer 192\.0\.2\.[23] 192\.0\.2\.[23]$`,
		`^down\.debug\.example\. A for .* health -1 no value is up \[192\.0\.2\.1 down for \d+s, check a: .*\]; .* answer 192\.0\.2\.1$`,
		`^lb\.debug\.example\. A for .* order -1 .* \[b\.example\.net\. weight 0, .* answer a\.example\.net\.$`,
	} {
		if i >= len(got) || !regexp.MustCompile(want).MatchString(got[i]) {
			t.Errorf("no line %s at %d in\n%s", want, i, strings.Join(got, "\n"))
		}
	}
	if len(got) != 3 {
		t.Errorf("%d lines, want 3:\n%s", len(got), strings.Join(got, "\n"))
	}
}
