//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// judge tells which answers are wrong.
type judge struct {
	bounds    bounds
	histories []history // by value
}

// query is a question on its way.
type query struct {
	name int
	sent time.Time
}

// check tells what is wrong with an answer, and adds to the tally what it says of the endpoints.
func (j *judge) check(q query, m *dns.Msg, received time.Time, t *tally) error {
	if err := checkForm(q, m); err != nil {
		return err
	}
	answered, err := answeredValues(q, m.Answer)
	if err != nil {
		return err
	}
	for i, isIn := range answered {
		if err := j.checkValue(q, q.name*valuesPerName+i, isIn, received, t); err != nil {
			return err
		}
	}
	return nil
}

// checkForm checks all but the answer section.
func checkForm(q query, m *dns.Msg) error {
	want := dns.Question{Name: owner(q.name), Qtype: dns.TypeA, Qclass: dns.ClassINET}
	switch {
	case !m.Response || !m.Authoritative || m.Truncated:
		return fmt.Errorf("not a whole answer with authority: %s", m.MsgHdr.String())
	case m.Rcode != dns.RcodeSuccess:
		return fmt.Errorf("RCODE %s", dns.RcodeToString[m.Rcode])
	case len(m.Question) != 1 || m.Question[0] != want:
		return fmt.Errorf("question %v, want %s", m.Question, want.String())
	case len(m.Ns) > 0 || len(m.Extra) > 0:
		return fmt.Errorf("%d records in the authority and %d in the additional section, want none", len(m.Ns), len(m.Extra))
	}
	return nil
}

// answeredValues are which of the name's values are in an answer.
func answeredValues(q query, rrs []dns.RR) (answered [valuesPerName]bool, err error) {
	for _, rr := range rrs {
		a, ok := rr.(*dns.A)
		if !ok || a.Hdr.Name != owner(q.name) || a.Hdr.Class != dns.ClassINET {
			return answered, fmt.Errorf("record %q, want an A record of %s", rr, owner(q.name))
		}
		addr, _ := netip.AddrFromSlice(a.A.To4())
		place := number(addr) - q.name*valuesPerName
		switch {
		case place < 0 || place >= valuesPerName:
			return answered, fmt.Errorf("%s is not a value of the name", addr)
		case answered[place]:
			return answered, fmt.Errorf("%s is in the answer twice", addr)
		}
		answered[place] = true
	}
	return answered, nil
}

// checkValue checks that a value is in the answer, or is not. What its endpoint had been for less than a bound when the
// query was sent, the server need not know.
func (j *judge) checkValue(q query, value int, isIn bool, received time.Time, t *tally) error {
	up, since := j.histories[value].at(received)
	held := q.sent.Sub(since)
	bound := j.bounds.up
	if !up {
		bound = j.bounds.down
	}
	if !up && held > bound {
		t.without++
	}
	if up == isIn {
		return nil
	}
	if up {
		t.slowestUp = max(t.slowestUp, held)
	} else {
		t.slowestDown = max(t.slowestDown, held)
	}
	switch {
	case held <= bound:
		return nil
	case up:
		return fmt.Errorf("%s is missing, though up for %s", address(value), held.Round(time.Millisecond))
	}
	return fmt.Errorf("%s is in the answer, though down for %s", address(value), held.Round(time.Millisecond))
}

// tally is what became of queries.
type tally struct {
	sent, answered, wrong uint64
	without               uint64        // answers that had to do without a value
	slowestDown           time.Duration // the longest that an endpoint was down, and answered all the same
	slowestUp             time.Duration // the longest that an endpoint was up, and not answered
	examples              []string      // of wrong answers
}

// maxExamples keeps a server that does everything wrong from filling the screen.
const maxExamples = 10

// blame counts a wrong answer.
func (t *tally) blame(what string) {
	t.wrong++
	if len(t.examples) < maxExamples {
		t.examples = append(t.examples, what)
	}
}

// add adds the tally of other queries.
func (t *tally) add(other tally) {
	t.sent += other.sent
	t.answered += other.answered
	t.wrong += other.wrong
	t.without += other.without
	t.slowestDown = max(t.slowestDown, other.slowestDown)
	t.slowestUp = max(t.slowestUp, other.slowestUp)
	t.examples = append(t.examples, other.examples...)
	t.examples = t.examples[:min(len(t.examples), maxExamples)]
}
