package pool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/internal/turn"
)

// groupOfLines makes a group whose answers are lines. Each word is a line, one letter for each
// endpoint, and perhaps its weight: "abc70 d30".
func groupOfLines(rules Rules, text string) *Group {
	rules.ByLine = true
	var lines []Line
	var ids []uint64
	first := 0
	for word := range strings.FieldsSeq(text) {
		letters := strings.TrimRight(word, "0123456789")
		line := Line{First: first, Count: len(letters), Weight: 1, Priority: 1, Place: PointAt(0, float64(first))}
		if digits := word[len(letters):]; digits != "" {
			_, _ = fmt.Sscan(digits, &line.Weight)
			rules.Weighted = true
		}
		first += line.Count
		lines = append(lines, line)
		for range letters {
			ids = append(ids, uint64(len(ids)))
		}
	}
	return NewGroup(rules, lines, ids)
}

// letters writes an answer.
func letters(endpoints []uint16) string {
	var b strings.Builder
	for _, endpoint := range endpoints {
		b.WriteByte(byte('a' + endpoint))
	}
	return b.String()
}

// TestAnswerIsALine guards which values an answer of one line has, how often each of them is first,
// and how often each of the others is second behind it.
func TestAnswerIsALine(t *testing.T) {
	for _, row := range []struct {
		lines  string
		down   []int
		rounds int
		first  map[string]int // in a round
		second map[string]int // in all rounds: the first two
	}{
		{"abc70 d30", nil, 1, map[string]int{"a": 7, "b": 7, "c": 7, "d": 9}, map[string]int{"ab": 4, "ac": 3, "bc": 4, "ba": 3, "ca": 4, "cb": 3, "d": 9}},
		{"abc70 d30", []int{0}, 1, map[string]int{"b": 7, "c": 7, "d": 6}, map[string]int{"bc": 7, "cb": 7, "d": 6}},
		{"abc70 d30", []int{0, 1, 2}, 1, map[string]int{"d": 1}, map[string]int{"d": 1}},
		{"abc d", nil, 2, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, map[string]int{"ab": 1, "ac": 1, "ba": 1, "bc": 1, "ca": 1, "cb": 1, "d": 2}},
		{"abc de", nil, 2, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, map[string]int{"ab": 1, "ac": 1, "ba": 1, "bc": 1, "ca": 1, "cb": 1, "de": 2, "ed": 2}},
		{"ab cd", nil, 1, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, map[string]int{"ab": 1, "ba": 1, "cd": 1, "dc": 1}},
		{"a b c", nil, 1, map[string]int{"a": 1, "b": 1, "c": 1}, map[string]int{"a": 1, "b": 1, "c": 1}},
		{"abc", nil, 2, map[string]int{"a": 1, "b": 1, "c": 1}, map[string]int{"ab": 1, "ac": 1, "ba": 1, "bc": 1, "ca": 1, "cb": 1}},
		{"ab0 c5", nil, 1, map[string]int{"c": 1}, map[string]int{"c": 1}},
		{"ab0 c0", nil, 1, map[string]int{"a": 1, "b": 1, "c": 2}, map[string]int{"ab": 1, "ba": 1, "c": 2}},
	} {
		t.Run(fmt.Sprint(row.lines, row.down), func(t *testing.T) {
			c := choiceOf(groupOfLines(Rules{}, row.lines), row.down...)
			second := make(map[string]int)
			size := 0
			for _, n := range row.first {
				size += n
			}
			for round := range row.rounds {
				first := make(map[string]int)
				for i := range size {
					answer := letters(arrange(uint64(round*size+i), c.endpoints, c.weights, c.Answers(), nil))
					first[answer[:1]]++
					second[answer[:min(2, len(answer))]]++
					checkLine(t, c, row.lines, row.down, answer)
				}
				if fmt.Sprint(first) != fmt.Sprint(row.first) {
					t.Errorf("first %v, want %v", first, row.first)
				}
			}
			if fmt.Sprint(second) != fmt.Sprint(row.second) {
				t.Errorf("first and second %v, want %v", second, row.second)
			}
		})
	}
}

