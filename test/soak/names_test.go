//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestReportOfNames guards the table of a run without checks: it counts lookups, against a budget of their own.
func TestReportOfNames(t *testing.T) {
	r := report{settings: settings{kind: kindNames}}
	r.complete()
	r.alone = usage{cpu: 0.049, attempts: 1900}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10000 names with a TTL of 5s, ", "lookups a second ", "4.9 %            0.0 %         5.0 %   yes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("print: no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "connections") || r.missed() {
		t.Errorf("print: connections, or a budget missed:\n%s", out.String())
	}
}

// TestResolve guards the resolver: it tells the values that are up, and nothing of other names.
func TestResolve(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	e := endpoints{histories: make([]history, 8)}
	for i := range e.histories {
		e.histories[i].began = began
	}
	e.histories[7].switches = []time.Time{began}
	for name, want := range map[string]string{
		"n1.example.net.": "127.16.0.5 127.16.0.6 127.16.0.7", "N0.Example.Net.": "127.16.0.1 127.16.0.2 127.16.0.3 127.16.0.4",
		"n2.example.net.": "", "n-1.example.net.": "", "n.example.net.": "", "n1.example.org.": "",
	} {
		m := e.resolve(new(dns.Msg).SetQuestion(name, dns.TypeA), 5)
		var got []string
		for _, rr := range m.Answer {
			got = append(got, rr.(*dns.A).A.String())
		}
		if strings.Join(got, " ") != want || (m.Rcode == dns.RcodeNameError) != (want == "") {
			t.Errorf("%s: %s %v, want %q", name, dns.RcodeToString[m.Rcode], got, want)
		}
	}
}
