package explain

import (
	"fmt"
	"strings"
)

// Text writes the document for people:
//
//	app.example.org. A for 10.1.2.3
//	  3 values                               Corefile:12
//	  health   -1   10.1.0.3                 down for 4m12s, check web: connection refused
//	  order    order round_robin             next first: 10.1.0.1
//	  limit    all
//	  answer   10.1.0.1 10.1.0.2             ttl 30
func (d *Document) Text() string {
	var t text
	for at := d; at != nil; at = at.Next {
		t.document(at)
	}
	return t.String()
}

// A text writes lines of three columns.
type text struct{ strings.Builder }

// The widths of the columns.
const (
	stageWidth = 8
	noteWidth  = 44
)

// mostRemoved limits the values that one stage lists.
const mostRemoved = 16

func (t *text) line(stage, note, detail string) {
	line := fmt.Sprintf("  %-*s %-*s %s", stageWidth, stage, noteWidth, note, detail)
	fmt.Fprintln(t, strings.TrimRight(line, " "))
}

func (t *text) document(d *Document) {
	fmt.Fprintf(t, "%s %s", d.Name, d.Type)
	if d.Client != "" {
		fmt.Fprintf(t, " for %s", d.Client)
	}
	if len(d.Places) > 0 {
		fmt.Fprintf(t, " in %s", strings.Join(d.Places, ", "))
	}
	fmt.Fprintln(t)
	if len(d.Stages) > 0 {
		t.line(count(d.Stages[0].In), "", d.Source)
	}
	for i := range d.Stages {
		t.stage(&d.Stages[i])
	}
	if d.Note != "" {
		t.line("note", d.Note, "")
	}
	if len(d.Answer) > 0 {
		t.line("answer", strings.Join(d.Answer, " "), fmt.Sprintf("ttl %d", d.TTL))
		return
	}
	t.line("answer", strings.TrimSpace("none "+d.Rcode), fmt.Sprintf("ttl %d", d.TTL))
}

// stage writes a stage, unless it removed nothing and decided nothing.
func (t *text) stage(s *Stage) {
	if s.Note != "" {
		t.line(s.Stage, s.Note, s.Detail)
	}
	name := s.Stage
	if s.Note != "" {
		name = ""
	}
	for i, removed := range s.Removed {
		if i == mostRemoved {
			t.line("", fmt.Sprintf("and %d more", len(s.Removed)-mostRemoved), "")
			break
		}
		t.line(name, "- "+removed.Value, removed.Why)
		name = ""
	}
}

func count(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

// mostInLine limits the values of one stage that a line names.
const mostInLine = 4

// Line writes the document in one line, for logs. What is empty is left out.
func (d *Document) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s for %s (%s)", d.Name, d.Type, d.Client, d.ClientFrom)
	if len(d.Places) > 0 {
		fmt.Fprintf(&b, " in %s", strings.Join(d.Places, ", "))
	}
	b.WriteByte(':')
	for i := range d.Stages {
		d.Stages[i].appendTo(&b)
	}
	answer := strings.Join(d.Answer, " ")
	if answer == "" {
		answer = "none"
	}
	fmt.Fprintf(&b, " answer %s", answer)
	return b.String()
}

// appendTo writes what a stage did, nothing if that is nothing.
func (s *Stage) appendTo(b *strings.Builder) {
	if len(s.Removed) == 0 && s.Note == "" {
		return
	}
	b.WriteByte(' ')
	b.WriteString(s.Stage)
	if len(s.Removed) > 0 {
		fmt.Fprintf(b, " -%d", len(s.Removed))
	}
	if s.Note != "" {
		fmt.Fprintf(b, " %s", strings.TrimPrefix(s.Note, s.Stage+" "))
	}
	for i, removed := range s.Removed {
		if i == mostInLine {
			b.WriteString(" …")
			break
		}
		fmt.Fprintf(b, " [%s %s]", removed.Value, removed.Why)
	}
	b.WriteByte(';')
}
