package health

// threshold turns results into a verdict. The first result decides alone. Then an endpoint goes
// down after `fall` failures in a row, and comes up after `rise` passes in a row. For rise 2 and
// fall 3, x a failure and . a pass:
//
//	results  .x.xxxx.x..
//	verdict  +++++-----+
//
// The zero value belongs to an endpoint without a result. It is up, because a process that has just
// started would otherwise answer with standbys only.
type threshold struct {
	known  bool // there was a result
	down   bool // the verdict
	passed bool // the results of the current run
	run    int  // equal results in a row
}

// count adds a result, and reports whether the verdict changed.
func (t *threshold) count(passed bool, rise, fall int) bool {
	if passed != t.passed {
		t.run = 0
	}
	t.passed = passed
	t.run++
	needed := fall
	if passed {
		needed = rise
	}
	if t.known && t.run < needed {
		return false
	}
	t.known = true
	changed := t.down == passed
	t.down = !passed
	return changed
}
