package status

import (
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// A finding tells whether a condition holds under the present verdicts.
type finding struct {
	holds bool
	known bool      // every result that it depends on is there
	since time.Time // since when at least; the zero time if that is not known
}

// find evaluates a condition.
func (b *Block) find(c *policy.Condition) finding {
	var f finding
	if c.Forced != nil {
		return finding{holds: c.Forced.Up, known: true}
	}
	if len(c.Of) == 0 {
		v := b.Verdict(c.Target)
		f = finding{v.Up, v.Known, v.Since}
	} else {
		f = b.findAmong(c)
	}
	f.holds = f.holds != c.Inverted
	return f
}

// findAmong evaluates a condition that several others make, inverted or not. Of those that make it
// hold, Need have to: so it has held since the last of the Need oldest ones; and likewise if it does
// not hold.
func (b *Block) findAmong(c *policy.Condition) finding {
	found := finding{known: true}
	var holding, failing []time.Time
	for i := range c.Of {
		f := b.find(&c.Of[i])
		found.known = found.known && f.known
		if f.holds {
			holding = append(holding, f.since)
		} else {
			failing = append(failing, f.since)
		}
	}
	found.holds = len(holding) >= c.Need
	decisive, need := failing, len(c.Of)-c.Need+1
	if found.holds {
		decisive, need = holding, c.Need
	}
	slices.SortFunc(decisive, time.Time.Compare)
	if need > 0 && need <= len(decisive) {
		found.since = decisive[need-1]
	}
	return found
}

// state returns what a value is that has to fulfil a condition.
func (f finding) state() State {
	switch {
	case !f.holds:
		return Down
	case !f.known:
		return Unknown
	}
	return Up
}

// checks appends the probed checks of a condition, each once.
func (b *Block) checks(c *policy.Condition, seen *[]int, checks []Check) []Check {
	for i := range c.Of {
		checks = b.checks(&c.Of[i], seen, checks)
	}
	if len(c.Of) > 0 || slices.Contains(*seen, c.Target) {
		return checks
	}
	*seen = append(*seen, c.Target)
	v := b.Verdict(c.Target)
	check := Check{Check: c.Check, State: finding{holds: v.Up, known: v.Known}.state(), Since: timeOf(v.Since)}
	if !v.At.IsZero() {
		check.Duration = durationText(v.Took)
	}
	if v.Reason != nil {
		check.Reason = v.Reason.Error()
	}
	return append(checks, check)
}

// timeOf returns a time as the document has it, nil for the zero time.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Round(0).Truncate(time.Millisecond).UTC()
	return &t
}

// durationText writes a duration with three digits or so.
func durationText(d time.Duration) string {
	switch {
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(100 * time.Microsecond)
	default:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}
