package test

import (
	"testing"

	"github.com/miekg/dns"
)

// Drained values are never answered, whatever else is down: an operator takes a machine away with it.
func TestDrain(t *testing.T) {
	checkPolicies(t, "drain.example.org", "", []policyCase{
		{row: "10", values: "a~ b+ c+", want: "b c"},
		{row: "11", values: "a~ b- c+", want: "c"},
		{row: "12", values: "a~ b- c-", options: "all_down all", want: "b c"},
		{row: "13", values: "a~ b- c-", options: "all_down none", want: "nodata"},
		{row: "14", values: "a~ b~ c~", options: "all_down all", want: "nodata"},
		{row: "14", values: "a~ b~ c~", options: "all_down none", want: "nodata"},
		{row: "15", values: "a~ b~ | d+", want: "d"},
		{row: "16", values: "a~ b~ | d-", options: "all_down all", want: "d"},
		{row: "16", values: "a~ b~ | d-", options: "all_down none", want: "nodata"},
		{row: "17", values: "a~ b+ c+ | d+ e+", options: "min_up 3", want: "d e"},
		{row: "18", values: "a+ A~", qtype: dns.TypeAAAA, want: "nodata"},
		{row: "18", values: "a+ A~", want: "a"},
	})
}
