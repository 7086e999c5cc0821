package status

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// shownValues writes the values of a name in the document.
func shownValues(d *Document, name string) string {
	var lines []string
	for _, r := range d.Zones[0].RRsets {
		if r.Name != name+".example.org." {
			continue
		}
		for _, v := range r.Values {
			line := fmt.Sprintf("%s %s weight %d", v.Value, v.State, v.Weight)
			if v.Share != nil {
				line += fmt.Sprintf(" %.2f", *v.Share)
			}
			for _, word := range []string{v.FromName, v.Override} {
				if word != "" {
					line += " (" + word + ")"
				}
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// TestSteered guards what is shown of what an operator decided at run time, of values that choose
// and of values in which turns alone decide.
func TestSteered(t *testing.T) {
	b, verdicts := served(t, everything, "example.org.")
	settle(b, verdicts, ".2.2")
	steers := make(map[*policy.Set]policy.Steers)
	steer := func(name, value string, s *policy.Steer) {
		for rrset, set := range b.Store.All() {
			if rrset.Name == name+".example.org." {
				if steers[set] == nil {
					steers[set] = make(policy.Steers)
				}
				steers[set][policy.Key(value)] = s
			}
		}
	}
	steer("app", "192.0.2.1", &policy.Steer{Drain: "state:1"})
	steer("app", "192.0.2.2", &policy.Steer{Checks: map[string]policy.Forced{"web": {Up: true, Source: "state:2"}}})
	steer("app", "192.0.2.3", &policy.Steer{Weight: &policy.SteeredWeight{Weight: 9, Source: "state:3"}})
	steer("tiers", "192.0.2.5", &policy.Steer{Checks: map[string]policy.Forced{policy.AllChecks: {Source: "state:4"}}})
	steer("plain", "192.0.2.13", &policy.Steer{Drain: "state:5"})
	steer("mail", "192.0.2.15", &policy.Steer{Drain: "state:6"})
	b.Store.Verdicts.Steer(steers, longAgo)
	h := pageOf(b)
	d := documentOf(t, h, "/status.json")
	for name, want := range map[string]string{
		"app": "192.0.2.1 drained weight 3 0.00 (drain at state:1)\n192.0.2.2 up weight 3 0.25 (up web at state:2)\n" +
			"192.0.2.3 up weight 9 0.75 (weight 9 at state:3)\n192.0.2.4 drained weight 1 0.00",
		"tiers": "192.0.2.5 down weight 1 0.00 (down * at state:4)\n192.0.2.6 up weight 1 1.00",
		"plain": "192.0.2.13 drained weight 1 0.00 (drain at state:5)\n192.0.2.14 up weight 1 1.00\n2001:db8::1 up weight 1 1.00",
	} {
		if got := shownValues(d, name); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
	if w := get(h, "/ready?name=mail.example.org"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a name whose values are all drained: %d %s", w.Code, w.Body)
	}
	body := get(h, "/").Body.String()
	for _, want := range []string{"drain at state:5", "<dt>drained</dt><dd>4</dd>", "<dt>down</dt><dd>1</dd>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}
