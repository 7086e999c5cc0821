package server

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Period is how often each value is first in one period of answers.
type Period struct {
	Times map[string]int
	Sum   int
}

// ParsePeriod reads the values that are wanted: "a b" or, with weights, "a7 b3".
func ParsePeriod(want string) Period {
	parsed := Period{Times: make(map[string]int)}
	for word := range strings.FieldsSeq(want) {
		times := 1
		if len(word) > 1 {
			times, _ = strconv.Atoi(word[1:])
		}
		parsed.Times[word[:1]] = times
		parsed.Sum += times
	}
	return parsed
}

// CheckTurns asks again and again. Wanted are the values of the answers, each with the number of its turns if that is not
// one; in each round of as many answers as there are turns, every value is first exactly that often. Of equal values that
// are answered several at a time, all ordered pairs (first, second) come equally often. "nodata" is an answer without
// records that lives no longer than the values would, and "no values" one to the question for a type that has none.
func CheckTurns(t *testing.T, ask func() *dns.Msg, want string, each int) {
	t.Helper()
	switch want {
	case "nodata":
		CheckNoData(t, ask(), policyTTL)
		return
	case "no values":
		CheckNoData(t, ask(), ZoneTTL)
		return
	}
	wanted := ParsePeriod(want)
	n := len(wanted.Times)
	if each == 0 {
		each = n
	}
	arePairs := wanted.Sum == n && each > 1
	var answers [][]string
	for range max(4*wanted.Sum, n*n) {
		m := ask()
		got := Letters(m)
		if !isSubset(got, wanted.Times) || len(got) != each || m.Rcode != dns.RcodeSuccess || len(m.Answer) != each {
			t.Fatalf("answer %d: got %q in\n%s\nwant %d of %s", len(answers), got, ReplyText(m), each, want)
		}
		answers = append(answers, got)
	}
	// It is not known where the rounds begin: somewhere all of them are exact.
	var problems []string
	for start := range wanted.Sum {
		problem := FirstsProblem(answers[start:], wanted)
		if problem == "" && arePairs {
			problem = pairsProblem(answers[start:start+n*(n-1)], n)
		}
		if problem == "" {
			return
		}
		problems = append(problems, problem)
	}
	t.Errorf("want %s, got %q; by where the first round begins: %s", want, answers, strings.Join(problems, "; "))
}

// isSubset reports whether values are among those wanted, none twice.
func isSubset(values []string, wanted map[string]int) bool {
	seen := make(map[string]bool)
	for _, value := range values {
		if wanted[value] == 0 || seen[value] {
			return false
		}
		seen[value] = true
	}
	return true
}

// FirstsProblem tells of a round of answers whose first values are not the wanted ones; "" if there is none.
func FirstsProblem(answers [][]string, wanted Period) string {
	for len(answers) >= wanted.Sum {
		got := make(map[string]int)
		for _, answer := range answers[:wanted.Sum] {
			got[answer[0]]++
		}
		if !maps.Equal(got, wanted.Times) {
			return fmt.Sprintf("first in a round were %v", got)
		}
		answers = answers[wanted.Sum:]
	}
	return ""
}

// CheckPairs checks that each ordered pair of n values begins one answer, or as many as the others.
func CheckPairs(t *testing.T, answers [][]string, n int) {
	t.Helper()
	if problem := pairsProblem(answers, n); problem != "" {
		t.Error(problem)
	}
}

// pairsProblem tells what is wrong with the ordered pairs of n values that answers begin with; "" if nothing is.
func pairsProblem(answers [][]string, n int) string {
	pairs := make(map[string]int)
	for _, answer := range answers {
		pairs[answer[0]+" "+answer[1]]++
	}
	if len(pairs) != n*(n-1) {
		return fmt.Sprintf("%d answers begin with %d ordered pairs, want %d: %v", len(answers), len(pairs), n*(n-1), pairs)
	}
	return ""
}
