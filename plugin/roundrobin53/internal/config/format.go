package config

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Format writes the directives as text of a Corefile, which Parse reads as the same block. It
// leaves out comments, warnings and the server block around the directives.
func (c *Block) Format(w io.Writer) error { return c.FormatWith(w, new(Comments)) }

// FormatWith is Format with comments.
func (c *Block) FormatWith(w io.Writer, comments *Comments) error {
	b := &formatter{comments: comments}
	for _, d := range c.Directives {
		d.write(b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Comments are comments for the text of a block. None of them has a line break.
type Comments struct {
	Above map[int][]string // by the line, as Parse read it, that they stand above
	End   []string         // at the end of each directive
}

// formatter holds the text that Format has written.
type formatter struct {
	strings.Builder
	comments *Comments
}

// comment writes the comments that stand above a line.
func (b *formatter) comment(indent string, at Position) {
	b.writeComments(indent, b.comments.Above[at.line])
}

func (b *formatter) writeComments(indent string, comments []string) {
	for _, text := range comments {
		fmt.Fprintf(b, "%s# %s\n", indent, text)
	}
}

func (d *Directive) write(b *formatter) {
	b.comment("", d.Position)
	fmt.Fprintf(b, "%s %s {\n    ttl %d\n", directiveName, strings.Join(d.Zones, " "), d.TTL)
	if d.SOA != nil {
		fmt.Fprintf(b, "    soa %s %s", quote(d.SOA.MName), quote(d.SOA.RName))
		for _, timer := range d.SOA.Timers {
			fmt.Fprintf(b, " %d", timer)
		}
		fmt.Fprintln(b)
	}
	for _, ns := range d.NameServers {
		b.comment("    ", ns.Position)
		fmt.Fprintf(b, "    ns %s", quote(ns.Name))
		writeAddresses(b, ns.addresses)
		fmt.Fprintln(b)
	}
	if len(d.Fallthrough) > 0 {
		fmt.Fprintf(b, "    fallthrough %s\n", strings.Join(d.Fallthrough, " "))
	}
	if d.state != "" {
		fmt.Fprintf(b, "    state %s\n", quote(d.state))
	}
	if d.Status.IsValid() {
		fmt.Fprintf(b, "    status %s\n", d.Status)
	}
	if d.Fastpath {
		fmt.Fprint(b, "    fastpath\n")
	}
	if d.ECS {
		fmt.Fprint(b, "    ecs\n")
	}
	if d.resolver != nil {
		fmt.Fprintf(b, "    resolver %s\n", strings.Join(quoteAll(d.resolver.words), " "))
	}
	for _, n := range d.networks {
		b.comment("    ", n.Position)
		fmt.Fprintf(b, "    network %s", quote(n.name))
		for _, prefix := range n.prefixes {
			fmt.Fprintf(b, " %s", prefix)
		}
		fmt.Fprintln(b)
	}
	for _, check := range d.checks {
		check.write(b)
	}
	for _, rec := range d.records {
		rec.write(b)
	}
	b.writeComments("    ", b.comments.End)
	fmt.Fprint(b, "}\n")
}

// periodText writes a duration of a check.
func periodText(period time.Duration) string {
	if period%time.Second != 0 {
		return fmt.Sprintf("%dms", period/time.Millisecond)
	}
	return fmt.Sprint(int64(period / time.Second))
}

func (c *Check) write(b *formatter) {
	b.comment("    ", c.Position)
	fmt.Fprintf(b, "    check %s %s", quote(c.Name), strings.Join(quoteAll(c.words), " "))
	p := c.Probe
	if p == nil {
		if c.Invert {
			fmt.Fprint(b, " {\n        invert\n    }")
		}
		fmt.Fprintln(b)
		return
	}
	fmt.Fprintf(b, " {\n        interval %s\n        timeout %s\n        rise %d\n        fall %d\n",
		periodText(p.Interval), periodText(p.Timeout), p.Rise, p.Fall)
	if c.scheme().HTTP {
		fmt.Fprint(b, "        status")
		for _, status := range p.Status {
			fmt.Fprintf(b, " %s", status)
		}
		fmt.Fprintln(b)
	}
	if p.Body != "" {
		fmt.Fprintf(b, "        body %s\n", quote(p.Body))
	}
	if p.Send != "" {
		fmt.Fprintf(b, "        send %s\n", quote(textOf(p.Send)))
	}
	if p.Expect != "" {
		fmt.Fprintf(b, "        expect %s\n", quote(textOf(p.Expect)))
	}
	for _, field := range p.Header {
		fmt.Fprintf(b, "        header %s %s\n", field.Name, quote(field.Value))
	}
	if c.ca != "" {
		fmt.Fprintf(b, "        ca %s\n", quote(c.ca))
	}
	if p.Insecure {
		fmt.Fprint(b, "        insecure\n")
	}
	if c.seen["address"] {
		fmt.Fprintf(b, "        address %s\n", c.Connect)
	}
	if p.Invert {
		fmt.Fprint(b, "        invert\n")
	}
	fmt.Fprint(b, "    }\n")
}

func (rec *Record) write(b *formatter) {
	b.comment("    ", rec.Position)
	if len(rec.values) == 1 && rec.values[0].Position != rec.Position {
		b.comment("    ", rec.values[0].Position)
	}
	fmt.Fprintf(b, "    record %s", quote(rec.name))
	if rec.seen.ttl {
		fmt.Fprintf(b, " %d", rec.ttl)
	}
	if rec.rrtype != dns.TypeNone {
		fmt.Fprintf(b, " %s", dns.TypeToString[rec.rrtype])
	}
	if rec.alias != "" {
		fmt.Fprintf(b, " ALIAS %s", quote(rec.alias))
		if rec.aliasType != dns.TypeNone {
			fmt.Fprintf(b, " %s", dns.TypeToString[rec.aliasType])
		}
	}
	for _, word := range rec.rdata {
		fmt.Fprintf(b, " %s", quote(word))
	}
	if !rec.isPooled() {
		fmt.Fprintln(b)
		return
	}
	if len(rec.values) == 1 {
		rec.values[0].write(b)
		rec.writeOptions(b, " ", "")
		fmt.Fprintln(b)
		return
	}
	fmt.Fprint(b, " {\n")
	for _, v := range rec.values {
		b.comment("        ", v.Position)
		fmt.Fprint(b, "        value")
		v.write(b)
		v.writeCheck(b)
		fmt.Fprintln(b)
	}
	rec.writeOptions(b, "        ", "\n")
	fmt.Fprint(b, "    }\n")
}

// write writes values and their options except check, which belongs to the whole record when it
// stands on the record line.
func (v *ValueLine) write(b *formatter) {
	writeAddresses(b, v.addresses)
	for _, name := range v.names {
		fmt.Fprintf(b, " %s", quote(name))
	}
	opts := v.said()
	if opts.Seen.weight {
		fmt.Fprintf(b, " weight %d", opts.Weight)
	}
	if opts.Seen.priority {
		fmt.Fprintf(b, " priority %d", opts.Priority)
	}
	if opts.from != nil {
		fmt.Fprintf(b, " from %s", strings.Join(quoteAll(opts.from), " "))
	}
	if opts.geo != nil {
		fmt.Fprintf(b, " geo %s", strings.Join(opts.geo, " "))
	}
	if opts.Seen.At {
		fmt.Fprintf(b, " at %s", opts.At)
	}
	if opts.Target.IsValid() {
		fmt.Fprintf(b, " target %s", opts.Target)
	}
	if opts.Drain {
		fmt.Fprint(b, " drain")
	}
}

// String writes a location as in the Corefile.
func (l Location) String() string { return fmt.Sprintf("%v,%v", l.Latitude, l.Longitude) }

func (v *ValueLine) writeCheck(b *formatter) {
	if opts := v.said(); opts.checks != nil {
		fmt.Fprintf(b, " check %s", checkText(opts.checks))
	}
}

func checkText(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(quoteAll(names), " ")
}

// writeOptions writes the options of the whole record. If it has a single value with checks of its
// own, these stand in for the record's.
func (rec *Record) writeOptions(b *formatter, before, after string) {
	write := func(given bool, format string, args ...any) {
		if given {
			fmt.Fprintf(b, before+format+after, args...)
		}
	}
	for _, order := range orders {
		write(rec.seen.order && order.meaning == rec.Order, "order %s", order.word)
	}
	write(rec.seen.answers && rec.Answers == 0 && !rec.ByLine, "answers all")
	write(rec.ByLine, "answers line")
	write(rec.Answers > 0, "answers %d", rec.Answers)
	checks := rec.checks
	if len(rec.values) == 1 && rec.values[0].said().checks != nil {
		checks = rec.values[0].said().checks
	}
	write(checks != nil, "check %s", checkText(checks))
	write(rec.seen.minUp, "min_up %d", rec.MinUp)
	write(rec.seen.failback, "failback %d", rec.Failback/time.Second)
	write(rec.seen.allDown && rec.NoneDown, "all_down none")
	write(rec.seen.allDown && !rec.NoneDown, "all_down all")
	write(rec.metrics, "metrics")
}

func quoteAll(words []string) []string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return quoted
}

func writeAddresses(b *formatter, addresses []netip.Addr) {
	for _, addr := range addresses {
		fmt.Fprintf(b, " %s", addr)
	}
}

// quote writes a word so that caddy reads the same word.
func quote(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\r\n#") || strings.HasPrefix(word, `"`) {
		return `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
	}
	return word
}
