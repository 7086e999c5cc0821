package check

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// Drained values are never answered, whatever else is down: an operator takes a machine away with it.
func TestDrain(t *testing.T) {
	server.CheckPolicies(t, "drain.example.org", "", []server.PolicyCase{
		{Row: "10", Values: "a~ b+ c+", Want: "b c"},
		{Row: "11", Values: "a~ b- c+", Want: "c"},
		{Row: "12", Values: "a~ b- c-", Options: "all_down all", Want: "b c"},
		{Row: "13", Values: "a~ b- c-", Options: "all_down none", Want: "nodata"},
		{Row: "14", Values: "a~ b~ c~", Options: "all_down all", Want: "nodata"},
		{Row: "14", Values: "a~ b~ c~", Options: "all_down none", Want: "nodata"},
		{Row: "15", Values: "a~ b~ | d+", Want: "d"},
		{Row: "16", Values: "a~ b~ | d-", Options: "all_down all", Want: "d"},
		{Row: "16", Values: "a~ b~ | d-", Options: "all_down none", Want: "nodata"},
		{Row: "17", Values: "a~ b+ c+ | d+ e+", Options: "min_up 3", Want: "d e"},
		{Row: "18", Values: "a+ A~", Qtype: dns.TypeAAAA, Want: "nodata"},
		{Row: "18", Values: "a+ A~", Want: "a"},
	})
}
