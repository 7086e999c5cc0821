//go:build linux

package main

import (
	"math"
	"slices"

	"github.com/miekg/dns"
)

// scenario is one comparison: what the zone holds, how it is asked, which sides answer, and what is expected.
type scenario struct {
	name, title string
	zone        zone
	edns        bool              // ask with EDNS, see client
	asks        kind              // what is asked
	pinned      bool              // each side has one processor, and is asked in batches: see -dnsperf
	tcp         bool              // ask over TCP
	read        map[string]string // by side: the side whose status page a client reads meanwhile
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
	late     figure = "p99 latency"           // at the same pace
	paced    figure = "CPU at 5,000 q/s"      // per query, at the same pace
	lost     figure = "lost at half the rate" // of the first side, against sent: asked half as fast as it has just answered

	lostSlow  figure = "lost over reloads, 5,000 q/s" // of the first side, against sent
	lostQuick figure = "lost over reloads, 20,000 q/s"
)

// sent stands in place of a side for the number of queries that a side was asked where lost ones are counted.
const sent = "queries sent"

// nothing is a budget of 0, which would be none.
const nothing = math.SmallestNonzeroFloat64

// The budgets are those of the design. Comparisons without one are there to be looked at.
var scenarios = slices.Concat(chainScenarios, fastScenarios, pageScenarios)

// chainScenarios are about the plugin chain, and about reloads.
var chainScenarios = []scenario{
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
		name:  "lookedup",
		title: "one name with 8 A that are looked up under another name",
		zone:  zone{names: 1, addresses: 8},
		sides: []side{oursLookedUp, ours},
		rows:  []expectation{{perQuery, ours.name, 1.02}},
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

// first is the question that a side has to answer before it counts as started: for addresses of the last of the names, or
// for what it does not have, if nothing else is asked.
func (s *scenario) first() (q question, answers int) {
	q = question{s.zone.name(s.zone.names-1) + "." + origin, dns.TypeA, dns.RcodeSuccess}
	switch s.asks {
	case askAAAA:
		q.qtype = dns.TypeAAAA
		return q, 0
	case askNames:
		q.name, q.rcode = "no"+q.name, dns.RcodeNameError
		return q, 0
	}
	return q, s.zone.addresses
}