// checkLine checks that an answer has all endpoints of one line that are up, each once, and no
// others.
func checkLine(t *testing.T, c *Choice, lines string, down []int, answer string) {
	t.Helper()
	sorted := []byte(answer)
	slices.Sort(sorted)
	var all []string
	for word := range strings.FieldsSeq(lines) {
		line := strings.TrimRight(word, "0123456789")
		for _, endpoint := range down {
			line = strings.ReplaceAll(line, string(rune('a'+endpoint)), "")
		}
		all = append(all, line)
	}
	if !slices.Contains(all, string(sorted)) {
		t.Errorf("answer %s is no line of %s", answer, lines)
	}
	endpoints := make([]uint16, len(answer))
	for i := range answer {
		endpoints[i] = uint16(answer[i] - 'a')
	}
	if !c.Allows(endpoints) || len(answer) > c.Answers() {
		t.Errorf("answer %s, want at most %d endpoints; is it allowed: %t", answer, c.Answers(), c.Allows(endpoints))
	}
	if c.Allows(endpoints[1:]) {
		t.Errorf("answer %s is allowed to lack its first endpoint", answer)
	}
}

// TestLinesAtRandom guards the shares of lines that are drawn, with weights and without.
func TestLinesAtRandom(t *testing.T) {
	for lines, want := range map[string]map[string]int{
		"abc70 d30": {"a": 2333, "b": 2333, "c": 2333, "d": 3000},
		"abc d":     {"a": 2500, "b": 2500, "c": 2500, "d": 2500},
	} {
		c := choiceOf(groupOfLines(Rules{Order: Random}, lines))
		first := make(map[string]int)
		for range 10_000 {
			answer := letters(c.Take(turn.Datagram, &Client{}, nil))
			first[answer[:1]]++
			checkLine(t, c, lines, nil, answer)
		}
		for endpoint, n := range want {
			if got := first[endpoint]; got < n-250 || got > n+250 {
				t.Errorf("%s: %s was first %d times of 10000, want about %d", lines, endpoint, got, n)
			}
		}
	}
}

// TestLineOfAClient guards the orders that choose for a client: it gets the line of the endpoint
// that is its own.
func TestLineOfAClient(t *testing.T) {
	for _, lines := range []string{"abc de f", "abc70 de20 f10"} {
		sticky, alone := choiceOf(groupOfLines(Rules{Order: Sticky}, lines)), Rules{Order: Sticky, Answers: 1}
		group := groupOfLines(alone, lines)
		group.rules.ByLine = false
		for network := range uint64(100) {
			client := Client{Network: network}
			answer := letters(sticky.Take(turn.Datagram, &client, nil))
			checkLine(t, sticky, lines, nil, answer)
			if want := letters(choiceOf(group).Take(turn.Datagram, &client, nil)); answer[:1] != want {
				t.Errorf("client %d of %s: %s, want %s first", network, lines, answer, want)
			}
		}
		nearest := choiceOf(groupOfLines(Rules{Order: Nearest}, lines))
		for first, want := range map[float64]string{0: "abc", 3: "de", 5: "f"} {
			client := Client{Place: PointAt(0, first), Located: true}
			answer := []byte(letters(nearest.Take(turn.Datagram, &client, nil)))
			slices.Sort(answer)
			if string(answer) != want {
				t.Errorf("client at %v of %s: %s, want %s", first, lines, answer, want)
			}
		}
	}
	// Two lines at the same distance take turns.
	g := groupOfLines(Rules{Order: Nearest}, "ab cd")
	client := Client{Place: PointAt(0, 1), Located: true}
	first := make(map[string]int)
	for range 8 {
		c := choiceOf(g)
		answer := letters(c.Take(turn.Datagram, &client, nil))
		first[answer[:1]]++
		checkLine(t, c, "ab cd", nil, answer)
	}
	if want := map[string]int{"a": 2, "b": 2, "c": 2, "d": 2}; fmt.Sprint(first) != fmt.Sprint(want) {
		t.Errorf("first %v, want %v", first, want)
	}
}
