//go:build linux

package main

import (
	"fmt"
	"strings"
)

// plugin writes the lines of one plugin in a server block.
type plugin func(z zone, f files) string

// corefile is the Corefile of a side that listens on a loopback port.
func corefile(plugins []plugin, z zone, f files, port int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d {\nbind 127.0.0.1\n", origin, port)
	for _, lines := range plugins {
		text.WriteString(lines(z, f))
	}
	text.WriteString("}\n")
	return text.String()
}

func whoami(zone, files) string       { return "whoami\n" }
func errorsPlugin(zone, files) string { return "errors\n" }
func loadbalance(zone, files) string  { return "loadbalance\n" }
func rotate(zone, files) string       { return "rotate\n" }

// located tells where clients are. Those of the bench come from 127.0.0.1, which the database has in New Zealand.
func located(_ zone, f files) string { return "metadata\ngeoip " + f.places + "\n" }

// prometheus listens where there is room: nobody asks it.
func prometheus(zone, files) string { return "prometheus 127.0.0.1:0\n" }

// file and hosts don't look for changes, as roundrobin53 does not.
func file(_ zone, f files) string { return "file " + f.zone + " {\nreload 0\n}\n" }

func hosts(z zone, _ files) string {
	var text strings.Builder
	text.WriteString("hosts {\nreload 0\nttl 60\n")
	for i := range z.names {
		for value := range strings.FieldsSeq(z.values(i)) {
			text.WriteString(value + " " + z.name(i) + "." + origin + "\n")
		}
	}
	text.WriteString("}\n")
	return text.String()
}

func roundrobin53(z zone, _ files) string        { return records(z, "") }
func roundrobin53Fast(z zone, _ files) string    { return fast(records(z, "")) }
func roundrobin53Metrics(z zone, _ files) string { return records(z, " metrics") }

func records(z zone, option string) string {
	var text strings.Builder
	text.WriteString("roundrobin53 {\n")
	for i := range z.names {
		text.WriteString("record " + z.name(i) + " A " + z.values(i) + option + "\n")
	}
	if z.mixed {
		text.WriteString(z.mixedLines())
	}
	text.WriteString("}\n")
	return text.String()
}

// roundrobin53LookedUp has the same values, looked up under a name.
func roundrobin53LookedUp(z zone, f files) string {
	var text strings.Builder
	fmt.Fprintf(&text, "roundrobin53 {\nresolver %s\n", f.resolver)
	for i := range z.names {
		fmt.Fprintf(&text, "record %s A %s.%s\n", z.name(i), z.name(i), elsewhere)
	}
	text.WriteString("}\n")
	return text.String()
}

func roundrobin53LookedUpFast(z zone, f files) string {
	return strings.Replace(roundrobin53LookedUp(z, f), "{\n", "{\nfastpath\n", 1)
}

// roundrobin53Checked has checked values, all up, and one of a second tier that nobody is to see.
func roundrobin53Checked(z zone, f files) string {
	var text strings.Builder
	fmt.Fprintf(&text, "roundrobin53 {\ncheck port tcp://%s {\ninterval 60s\n}\n", f.endpoint)
	for i := range z.names {
		text.WriteString("record " + z.name(i) + " A " + z.values(i) + " check port {\n")
		text.WriteString("value " + standby + " priority 2\n}\n")
	}
	text.WriteString("}\n")
	return text.String()
}

// roundrobin53Weighted gives the values of a name the weights 1, 2, 3 and so on.
func roundrobin53Weighted(z zone, _ files) string {
	var text strings.Builder
	text.WriteString("roundrobin53 {\n")
	for i := range z.names {
		fmt.Fprintf(&text, "record %s A answers %d {\n", z.name(i), z.addresses)
		weight := 0
		for value := range strings.FieldsSeq(z.values(i)) {
			weight++
			fmt.Fprintf(&text, "value %s weight %d\n", value, weight)
		}
		text.WriteString("}\n")
	}
	text.WriteString("}\n")
	return text.String()
}

// roundrobin53Placed has the values for the place that all queries come from, and one for others.
func roundrobin53Placed(z zone, _ files) string {
	var text strings.Builder
	text.WriteString("roundrobin53 {\n")
	for i := range z.names {
		fmt.Fprintf(&text, "record %s A {\nvalue %s geo NZ\nvalue %s\n}\n", z.name(i), z.values(i), standby)
	}
	text.WriteString("}\n")
	return text.String()
}

func roundrobin53FastPlaced(z zone, f files) string { return fast(roundrobin53Placed(z, f)) }

// fast is a directive with the option fastpath.
func fast(directive string) string { return strings.Replace(directive, "{\n", "{\nfastpath\n", 1) }
