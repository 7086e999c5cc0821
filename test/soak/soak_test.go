//go:build linux

package main

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestNumberIsInverseOfAddress(t *testing.T) {
	for _, n := range []int{0, 1, 254, 255, 256, 9999, maxValues - 1} {
		addr := address(n)
		if got := number(addr); got != n || !addr.IsLoopback() {
			t.Errorf("number(%s): got %d, want %d, of a loopback address", addr, got, n)
		}
	}
	for _, other := range []string{"127.0.0.1", "::1"} {
		if got := number(netip.MustParseAddr(other)); got >= 0 {
			t.Errorf("number(%s): got %d, want less than 0", other, got)
		}
	}
}

// TestFlappingLeavesTwoOfAName guards the promise that no answer fails open.
func TestFlappingLeavesTwoOfAName(t *testing.T) {
	for _, test := range []struct{ values, flap int }{{4, 0}, {4, 1}, {4, 2}, {200, 40}, {200, 99}, {200, 100}, {10_000, 500}} {
		got := flapping(test.values, test.flap)
		for _, n := range got {
			if place := n % valuesPerName; n >= test.values || place < 2 {
				t.Errorf("flapping(%d, %d): got value %d, the %dth of its name", test.values, test.flap, n, place)
			}
		}
		if slices.Sort(got); len(slices.Compact(got)) != test.flap {
			t.Errorf("flapping(%d, %d): got %d values", test.values, test.flap, len(got))
		}
	}
}

func TestBounds(t *testing.T) {
	for _, test := range []struct {
		kind     string
		interval time.Duration
		want     bounds
	}{
		{kindHTTP, 10 * time.Second, bounds{down: 35 * time.Second, up: 25 * time.Second}},
		{kindHTTP, time.Second, bounds{down: 5 * time.Second, up: 4 * time.Second}},
		{kindNames, 10 * time.Second, bounds{down: 12 * time.Second, up: 12 * time.Second}},
	} {
		s := settings{kind: test.kind, interval: test.interval}
		if got := s.bounds(); got != test.want {
			t.Errorf("bounds of %s at %s: got %v, want %v", test.kind, test.interval, got, test.want)
		}
	}
}

func TestCorefile(t *testing.T) {
	const block = `example.org.:1 {
bind 127.0.0.1
prometheus 127.0.0.1:2
pprof 127.0.0.1:3
roundrobin53 {
check soak URL {
interval 10s
timeout 4s
rise 2
fall 3
CA}
record app0 A 127.16.0.1 127.16.0.2 127.16.0.3 127.16.0.4 check soak
}
}
`
	for kind, want := range map[string]string{
		kindHTTP:  strings.NewReplacer("URL", "http://:4/healthz", "CA", "").Replace(block),
		kindHTTPS: strings.NewReplacer("URL", "https://endpoint.example.org:4/healthz", "CA", "ca /tmp/ca.pem\n").Replace(block),
		kindTCP:   strings.NewReplacer("URL", "tcp://:4", "CA", "").Replace(block),
		kindNames: "example.org.:1 {\nbind 127.0.0.1\nprometheus 127.0.0.1:2\npprof 127.0.0.1:3\nroundrobin53 {\nresolver 127.0.0.1:4\nrecord app0 A n0.example.net.\n}\n}\n",
	} {
		s := settings{kind: kind, checks: 4, interval: 10 * time.Second}
		if got := s.corefile(ports{1, 2, 3, 4}, "/tmp/ca.pem"); got != want {
			t.Errorf("corefile of %s: got\n%s\nwant\n%s", kind, got, want)
		}
	}
}

