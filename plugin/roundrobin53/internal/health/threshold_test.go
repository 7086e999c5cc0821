package health

import "testing"

// TestThreshold reads results as text, x a failure and . a pass, and wants the verdict after each,
// + up and - down.
func TestThreshold(t *testing.T) {
	for _, row := range []struct {
		name       string
		rise, fall int
		results    string
		verdicts   string
	}{
		{"the first failure decides", 2, 3, "x", "-"},
		{"the first pass decides", 2, 3, ".", "+"},
		{"rise 2 after a first failure", 2, 3, "x..", "--+"},
		{"rise 1 after a first failure", 1, 3, "x.", "-+"},
		{"rise 3 is begun anew", 3, 1, "x..x...", "------+"},
		{"fall 3 after a first pass", 2, 3, ".xxx", "+++-"},
		{"fall 2 after a first pass", 2, 2, ".xx..", "++--+"},
		{"fall 1", 2, 1, ".x..x", "+--+-"},
		{"one failure is no run", 2, 3, "..x..x..", "++++++++"},
		{"two failures of three", 2, 3, ".xx.xx.xxx", "+++++++++-"},
		{"a long failure", 2, 3, ".xxxxxxxx..", "+++-------+"},
		{"flapping stays up", 2, 2, ".x.x.x.x", "++++++++"},
		{"flapping stays down", 2, 2, "x.x.x.x.", "--------"},
		{"the example of the comment", 2, 3, ".x.xxxx.x..", "+++++-----+"},
		{"rise and fall 1 follow", 1, 1, ".x.x..xx", "+-+-++--"},
		{"0 counts as 1", 0, 0, "x.x", "-+-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var verdict threshold
			if verdict.down {
				t.Error("down before any result, want up")
			}
			got, up := "", true
			for _, result := range row.results {
				changed := verdict.count(result == '.', row.rise, row.fall)
				if changed != (up == verdict.down) {
					t.Errorf("%s: after %q: changed %t, was up %t, is up %t", row.results, got, changed, up, !verdict.down)
				}
				up = !verdict.down
				got += map[bool]string{true: "+", false: "-"}[up]
			}
			if got != row.verdicts || !verdict.known {
				t.Errorf("rise %d, fall %d, %s: %s, want %s", row.rise, row.fall, row.results, got, row.verdicts)
			}
		})
	}
}

// TestThresholdCountsRuns guards the number in the log: as many results in a row led to the
// verdict.
func TestThresholdCountsRuns(t *testing.T) {
	var verdict threshold
	for i, want := range []int{1, 2, 1, 2, 3, 1} {
		verdict.count("..xxx."[i] == '.', 2, 3)
		if verdict.run != want {
			t.Errorf("after %q: a run of %d, want %d", "..xxx."[:i+1], verdict.run, want)
		}
	}
}
