package store

import (
	"testing"

	"github.com/miekg/dns"
)

// TestFailbackOfNames guards the start of a server: the first tier is used as soon as its names are resolved, and later waits.
func TestFailbackOfNames(t *testing.T) {
	s := build(t, "roundrobin53 {\n"+resolver+"record app A {\nvalue lb.example.net.\nvalue 192.0.2.9 priority 2\nfailback 1h\n}\n}", "example.org.")
	known := names{}
	for _, step := range []struct{ known, want string }{
		{"never", "192.0.2.9"}, {"192.0.2.1", "192.0.2.1"}, {"empty", "192.0.2.9"}, {"192.0.2.1", "192.0.2.9"},
	} {
		known["lb.example.net. A"] = step.known
		known.take(s)
		if got := answerOf(t, s, dns.TypeA); got != step.want {
			t.Errorf("after %s: %s, want %s", step.known, got, step.want)
		}
	}
}

// TestFailbackBesideUnknownNames guards tiers behind one whose names nobody resolves: they wait as they do without it.
func TestFailbackBesideUnknownNames(t *testing.T) {
	s := build(t, "roundrobin53 {\n"+resolver+"record app A {\nvalue lost.example.net.\nvalue lb.example.net. priority 2\nvalue 192.0.2.9 priority 3\nfailback 1h\n}\n}", "example.org.")
	known := names{"lost.example.net. A": "never"}
	for _, step := range []struct{ known, want string }{
		{"never", "192.0.2.9"}, {"192.0.2.1", "192.0.2.1"}, {"empty", "192.0.2.9"}, {"192.0.2.1", "192.0.2.9"},
	} {
		known["lb.example.net. A"] = step.known
		known.take(s)
		if got := answerOf(t, s, dns.TypeA); got != step.want {
			t.Errorf("after %s: %s, want %s", step.known, got, step.want)
		}
	}
	known["lost.example.net. A"] = "192.0.2.2"
	known.take(s)
	if got := answerOf(t, s, dns.TypeA); got != "192.0.2.2" {
		t.Errorf("the first tier is resolved at last: %s", got)
	}
}
