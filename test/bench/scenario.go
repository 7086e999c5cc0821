//go:build linux

package main

import (
	"math"

	"github.com/miekg/dns"
)

// scenario is one comparison: what the zone holds, how it is asked, which sides answer, and what is expected.
type scenario struct {
	name, title string
	zone        zone
	edns        bool // ask with EDNS, see client
	nodata      bool // ask for AAAA, which no name has
	sides       []side
	rows        []expectation
}

// expectation is a figure of the first side, divided by that of another side, and the budget for it.
type expectation struct {
	figure  figure
	against string
	budget  float64 // 0 where there is none
}

// figure is what is measured.
type figure string

const (
	perQuery figure = "CPU per query"
	memory   figure = "resident memory"
	ready    figure = "time to ready"
	size     figure = "octets per answer"
	latency  figure = "median latency"        // at a pace that is the same for all
	lost     figure = "lost at half the rate" // of the first side, against sent: asked half as fast as it has just answered

	lostSlow  figure = "lost over reloads, 5,000 q/s" // of the first side, against sent
	lostQuick figure = "lost over reloads, 20,000 q/s"
)

// sent stands in place of a side for the number of queries that a side was asked where lost ones are counted.
const sent = "queries sent"

// nothing is a budget of 0, which would be none.
const nothing = math.SmallestNonzeroFloat64

