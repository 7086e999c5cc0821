package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/override"
)

// TestUnknownInStateFile guards the warnings about state files: what is said of an address that a name may have is no mistake
// before the name is resolved.
func TestUnknownInStateFile(t *testing.T) {
	now := time.Unix(1000, 0)
	s := build(t, "roundrobin53 example.org {\nstate FILE\n"+resolver+"check web tcp://:80\ncheck db tcp://:81\nrecord app A {\nvalue lb.example.net. check web\nvalue 192.0.2.9 check db\n}\n"+
		"record other AAAA lb.example.net.\nrecord written A 192.0.2.8\n}")
	file := s.StateFiles()[0]
	var entries []override.Entry
	for i, line := range []string{
		"drain app 192.0.2.1", "drain app 192.0.2.2", "drain app 192.0.2.9", "down web 192.0.2.1", "down db 192.0.2.1", "down db 192.0.2.9",
		"drain written 192.0.2.1", "drain * 192.0.2.3", "drain other 192.0.2.1", "drain other 2001:db8::1", "drain app typo.example.net.",
	} {
		words := strings.Fields(line)
		e := override.Entry{Line: i + 1, Name: words[1], Value: words[2], Action: override.Drain}
		if words[0] == "down" {
			e.Action = override.Down
		}
		entries = append(entries, e)
	}
	lines := func(unknown []string) string {
		var numbers []string
		for _, text := range unknown {
			_, number, _ := strings.Cut(strings.SplitN(text, ": ", 2)[0], file+":")
			numbers = append(numbers, number)
		}
		slices.Sort(numbers)
		return strings.Join(numbers, " ")
	}
	if got := lines(s.Steer(map[string][]override.Entry{file: entries}, now)); got != "11 5 7 9" {
		t.Errorf("before the names are resolved: lines %q, want 5, 7, 9 and 11", got)
	}
	known := names{"lb.example.net. A": "never"}
	known.take(s)
	if got := lines(s.NewlyUnknown()); got != "" {
		t.Errorf("after a failure: lines %q", got)
	}
	known["lb.example.net. A"] = "192.0.2.1"
	known.take(s)
	if got := lines(s.NewlyUnknown()); got != "2 8" {
		t.Errorf("when one name is resolved: lines %q, want 2 and 8", got)
	}
	known["lb.example.net. AAAA"] = "empty"
	known.take(s)
	if got := lines(s.NewlyUnknown()); got != "10" {
		t.Errorf("when all names are resolved: lines %q, want 10", got)
	}
}
