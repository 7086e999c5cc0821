package deploy

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// dashboard has those fields of a Grafana dashboard that say what it shows.
type dashboard struct {
	Title      string
	UID        string
	Panels     []dashboardPanel
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

type dashboardPanel struct {
	ID          int
	Title       string
	Description string
	Targets     []struct{ Expr, RefID string }
	GridPos     struct{ X, Y, W, H int }
}

// expressions are the PromQL of the alerts and of the dashboard, by what they are for.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	m := render(t, "overlays/zone-all")
	found := make(map[string]string)
	for _, group := range only[*prometheusRule](t, m).Spec.Groups {
		for _, rule := range group.Rules {
			found["alert "+rule.Alert] = rule.Expr
		}
	}
	for _, panel := range readDashboard(t, m).Panels {
		for _, target := range panel.Targets {
			found["panel "+panel.Title+" "+target.RefID] = target.Expr
		}
	}
	return found
}

func readDashboard(t *testing.T, m manifests) dashboard {
	t.Helper()
	var d dashboard
	object := m.configMap(t, "roundrobin53-dashboard")
	if err := json.Unmarshal([]byte(object.Data["roundrobin53.json"]), &d); err != nil {
		t.Fatal(err)
	}
	if object.Labels["grafana_dashboard"] != "1" {
		t.Errorf("labels %v, Grafana's sidecar looks for grafana_dashboard", object.Labels)
	}
	return d
}

// TestRunbooks guards the links of alerts: each is to a section of docs/operating.md of the alert's name.
func TestRunbooks(t *testing.T) {
	page := server.ReadFile(t, "docs/operating.md")
	alerts := 0
	for _, group := range only[*prometheusRule](t, render(t, "overlays/zone-all")).Spec.Groups {
		for _, rule := range group.Rules {
			alerts++
			want := "https://github.com/roundrobin53/roundrobin53/blob/main/docs/operating.md#" + strings.ToLower(rule.Alert)
			if got := rule.Annotations["runbook_url"]; got != want {
				t.Errorf("%s: the runbook is %s, want %s", rule.Alert, got, want)
			}
			if !strings.Contains(page, "\n### "+rule.Alert+"\n") {
				t.Errorf("docs/operating.md has nothing on %s", rule.Alert)
			}
		}
	}
	if sections := strings.Count(page, "\n### RoundRobin53"); sections != alerts {
		t.Errorf("docs/operating.md has %d alerts, there are %d", sections, alerts)
	}
}

// metricName is a name in PromQL that is no function, label or keyword.
var metricName = regexp.MustCompile(`\b(?:coredns|go|process)_[a-z0-9_]+`)

// TestMetricsOfAlertsExist guards alerts that can never fire and panels that stay empty: each metric in them is one that
// a server exports.
func TestMetricsOfAlertsExist(t *testing.T) {
	s := server.Serve(t, `example.org:0 {
		prometheus 127.0.0.1:0
		reload
		roundrobin53 {
			check web tcp://`+openPort(t)+`
			state /nonexistent/state
			record app A 192.0.2.1 192.0.2.2 metrics check web
			record old A 192.0.2.9 drain
			resolver tcp://`+openPort(t)+`
			record named A lb.example.net.
		}
	}`)
	s.Ask("app.example.org", dns.TypeA)
	server.Eventually(t, "a probe", func() bool { return len(server.Series(t, "coredns_roundrobin53_probes_total")) > 0 })
	exported := make(map[string]bool)
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		exported[family.GetName()] = true
		exported[family.GetName()+"_bucket"] = true
	}
	for what, expression := range expressions(t) {
		metrics := metricName.FindAllString(expression, -1)
		if len(metrics) == 0 {
			t.Errorf("%s: no metric in %s", what, expression)
		}
		for _, metric := range metrics {
			if !exported[metric] {
				t.Errorf("%s: %s is not exported", what, metric)
			}
		}
	}
}

// TestLabelsOfAlertsExist guards against labels that a metric does not have: sums by them would lose what they are for.
func TestLabelsOfAlertsExist(t *testing.T) {
	known := " job instance le server zone view result name type value for check to action file "
	for what, expression := range expressions(t) {
		for _, match := range regexp.MustCompile(`(?:by|on) \(([a-z, ]+)\)|\{([^}]*)\}`).FindAllStringSubmatch(expression, -1) {
			for label := range strings.SplitSeq(match[1]+match[2], ",") {
				label = strings.TrimSpace(regexp.MustCompile(`[=!~]+.*`).ReplaceAllString(label, ""))
				if !strings.Contains(known, " "+label+" ") {
					t.Errorf("%s: no label %q", what, label)
				}
			}
		}
		if strings.Count(expression, "(") != strings.Count(expression, ")") {
			t.Errorf("%s: brackets do not match in %s", what, expression)
		}
	}
}

// TestAlertsAreComplete guards the alerts that operators were promised, and that each says what it means.
func TestAlertsAreComplete(t *testing.T) {
	for alert, metric := range map[string]string{
		"ReloadFailed": "coredns_roundrobin53_reload_failed", "CorefileOutdated": "coredns_roundrobin53_corefile_outdated", "StateFailed": "coredns_roundrobin53_state_failed", "Overridden": "coredns_roundrobin53_overrides", "ValueDown": "coredns_roundrobin53_up",
		"LookupsFail": "coredns_roundrobin53_lookup_oldest_age_seconds", "NameEmpty": "coredns_roundrobin53_lookup_addresses",
		"FailOpen": "coredns_roundrobin53_fail_open_answers_total", "Panic": "coredns_panics_total",
	} {
		if expression := expressions(t)["alert RoundRobin53"+alert]; !strings.Contains(expression, metric) {
			t.Errorf("alert %s is %q, want %s in it", alert, expression, metric)
		}
	}
	for _, group := range only[*prometheusRule](t, render(t, "overlays/zone-all")).Spec.Groups {
		for _, rule := range group.Rules {
			if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s: labels %v, annotations %v", rule.Alert, rule.Labels, rule.Annotations)
			}
		}
	}
}

// TestDashboardPanels guards against panels without a description, with the identity of another, or over another.
func TestDashboardPanels(t *testing.T) {
	d := readDashboard(t, render(t, "overlays/zone-all"))
	if len(d.Panels) < 10 || d.UID == "" || len(d.Templating.List) != 2 {
		t.Errorf("%d panels, uid %q, variables %v", len(d.Panels), d.UID, d.Templating.List)
	}
	ids, cells := make(map[int]bool), make(map[[2]int]string)
	for _, panel := range d.Panels {
		if ids[panel.ID] || panel.Description == "" || len(panel.Targets) == 0 {
			t.Errorf("%s: id %d, description %q, %d targets", panel.Title, panel.ID, panel.Description, len(panel.Targets))
		}
		ids[panel.ID] = true
		at := panel.GridPos
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies over %s or outside", panel.Title, other)
				}
				cells[[2]int{x, y}] = panel.Title
			}
		}
	}
}
