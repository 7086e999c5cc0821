package test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// The first tier with enough values up answers, alone.
func TestTiers(t *testing.T) {
	server.CheckPolicies(t, "tier.example.org", "", []server.PolicyCase{
		{Row: "19", Values: "a+ b- c- | d+ e+ f+", Want: "a"},
		{Row: "19", Values: "a+ b- c- | d+ e+ f+", Options: "min_up 1", Want: "a"},
		{Row: "19", Values: "a+ b- c- | d+ e+ f+", Options: "min_up 2", Want: "d e f"},
		{Row: "20", Values: "a+ b- c- | d+ e- f-", Options: "min_up 2", Want: "a"},
		{Row: "21", Values: "a+ b- c- | d+ e+ f-", Options: "min_up 3", Want: "d e"},
		{Row: "22", Values: "a- b- c- | d- e- f-", Want: "a b c"},
		{Row: "22", Values: "a- b- c- | d- e- f-", Options: "all_down all", Want: "a b c"},
		{Row: "22", Values: "a- b- c- | d- e- f-", Options: "all_down none", Want: "nodata"},
		{Row: "23", Values: "a- b- | s", Options: "all_down none", Want: "s"},
		{Row: "24", Values: "a- b- | s", Options: "min_up 2", Want: "s"},
		{Row: "24", Values: "a+ b- | s", Options: "min_up 2", Want: "s"},
		{Row: "29", Values: "a+ b- c- | d+", Options: "answers 3, min_up 1", Want: "a"},
		{Row: "30", Values: "a- b- A+ B+ | d+ D+", Qtype: dns.TypeA, Want: "d"},
		{Row: "30", Values: "a- b- A+ B+ | d+ D+", Qtype: dns.TypeAAAA, Want: "A B"},
		{Row: "32", Values: "a+ b- c- A+ | d+ e+ f+ D+", Options: "min_up 2", Qtype: dns.TypeA, Want: "d e f"},
		{Row: "32", Values: "a+ b- c- A+ | d+ e+ f+ D+", Options: "min_up 2", Qtype: dns.TypeAAAA, Want: "A"},
		{Row: "33", Values: "a- b- | | | | d+ e+", Want: "d e"},
		{Row: "33", Values: "a+ b- | | | | d+ e+", Want: "a"},
	})
}

// Both options say when to use another tier.
func TestOptionsOfTiersNeedTiers(t *testing.T) {
	for _, option := range []string{"min_up 2", "failback 5m"} {
		t.Run("31 "+option, func(t *testing.T) {
			err := server.StartError(t, server.Block("example.org", server.PolicyRecord("app", "a b", option)))
			if word := strings.Fields(option)[0]; !strings.Contains(err, word) || !strings.Contains(err, "Corefile:") {
				t.Errorf("one tier with %s: the error is %q, want it to name %s and the line", option, err, word)
			}
		})
	}
}
