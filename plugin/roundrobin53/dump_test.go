package roundrobin53

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// String is the configuration as a Corefile: reading it gives the same configuration.
func (c *config) String() string {
	var b strings.Builder
	for _, d := range c.directives {
		d.write(&b)
	}
	return b.String()
}

func (d *directive) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s {\n    ttl %d\n", pluginName, strings.Join(d.zones, " "), d.ttl)
	if d.soa != nil {
		fmt.Fprintf(b, "    soa %s %s", quote(d.soa.mname), quote(d.soa.rname))
		for _, timer := range d.soa.timers {
			fmt.Fprintf(b, " %d", timer)
		}
		b.WriteByte('\n')
	}
	for _, ns := range d.ns {
		fmt.Fprintf(b, "    ns %s", quote(ns.name))
		writeAddresses(b, ns.addresses)
		b.WriteByte('\n')
	}
	if len(d.fall) > 0 {
		fmt.Fprintf(b, "    fallthrough %s\n", strings.Join(d.fall, " "))
	}
	if d.fast {
		b.WriteString("    fastpath\n")
	}
	if d.ecs {
		b.WriteString("    ecs\n")
	}
	for _, n := range d.networks {
		fmt.Fprintf(b, "    network %s", quote(n.name))
		for _, prefix := range n.prefixes {
			fmt.Fprintf(b, " %s", prefix)
		}
		b.WriteByte('\n')
	}
	for _, check := range d.checks {
		check.write(b)
	}
	for _, rec := range d.records {
		rec.write(b)
	}
	b.WriteString("}\n")
}

// periodText is a duration as a Corefile has it.
func periodText(period time.Duration) string {
	if period%time.Second != 0 {
		return fmt.Sprintf("%dms", period/time.Millisecond)
	}
	return fmt.Sprint(int64(period / time.Second))
}

func (c *checkLine) write(b *strings.Builder) {
	fmt.Fprintf(b, "    check %s %s", quote(c.name), strings.Join(quoteAll(c.words), " "))
	p := c.probe
	if p == nil {
		if c.invert {
			b.WriteString(" {\n        invert\n    }")
		}
		b.WriteByte('\n')
		return
	}
	fmt.Fprintf(b, " {\n        interval %s\n        timeout %s\n        rise %d\n        fall %d\n",
		periodText(p.Interval), periodText(p.Timeout), p.Rise, p.Fall)
	if schemes[p.Scheme].http {
		b.WriteString("        status")
		for _, status := range p.Status {
			fmt.Fprintf(b, " %s", status)
		}
		b.WriteByte('\n')
	}
	if p.Body != "" {
		fmt.Fprintf(b, "        body %s\n", quote(p.Body))
	}
	for _, field := range p.Header {
		fmt.Fprintf(b, "        header %s %s\n", field.Name, quote(field.Value))
	}
	if c.ca != "" {
		fmt.Fprintf(b, "        ca %s\n", quote(c.ca))
	}
	if p.Insecure {
		b.WriteString("        insecure\n")
	}
	if c.seen["address"] {
		fmt.Fprintf(b, "        address %s\n", c.connect)
	}
	if p.Invert {
		b.WriteString("        invert\n")
	}
	b.WriteString("    }\n")
}

func (rec *recordLine) write(b *strings.Builder) {
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
		b.WriteByte('\n')
		return
	}
	if len(rec.values) == 1 {
		rec.values[0].write(b)
		rec.writeOptions(b, " ", "")
		b.WriteByte('\n')
		return
	}
	b.WriteString(" {\n")
	for _, v := range rec.values {
		b.WriteString("        value")
		v.write(b)
		v.writeCheck(b)
		b.WriteByte('\n')
	}
	rec.writeOptions(b, "        ", "\n")
	b.WriteString("    }\n")
}

// write writes values and their options but for check, which is the record's on its own line.
func (v *valueLine) write(b *strings.Builder) {
	writeAddresses(b, v.addresses)
	for _, name := range v.names {
		fmt.Fprintf(b, " %s", quote(name))
	}
	opts := v.said()
	if opts.seen.weight {
		fmt.Fprintf(b, " weight %d", opts.weight)
	}
	if opts.seen.priority {
		fmt.Fprintf(b, " priority %d", opts.priority)
	}
	if opts.from != nil {
		fmt.Fprintf(b, " from %s", strings.Join(quoteAll(opts.from), " "))
	}
	if opts.geo != nil {
		fmt.Fprintf(b, " geo %s", strings.Join(opts.geo, " "))
	}
	if opts.seen.at {
		fmt.Fprintf(b, " at %v,%v", opts.at.latitude, opts.at.longitude)
	}
	if opts.target.IsValid() {
		fmt.Fprintf(b, " target %s", opts.target)
	}
	if opts.drain {
		b.WriteString(" drain")
	}
}

func (v *valueLine) writeCheck(b *strings.Builder) {
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

// writeOptions writes the options of the whole record. The single value of a record may have checks of its own, which
// stand for the record's then.
func (rec *recordLine) writeOptions(b *strings.Builder, before, after string) {
	write := func(given bool, format string, args ...any) {
		if given {
			fmt.Fprintf(b, before+format+after, args...)
		}
	}
	for name, order := range orders {
		write(rec.seen.order && order == rec.order, "order %s", name)
	}
	write(rec.seen.answers && rec.answers == 0, "answers all")
	write(rec.answers > 0, "answers %d", rec.answers)
	checks := rec.checks
	if len(rec.values) == 1 && rec.values[0].said().checks != nil {
		checks = rec.values[0].said().checks
	}
	write(checks != nil, "check %s", checkText(checks))
	write(rec.seen.minUp, "min_up %d", rec.minUp)
	write(rec.seen.failback, "failback %d", rec.failback/time.Second)
	write(rec.seen.allDown && rec.noneDown, "all_down none")
	write(rec.seen.allDown && !rec.noneDown, "all_down all")
	write(rec.metrics, "metrics")
}

func quoteAll(words []string) []string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return quoted
}

func writeAddresses(b *strings.Builder, addresses []netip.Addr) {
	for _, addr := range addresses {
		fmt.Fprintf(b, " %s", addr)
	}
}

// quote writes a word so that caddy reads it back.
func quote(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\r\n#") || strings.HasPrefix(word, `"`) {
		return `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
	}
	return word
}
