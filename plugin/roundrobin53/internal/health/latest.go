package health

import "time"

// Latest is what is known of a target since its latest probe. The zero value belongs to a target
// without a result.
type Latest struct {
	Since  time.Time     // when the verdict became what it is: the end of the probe that decided
	At     time.Time     // when the latest probe ended
	Took   time.Duration // how long it took
	Reason error         // why it failed; nil if it passed
}

// Latest returns what is known of a target since its latest probe. It takes no lock: whoever asks
// keeps no probe waiting.
func (m *Monitor) Latest(target int) Latest {
	if latest := m.latest[target].Load(); latest != nil {
		return *latest
	}
	return Latest{}
}

// note keeps a result for Latest.
func (s *state) note(r *result, changed bool) {
	s.At = r.began.Add(r.took)
	s.Took, s.Reason = r.took, r.err
	if changed || s.Since.IsZero() {
		s.Since = s.At
	}
}