func TestHistoryAt(t *testing.T) {
	began := time.Unix(1000, 0)
	h := history{began: began, switches: []time.Time{began.Add(10 * time.Second), began.Add(20 * time.Second), began.Add(30 * time.Second)}}
	for _, test := range []struct {
		after, since time.Duration
		up           bool
	}{
		{0, 0, true},
		{9 * time.Second, 0, true},
		{10 * time.Second, 10 * time.Second, false},
		{19 * time.Second, 10 * time.Second, false},
		{25 * time.Second, 20 * time.Second, true},
		{time.Hour, 30 * time.Second, false},
	} {
		up, since := h.at(began.Add(test.after))
		if up != test.up || since.Sub(began) != test.since {
			t.Errorf("at(%s): got up %t since %s, want %t since %s", test.after, up, since.Sub(began), test.up, test.since)
		}
	}
}

// TestJudgeCheck has the fourth value of app1 down from 100s to 200s. Its bounds are 35s and 25s.
func TestJudgeCheck(t *testing.T) {
	began := time.Unix(1000, 0)
	after := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	j := judge{bounds: bounds{down: 35 * time.Second, up: 25 * time.Second}, histories: make([]history, 8)}
	for i := range j.histories {
		j.histories[i].began = began
	}
	j.histories[7].switches = []time.Time{after(100), after(200)}

	const all, three = "5 6 7 8", "7 5 6"
	for name, test := range map[string]struct {
		sent   float64 // received 0.1 s later
		values string  // by the last octet
		change func(m *dns.Msg)
		want   string // part of the error, "" if there is none
	}{
		"all up":                        {90, all, nil, ""},
		"missing":                       {90, three, nil, "127.16.0.8 is missing, though up for 1m30s"},
		"just down, not known":          {101, all, nil, ""},
		"just down, known":              {101, three, nil, ""},
		"down for nearly the bound":     {134.9, all, nil, ""},
		"down for longer":               {135.1, all, nil, "127.16.0.8 is in the answer, though down for 35.1s"},
		"left out":                      {135.1, three, nil, ""},
		"came up on the way, not known": {199.95, three, nil, ""},
		"came up on the way, in it":     {199.95, all, nil, ""},
		"up for nearly the bound":       {224.9, three, nil, ""},
		"up for longer":                 {225.1, three, nil, "127.16.0.8 is missing, though up for 25.1s"},
		"another is missing":            {135.1, "5 6", nil, "127.16.0.7 is missing"},
		"at the start":                  {10, "", nil, ""},
		"no values":                     {90, "", nil, "127.16.0.5 is missing"},
		"a value of another name":       {90, "4 5 6 7 8", nil, "127.16.0.4 is not a value of the name"},
		"no value of any":               {90, "5 6 7 8 200", nil, "127.16.0.200 is not a value of the name"},
		"twice":                         {90, "5 6 7 8 5", nil, "127.16.0.5 is in the answer twice"},
		"SERVFAIL":                      {90, all, func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, "RCODE SERVFAIL"},
		"without authority":             {90, all, func(m *dns.Msg) { m.Authoritative = false }, "not a whole answer"},
		"truncated":                     {90, all, func(m *dns.Msg) { m.Truncated = true }, "not a whole answer"},
		"another question":              {90, all, func(m *dns.Msg) { m.Question[0].Name = owner(0) }, "question"},
		"another owner":                 {90, all, func(m *dns.Msg) { m.Answer[0].Header().Name = owner(0) }, "want an A record of app1"},
		"authority section":             {90, all, func(m *dns.Msg) { m.Ns = m.Answer[:1:1] }, "1 records in the authority"},
	} {
		t.Run(name, func(t *testing.T) {
			m := reply(1, test.values)
			if test.change != nil {
				test.change(m)
			}
			err := j.check(query{1, after(test.sent)}, m, after(test.sent+0.1), new(tally))
			if test.want == "" && err == nil {
				return
			}
			if err == nil || test.want == "" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("check: got error %v, want %q", err, test.want)
			}
		})
	}
}

// reply is an answer for a name, with values by the last octet of their addresses.
func reply(name int, values string) *dns.Msg {
	m := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(owner(name), dns.TypeA))
	m.Authoritative = true
	for octet := range strings.FieldsSeq(values) {
		m.Answer = append(m.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: owner(name), Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A:   net.ParseIP("127.16.0." + octet),
		})
	}
	return m
}

