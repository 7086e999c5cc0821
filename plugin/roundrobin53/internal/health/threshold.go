package health

// threshold turns results into a verdict. The first result decides alone; then an endpoint goes down after `fall`
// failures in a row and comes up after `rise` passes in a row. For rise 2 and fall 3, x a failure and . a pass:
//
//	results  .x.xxxx.x..
//	verdict  +++++-----+
//
// The zero value is an endpoint without a result: it is up, since a process that just began would otherwise answer with
// nothing but standbys.
type threshold struct {
	known  bool // there was a result
	down   bool // the verdict
	passed bool // what the results of the current run are
	run    int  // how many results in a row were equal
}

// count takes in one result and says whether the verdict changed.
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