// The budgets are those of the design. Comparisons without one are there to be looked at.
var scenarios = []scenario{
	{
		name:  "a8",
		title: "one name with 8 A, plain UDP",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{ours, whoamiSide, hostsSide, fileSide, shuffled, nsdSide, knotSide},
		rows: []expectation{
			{perQuery, "whoami", 1.10},
			{perQuery, "file+loadbalance", 0.62},
			{perQuery, "file", 0},
			{perQuery, "hosts", 0},
			{perQuery, "nsd", 0},
			{perQuery, "knot", 0},
		},
	},
	{
		// 64 addresses fit 1,232 octets when they are compressed. With 4,096 no side has to count on that, and nothing is
		// truncated.
		name:  "a64",
		title: "one name with 64 A, UDP, EDNS 4096 so that nothing is truncated",
		zone:  zone{names: 1, addresses: 64},
		edns:  true,
		sides: []side{ours, fileSide, shuffled, nsdSide, knotSide},
		rows: []expectation{
			{perQuery, "file+loadbalance", 0.70},
			{perQuery, "file", 0},
			{perQuery, "nsd", 0},
			{perQuery, "knot", 0},
		},
	},
	{
		name:  "names",
		title: "10,000 names with 8 A each, asked at random",
		zone:  zone{names: 10_000, addresses: 8},
		sides: []side{ours, fileSide, shuffled, nsdSide, knotSide},
		rows: []expectation{
			{perQuery, "file+loadbalance", 0.60},
			{perQuery, "file", 0},
			{perQuery, "nsd", 0},
			{perQuery, "knot", 0},
		},
	},
	{
		name:  "observed",
		title: "one name with 8 A, prometheus and errors on both sides",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursObserved, shuffledObserved},
		rows:  []expectation{{perQuery, shuffledObserved.name, 0.92}},
	},
	{
		// The counters of answers are always there: what can be left out is the counting of each value's first places.
		name:  "metrics",
		title: "one name with 8 A, with and without the option metrics",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursCounted, ours},
		rows:  []expectation{{perQuery, ours.name, 1.10}},
	},
	{
		name:  "checked",
		title: "one name with 8 A, all checked and up, before a second tier",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursChecked, ours, whoamiSide, shuffled},
		rows: []expectation{
			{perQuery, "whoami", 1.10},
			{perQuery, "file+loadbalance", 0.62},
			{perQuery, "roundrobin53", 0},
		},
	},
	{
		name:  "weighted",
		title: "one name with 8 A of different weights, all answered",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursWeighted, ours, whoamiSide, shuffled},
		rows: []expectation{
			{perQuery, "whoami", 0},
			{perQuery, "file+loadbalance", 0},
			{perQuery, "roundrobin53", 0},
		},
	},
	{
		name:  "rotate8",
		title: "rotate: one name with 8 A, plain UDP",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{rotated, shuffled, fileSide, ours},
		rows: []expectation{
			{perQuery, "file+loadbalance", 1.05},
			{perQuery, "file", 0},
			{perQuery, "roundrobin53", 0},
		},
	},
	{
		name:  "rotate64",
		title: "rotate: one name with 64 A, UDP, EDNS 4096",
		zone:  zone{names: 1, addresses: 64},
		edns:  true,
		sides: []side{rotated, shuffled, fileSide, ours},
		rows: []expectation{
			{perQuery, "file+loadbalance", 1.05},
			{perQuery, "file", 0},
			{perQuery, "roundrobin53", 0},
		},
	},
	{
		name:  "fast8",
		title: "fastpath: one name with 8 A, plain UDP",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursFast, ours, whoamiSide, shuffled, nsdSide, knotSide, echoSide},
		rows: []expectation{
			{perQuery, "file+loadbalance", 0.25},
			{perQuery, "whoami", 0.45},
			{perQuery, "nsd", 1.10},
			{perQuery, "knot", 0},
			{perQuery, "echo", 0},
			{perQuery, "roundrobin53", 0},
			{size, "nsd", 1.0},
			{lost, sent, nothing},
		},
	},
	{
		name:  "fast64",
		title: "fastpath: one name with 64 A, UDP, EDNS 4096",
		zone:  zone{names: 1, addresses: 64},
		edns:  true,
		sides: []side{oursFast, shuffled, nsdSide, knotSide},
		rows: []expectation{
			{perQuery, "file+loadbalance", 0.17},
			{perQuery, "nsd", 1.0},
			{perQuery, "knot", 0},
		},
	},
	{
		name:  "fastnames",
		title: "fastpath: 10,000 names with 8 A each, asked at random",
		zone:  zone{names: 10_000, addresses: 8},
		sides: []side{oursFast, shuffled, nsdSide, knotSide},
		rows: []expectation{
			{perQuery, "file+loadbalance", 0.22},
			{perQuery, "nsd", 1.1},
			{perQuery, "knot", 0},
		},
	},
	{
		name:  "fastobserved",
		title: "fastpath: one name with 8 A, with and without prometheus and errors",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursFastObserved, oursFast},
		rows:  []expectation{{perQuery, oursFast.name, 1.10}},
	},
	{
		name:   "fastnodata",
		title:  "fastpath: one name with 8 A, asked for AAAA, which is left to the chain",
		zone:   zone{names: 1, addresses: 8},
		nodata: true,
		sides:  []side{oursFast, ours, shuffled},
		rows: []expectation{
			{perQuery, "roundrobin53", 0.80},
			{perQuery, "file+loadbalance", 0},
		},
	},
	{
		name:  "fastlatency",
		title: "fastpath: one name with 8 A, plain UDP, 5,000 queries a second one by one",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursFast, nsdSide, knotSide, echoSide},
		rows: []expectation{
			{latency, "nsd", 1.1},
			{latency, "knot", 0},
			{latency, "echo", 0},
		},
	},
	{
		name:  "reload",
		title: "one name with 8 A, while the server reloads twice a second",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{ours},
		rows:  []expectation{{lostSlow, sent, 0}, {lostQuick, sent, 0}},
	},
	{
		name:  "fastreload",
		title: "fastpath: the same",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursFast},
		rows:  []expectation{{lostSlow, sent, nothing}, {lostQuick, sent, nothing}},
	},
	{
		name:  "million",
		title: "125,000 names with 8 A each: 1,000,000 records",
		zone:  zone{names: 125_000, addresses: 8},
		sides: []side{ours, whoamiSide, fileSide},
		rows: []expectation{
			{memory, "file", 0.6},
			{ready, "file", 1.0},
			{perQuery, "whoami", 1.3},
			{perQuery, "file", 0},
		},
	},
	{
		name:  "load",
		title: "12,500 names with 8 A each: 100,000 records, only started",
		zone:  zone{names: 12_500, addresses: 8},
		sides: []side{ours, fileSide},
		rows:  []expectation{{ready, "file", 0}},
	},
}

// measures reports whether a figure is wanted of a side; of which side does not matter if it is "".
func (s *scenario) measures(f figure, name string) bool {
	for _, row := range s.rows {
		if row.figure == f && (name == "" || name == row.against || name == s.sides[0].name) {
			return true
		}
	}
	return false
}

// qtype is the type that is asked for.
func (s *scenario) qtype() uint16 {
	if s.nodata {
		return dns.TypeAAAA
	}
	return dns.TypeA
}

// answers is how many records answer a query where a side knows what the zone holds.
func (s *scenario) answers() int {
	if s.nodata {
		return 0
	}
	return s.zone.addresses
}

// query is what is asked, as dnsperf asks it: for the last of the names.
func (s *scenario) query() *dns.Msg {
	m := new(dns.Msg).SetQuestion(s.zone.name(s.zone.names-1)+"."+origin, s.qtype())
	if s.edns {
		m.SetEdns0(ednsSize, false)
	}
	return m
}