func TestTally(t *testing.T) {
	began := time.Unix(1000, 0)
	j := judge{bounds: bounds{down: 35 * time.Second, up: 25 * time.Second}, histories: make([]history, 4)}
	j.histories[3].switches = []time.Time{began.Add(100 * time.Second), began.Add(200 * time.Second)}
	var sum tally
	for _, step := range []struct {
		after  int
		values string
	}{
		{110, "1 2 3 4"}, {120, "1 2 3"}, {130, "1 2 3"}, {140, "1 2 3"}, {150, "1 2 3"}, {210, "1 2 3"}, {205, "1 2 3"}, {220, "1 2 3 4"},
	} {
		var one tally
		sent := began.Add(time.Duration(step.after) * time.Second)
		if err := j.check(query{0, sent}, reply(0, step.values), sent, &one); err != nil {
			t.Errorf("check at %ds: %v", step.after, err)
		}
		sum.add(one)
	}
	if sum.without != 2 || sum.slowestDown != 10*time.Second || sum.slowestUp != 10*time.Second {
		t.Errorf("tally: got %+v, want 2 answers without a value, 10s until the endpoint was known to be down, 10s until up", sum)
	}
	for range 2 * maxExamples {
		sum.blame("wrong")
	}
	twice := sum
	if twice.add(sum); twice.wrong != 4*maxExamples || len(twice.examples) != maxExamples {
		t.Errorf("tally of wrong answers: got %d and %d examples, want %d and %d", twice.wrong, len(twice.examples), 4*maxExamples, maxExamples)
	}
}

func TestAskerTake(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	j := &judge{bounds: bounds{down: time.Second, up: time.Second}, histories: make([]history, 4)}
	for i := range j.histories {
		j.histories[i].began = began
	}
	a := asker{judge: j, pending: map[uint16]query{7: {0, time.Now()}, 8: {0, time.Now()}}}
	take := func(id uint16, values string) {
		m := reply(0, values)
		m.Id = id
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		a.take(packet, time.Now())
	}
	take(7, "1 2 3 4")
	if a.tally.answered != 1 || a.tally.wrong != 0 {
		t.Errorf("after a right answer: got %+v", a.tally)
	}
	take(7, "1 2 3 4")
	if a.tally.answered != 1 || a.tally.wrong != 1 {
		t.Errorf("after the same answer again: got %+v", a.tally)
	}
	take(8, "1 2 3")
	if a.tally.answered != 2 || a.tally.wrong != 2 {
		t.Errorf("after an answer that lacks a value: got %+v", a.tally)
	}
	a.take([]byte("?"), time.Now())
	if a.tally.wrong != 3 || len(a.pending) != 0 {
		t.Errorf("after what is no message: got %+v", a.tally)
	}
}

