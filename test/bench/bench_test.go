//go:build linux

package main

import (
	"errors"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// perfOutput is what dnsperf 2.10 prints.
const perfOutput = `DNS Performance Testing Tool
Version 2.10.0

[Status] Testing complete (time limit)

Statistics:

  Queries sent:         100000
  Queries completed:    99990 (99.99%)
  Queries lost:         10 (0.01%)

  Response codes:       NOERROR 99985 (99.99%), NXDOMAIN 5 (0.01%)
  Average packet size:  request 33, response 161
  Run time (s):         2.000012
  Queries per second:   49994.700032
`

func TestParseTally(t *testing.T) {
	got, err := parseTally(perfOutput)
	if want := (tally{100_000, 99_990, 99_990, 161, 49_994}); err != nil || got != want {
		t.Errorf("parseTally: got %+v, %v, want %+v", got, err, want)
	}
	if got, err := parseTally("dnsperf: unknown option"); err == nil {
		t.Errorf("parseTally of a message: got %+v, want an error", got)
	}
}

func TestTallyCheck(t *testing.T) {
	for name, test := range map[string]struct {
		tally tally
		want  string // part of the error, "" if there is none
	}{
		"all answered":  {tally{1000, 1000, 1000, 161, 500}, ""},
		"few lost":      {tally{1000, 990, 990, 161, 500}, ""},
		"many lost":     {tally{1000, 989, 989, 161, 500}, "11 of 1000 queries were lost"},
		"none answered": {tally{1000, 0, 0, 161, 500}, "no query was answered"},
		"an error":      {tally{1000, 1000, 999, 161, 500}, "1 of 1000 answers are errors"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.tally.check()
			if test.want == "" && err == nil {
				return
			}
			if err == nil || test.want == "" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("check: got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values  []float64
		q, want float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 0.75, 4},
		{[]float64{1, 2}, 1, 2},
	} {
		if got := quantile(test.values, test.q); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("quantile(%v, %v): got %v, want %v", test.values, test.q, got, test.want)
		}
	}
}

func TestDivideComparesWithinRounds(t *testing.T) {
	// The machine was half as fast in the second round: that is no difference between the sides.
	got := divide([]float64{1, 2, 3}, []float64{2, 4, 3})
	if len(got) != 3 || got[0] != 0.5 || got[1] != 0.5 || got[2] != 1 {
		t.Errorf("divide: got %v, want [0.5 0.5 1]", got)
	}
}

func TestTablePrint(t *testing.T) {
	rows := table{
		{"a8", expectation{perQuery, "whoami", 1.10}, []float64{1.0, 1.05, 1.2}},
		{"a8", expectation{perQuery, "hosts", 0}, []float64{0.5}},
		{"a8", expectation{lost, sent, nothing}, []float64{0, 0, 0.01}},
	}
	const want = `
SCENARIO  FIGURE                 AGAINST       RATIO  QUARTILES    BUDGET  MET
a8        CPU per query          whoami        1.050  1.025-1.125  1.10    yes
a8        CPU per query          hosts         0.500  0.500-0.500  -       
a8        lost at half the rate  queries sent  0.000  0.000-0.005  0.00    yes
`
	var out strings.Builder
	if err := rows.print(&out); err != nil || "\n"+out.String() != want {
		t.Errorf("print: got error %v and\n%s\nwant%s", err, out.String(), want)
	}
	if rows.missed() {
		t.Error("missed: got true, want false")
	}
	rows[0].ratios = []float64{1.101}
	if !rows.missed() || rows[0].met() != "NO" {
		t.Error("missed with a ratio of 1.101: got false, want true")
	}
	if rows[2].ratios = []float64{0.00001}; rows[2].met() != "NO" {
		t.Error("met with a few lost: got yes, want NO")
	}
}

// TestScenarios guards the names that rows use for sides: a wrong one would drop its row, and a budget with it.
func TestScenarios(t *testing.T) {
	for _, sc := range scenarios {
		sides := make(map[string]bool)
		for _, s := range sc.sides {
			sides[s.name] = true
		}
		for _, want := range sc.rows {
			isOther := sides[want.against] && want.against != sc.sides[0].name
			switch want.figure {
			case lost:
				if want.against != sent || !sc.measures(perQuery, sc.sides[0].name) {
					t.Errorf("%s: %q is measured with %q, and against %q", sc.name, lost, perQuery, sent)
				}
				continue
			case lostSlow, lostQuick:
				if want.against != sent {
					t.Errorf("%s: %q is measured against %q", sc.name, want.figure, sent)
				}
				continue
			case memory, size:
				if !sc.measures(perQuery, want.against) {
					t.Errorf("%s: %q is measured with %q only, which is not measured of %s", sc.name, want.figure, perQuery, want.against)
				}
			}
			if !isOther {
				t.Errorf("%s: %q is not another side of it", sc.name, want.against)
			}
		}
	}
}

func TestScenarioQuery(t *testing.T) {
	for _, test := range []struct {
		scenario  scenario
		question  string
		questions string
		answers   int
	}{
		{scenario{zone: zone{names: 1, addresses: 8}}, ";app0.example.org.\tIN\t A", "app0.example.org. A\n", 8},
		{scenario{zone: zone{names: 1, addresses: 8}, asks: askAAAA}, ";app0.example.org.\tIN\t AAAA", "app0.example.org. AAAA\n", 0},
		{scenario{zone: zone{names: 1, addresses: 8}, asks: askNames}, ";noapp0.example.org.\tIN\t A", "noapp0.example.org. A\n", 0},
	} {
		sc := test.scenario
		first, answers := sc.first()
		if got := first.query(false).Question[0].String(); got != test.question || answers != test.answers {
			t.Errorf("first: got %q with %d records, want %q with %d", got, answers, test.question, test.answers)
		}
		if got := perfLines(sc.zone.questions(sc.asks)); got != test.questions {
			t.Errorf("questions: got %q, want %q", got, test.questions)
		}
	}
}

func TestSideIsMissing(t *testing.T) {
	for _, test := range []struct {
		side side
		want bool
	}{
		{ours, false},
		{echoSide, false},
		{side{program: &program{command: "no-such-name-server"}}, true},
	} {
		if got := test.side.isMissing(); got != test.want {
			t.Errorf("isMissing of %q: got %t, want %t", test.side.name, got, test.want)
		}
	}
}

// TestLatencyOfEcho has the client that measures latency ask the echo: answers that come at once.
func TestLatencyOfEcho(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- newMirror(raw).run() }()

	query, err := question{"app0.example.org.", dns.TypeA, dns.RcodeSuccess}.query(false).Pack()
	if err != nil {
		t.Fatal(err)
	}
	client, err := newLatencyClient(query, conn.LocalAddr().(*net.UDPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	waits, err := client.waits(t.Context(), 0.05)
	if err != nil || len(waits) == 0 {
		t.Fatalf("waits: got %v, %v", waits, err)
	}
	if median := quantile(waits, 0.5); median <= 0 || median > 0.05 {
		t.Errorf("waits: got a median of %v s, want a short time", median)
	}
	if err := errors.Join(client.close(), conn.Close()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("run of the echo: got %v, want %v", err, net.ErrClosed)
	}
}

func TestZone(t *testing.T) {
	z := zone{names: 125_000, addresses: 8}
	if got, want := z.values(0), "10.0.0.1 10.0.0.2 10.0.0.3"; !strings.HasPrefix(got, want) {
		t.Errorf("values(0): got %s, want %s ...", got, want)
	}
	if got, want := z.values(124_999), "10.15.66.63 10.15.66.64"; !strings.HasSuffix(got, want) {
		t.Errorf("values(124999): got %s, want ... %s", got, want)
	}
	text := corefile([]plugin{roundrobin53}, zone{names: 1, addresses: 2}, files{}, 5300)
	const want = "example.org.:5300 {\nbind 127.0.0.1\nroundrobin53 {\nrecord app0 A 10.0.0.1 10.0.0.2\n}\n}\n"
	if text != want {
		t.Errorf("corefile: got %q, want %q", text, want)
	}
}

func TestCorefilePolicies(t *testing.T) {
	z := zone{names: 1, addresses: 2}
	for name, test := range map[string]struct {
		lines plugin
		want  string
	}{
		"checked": {roundrobin53Checked, `
roundrobin53 {
check port tcp://127.0.0.1:5399 {
interval 60s
}
record app0 A 10.0.0.1 10.0.0.2 check port {
value 10.255.255.254 priority 2
}
}
`},
		"placed": {roundrobin53FastPlaced, `
roundrobin53 {
fastpath
record app0 A {
value 10.0.0.1 10.0.0.2 geo NZ
value 10.255.255.254
}
}
`},
		"looked up": {roundrobin53LookedUp, `
roundrobin53 {
resolver 127.0.0.1:5398
record app0 A app0.example.net.
}
`},
		"looked up beside the chain": {roundrobin53LookedUpFast, `
roundrobin53 {
fastpath
resolver 127.0.0.1:5398
record app0 A app0.example.net.
}
`},
		"weighted": {roundrobin53Weighted, `
roundrobin53 {
record app0 A answers 2 {
value 10.0.0.1 weight 1
value 10.0.0.2 weight 2
}
}
`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := "\n" + test.lines(z, files{endpoint: "127.0.0.1:5399", resolver: "127.0.0.1:5398"}); got != test.want {
				t.Errorf("got%s\nwant%s", got, test.want)
			}
		})
	}
}

// TestResolved guards the sides whose values are looked up: they get the values of the zone.
func TestResolved(t *testing.T) {
	z := zone{names: 2, addresses: 2}
	for name, want := range map[string]string{"app1.example.net.": z.values(1), "APP0.example.net.": z.values(0), "app2.example.net.": ""} {
		var got []string
		m := z.resolved(new(dns.Msg).SetQuestion(name, dns.TypeA))
		for _, rr := range m.Answer {
			got = append(got, rr.(*dns.A).A.String())
		}
		if strings.Join(got, " ") != want || (m.Rcode == dns.RcodeSuccess) != (want != "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
