//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"
)

// kind is what the questions of a scenario are about.
type kind uint8

const (
	askA     kind = iota // the addresses of the zone's names
	askAAAA              // AAAA, which no name has: NODATA
	askNames             // names that do not exist: NXDOMAIN
	askMixed             // as resolvers ask, see mixture
)

// others is how many names of each other sort a mixed zone has: aliases, texts and so on.
const others = 1000

// A portion is a part of the questions that resolvers ask.
type portion struct {
	percent int
	prefix  string // of the names, which are numbered
	names   int    // 0 stands for all of the zone's
	qtype   uint16
	rcode   int
}

// mixture is what resolvers ask an authoritative server, by and large: half of the queries have no positive answer, since
// clients ask for AAAA and HTTPS of names that have only A.
var mixture = []portion{
	{45, "app", 0, dns.TypeA, dns.RcodeSuccess},
	{30, "app", 0, dns.TypeAAAA, dns.RcodeSuccess},
	{8, "noapp", 0, dns.TypeA, dns.RcodeNameError},
	{7, "app", 0, dns.TypeHTTPS, dns.RcodeSuccess},
	{5, "alias", others, dns.TypeA, dns.RcodeSuccess},
	{3, "near", others, dns.TypeA, dns.RcodeSuccess},
	{1, "text", others, dns.TypeTXT, dns.RcodeSuccess},
	{1, "mail", others, dns.TypeMX, dns.RcodeSuccess},
}

// mixedQuestions asks as in mixture, the same way in each run.
func (z zone) mixedQuestions() []question {
	random := rand.New(rand.NewPCG(5, 3))
	asked := make([]question, maxQuestions)
	for i := range asked {
		percent, part := random.IntN(100), 0
		for percent >= mixture[part].percent {
			percent -= mixture[part].percent
			part++
		}
		p := &mixture[part]
		names := p.names
		if names == 0 {
			names = z.names
		}
		asked[i] = question{fmt.Sprintf("%s%d.%s", p.prefix, random.IntN(names), origin), p.qtype, p.rcode}
	}
	return asked
}

// mixedRecords is what a mixed zone holds beside its names, as a master file. The names near have the same addresses for
// all clients there.
func (z zone) mixedRecords() string {
	var text strings.Builder
	for i := range others {
		fmt.Fprintf(&text, "alias%[1]d CNAME app%[1]d\ntext%[1]d TXT \"v=spf1 -all\"\nmail%[1]d MX 10 app%[1]d\n", i)
		for value := range strings.FieldsSeq(z.values(i)) {
			fmt.Fprintf(&text, "near%d A %s\n", i, value)
		}
	}
	return text.String()
}

// mixedLines is what a mixed zone holds beside its names, as lines of roundrobin53.
func (z zone) mixedLines() string {
	var text strings.Builder
	text.WriteString("network here 127.0.0.0/8\n")
	for i := range others {
		fmt.Fprintf(&text, "record alias%[1]d CNAME app%[1]d\nrecord text%[1]d TXT \"v=spf1 -all\"\nrecord mail%[1]d MX 10 app%[1]d\n", i)
		fmt.Fprintf(&text, "record near%d A {\nvalue %s from here\nvalue %s\n}\n", i, z.values(i), standby)
	}
	return text.String()
}
