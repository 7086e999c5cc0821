package roundrobin53

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
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
	if len(d.fall.Zones) > 0 {
		fmt.Fprintf(b, "    fallthrough %s\n", strings.Join(d.fall.Zones, " "))
	}
	for _, rec := range d.records {
		rec.write(b)
	}
	b.WriteString("}\n")
}

func (rec *recordLine) write(b *strings.Builder) {
	fmt.Fprintf(b, "    record %s", quote(rec.name))
	if rec.seen.ttl {
		fmt.Fprintf(b, " %d", rec.ttl)
	}
	if rec.rrtype != dns.TypeNone {
		fmt.Fprintf(b, " %s", dns.TypeToString[rec.rrtype])
	}
	for _, word := range rec.rdata {
		fmt.Fprintf(b, " %s", quote(word))
	}
	writeAddresses(b, rec.addresses)
	if rec.order == pool.Random {
		b.WriteString(" order random")
	}
	if rec.answers > 0 {
		fmt.Fprintf(b, " answers %d", rec.answers)
	}
	if rec.metrics {
		b.WriteString(" metrics")
	}
	b.WriteByte('\n')
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
