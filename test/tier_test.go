package test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// The first tier with enough values up answers, alone.
func TestTiers(t *testing.T) {
	checkPolicies(t, "tier.example.org", "", []policyCase{
		{row: "19", values: "a+ b- c- | d+ e+ f+", want: "a"},
		{row: "19", values: "a+ b- c- | d+ e+ f+", options: "min_up 1", want: "a"},
		{row: "19", values: "a+ b- c- | d+ e+ f+", options: "min_up 2", want: "d e f"},
		{row: "20", values: "a+ b- c- | d+ e- f-", options: "min_up 2", want: "a"},
		{row: "21", values: "a+ b- c- | d+ e+ f-", options: "min_up 3", want: "d e"},
		{row: "22", values: "a- b- c- | d- e- f-", want: "a b c"},
		{row: "22", values: "a- b- c- | d- e- f-", options: "all_down all", want: "a b c"},
		{row: "22", values: "a- b- c- | d- e- f-", options: "all_down none", want: "nodata"},
		{row: "23", values: "a- b- | s", options: "all_down none", want: "s"},
		{row: "24", values: "a- b- | s", options: "min_up 2", want: "s"},
		{row: "24", values: "a+ b- | s", options: "min_up 2", want: "s"},
		{row: "29", values: "a+ b- c- | d+", options: "answers 3, min_up 1", want: "a"},
		{row: "30", values: "a- b- A+ B+ | d+ D+", qtype: dns.TypeA, want: "d"},
		{row: "30", values: "a- b- A+ B+ | d+ D+", qtype: dns.TypeAAAA, want: "A B"},
		{row: "32", values: "a+ b- c- A+ | d+ e+ f+ D+", options: "min_up 2", qtype: dns.TypeA, want: "d e f"},
		{row: "32", values: "a+ b- c- A+ | d+ e+ f+ D+", options: "min_up 2", qtype: dns.TypeAAAA, want: "A"},
		{row: "33", values: "a- b- | | | | d+ e+", want: "d e"},
		{row: "33", values: "a+ b- | | | | d+ e+", want: "a"},
	})
}

// Both options say when to use another tier.
func TestOptionsOfTiersNeedTiers(t *testing.T) {
	for _, option := range []string{"min_up 2", "failback 5m"} {
		t.Run("31 "+option, func(t *testing.T) {
			err := startError(t, block("example.org", policyRecord("app", "a b", option)))
			if word := strings.Fields(option)[0]; !strings.Contains(err, word) || !strings.Contains(err, "Corefile:") {
				t.Errorf("one tier with %s: the error is %q, want it to name %s and the line", option, err, word)
			}
		})
	}
}