// TestTurnRefusesConnections takes an endpoint of TCP down and brings it up.
func TestTurnRefusesConnections(t *testing.T) {
	e, err := open(settings{kind: kindTCP, checks: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	check := func(want bool) {
		t.Helper()
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(address(3), uint16(e.port)).String(), 5*time.Second)
		if err == nil {
			_ = conn.Close()
		}
		if up, _ := e.histories[3].at(time.Now()); (err == nil) != want || up != want {
			t.Errorf("connect: got error %v, up by history %t, want %t", err, up, want)
		}
	}
	check(true)
	for _, up := range []bool{false, true} {
		if err := e.turn(3, up); err != nil {
			t.Fatal(err)
		}
		check(up)
	}
	if got := e.switches(); got != 2 {
		t.Errorf("switches: got %d, want 2", got)
	}
}

func TestFlapEndsWithContext(t *testing.T) {
	e := endpoints{histories: make([]history, 4)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.flap(ctx, settings{checks: 4, flap: 2, interval: time.Second}); err != nil {
		t.Errorf("flap: got error %v, want none", err)
	}
}

func TestParseMetrics(t *testing.T) {
	got, err := parseMetrics(strings.NewReader(`# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 21
go_goroutines_other 5
coredns_roundrobin53_probes_total{check="soak",result="fail",view="",zone="example.org."} 10
coredns_roundrobin53_probes_total{check="soak",result="pass",view="",zone="example.org."} 1.5e+06
coredns_roundrobin53_lookups_total{name="n0.example.net.",result="success"} 3
`))
	if want := (metrics{attempts: 1_500_013, goroutines: 21}); got != want || err != nil {
		t.Errorf("parseMetrics: got %+v, %v, want %+v", got, err, want)
	}
}

func TestComplaints(t *testing.T) {
	const log = `example.org.:5300 on 127.0.0.1
[INFO] plugin/roundrobin53: example.org. check soak: 127.16.0.4 is up: 2 passes in a row
[WARNING] plugin/roundrobin53: example.org. check soak: 127.16.0.4 is down: 3 failures in a row, the last: status 503, want 200-399
[WARNING] plugin/roundrobin53: example.org. check soak: 127.16.0.4 is down: 3 failures in a row, the last: connect: connection refused
[WARNING] plugin/roundrobin53: example.org. check soak: 127.16.0.4 is down: the first probe failed: timed out after 4s
[ERROR] plugin/errors: broken
`
	got := complaints(log)
	if len(got) != 2 || !strings.Contains(got[0], "timed out") || !strings.HasPrefix(got[1], "[ERROR]") {
		t.Errorf("complaints: got %q, want the last two lines", got)
	}
}

func TestReport(t *testing.T) {
	r := report{settings: settings{kind: kindHTTP, checks: 10_000, interval: 10 * time.Second, seconds: 40, rate: 5000, flap: 500}, files: 20_000, switches: 480, slowest: 200 * time.Millisecond, complaints: []string{"[WARNING] trouble"}}
	r.alone = usage{cpu: 0.0712, attempts: 1000.2, connections: 3, resident: 90 << 10, descriptors: 9512, goroutines: 21}
	r.loaded = usage{cpu: 0.31, attempts: 1000.4, connections: 4, resident: 91 << 10, descriptors: 9511, goroutines: 22}
	r.asked = tally{sent: 200_000, answered: 199_999, without: 4000, slowestDown: 29_500 * time.Millisecond, slowestUp: 18_000 * time.Millisecond}
	const want = `
10000 checks of kind http at 10s, 500 endpoints flapping (480 times by now), two phases of 40 s, 5000 queries a second

FIGURE                            WITHOUT QUERIES  WITH QUERIES  BUDGET  MET
CPU, of one core                  7.1 %            31.0 %        10.0 %  yes
probes a second                   1000             1000                  
connections a second              3                4                     
resident memory, MiB              90               91                    
descriptors of 20000              9512             9511                  
goroutines                        21               22                    
queries                                            200000                
queries lost                                       1                     
wrong answers                                      0             0       yes
times a value had to be left out                   4000                  
longest down and answered                          29.5 s        35.0 s  yes
longest up and not answered                        18.0 s        25.0 s  yes
slowest endpoint                                   0.2 s                 
lines of trouble in the log                        1                     
log: [WARNING] trouble
`
	var out strings.Builder
	if err := r.print(&out); err != nil || "\n"+out.String() != want {
		t.Errorf("print: got error %v and\n%s\nwant%s", err, out.String(), want)
	}
	r.slowest = 3 * time.Second
	if err := r.print(&out); err != nil || !strings.Contains(out.String(), "\nThe endpoints, which are in this process, were slow") {
		t.Errorf("print with slow endpoints: got error %v and\n%s", err, out.String())
	}
	if r.missed() {
		t.Error("missed: got true, want false")
	}
	if r.alone.cpu = 0.101; !r.missed() {
		t.Error("missed with 10.1 %: got false, want true")
	}
	if r.kind = kindHTTPS; r.missed() {
		t.Error("missed with 10.1 % for https: got true, want false")
	}
	if r.interval = time.Minute; !r.missed() {
		t.Error("missed with 10.1 % for a sixth of the probes: got false, want true")
	}
}
