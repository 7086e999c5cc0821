//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// origin is the zone that all sides serve.
const origin = "example.org."

// zone is what the zone holds: so many names, each with so many A records, no address twice.
type zone struct {
	names, addresses int
	mixed            bool // it also holds what mixed questions ask for, see mix.go
}

// standby is an address that is none of the zone's.
const standby = "10.255.255.254"

// files are where a zone is written to for those who read it, and what else a Corefile refers to.
type files struct {
	zone     string // a master file
	queries  string // the questions, as dnsperf reads them
	endpoint string // HOST:PORT, where checks connect to
	places   string // a database of the geoip plugin
	resolver string // HOST:PORT, where names are looked up
	workers  int    // of programs that have to be told
	page     string // HOST:PORT of the side's status page, if it has one
}

// name is the owner name of number i.
func (z zone) name(i int) string { return fmt.Sprintf("app%d", i) }

// values are the addresses of name i, separated by spaces.
func (z zone) values(i int) string {
	values := make([]string, z.addresses)
	for j := range values {
		n := 1 + i*z.addresses + j
		values[j] = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()
	}
	return strings.Join(values, " ")
}

// write writes the zone, and what is asked, into a directory.
func (z zone) write(dir string, asked []question) (files, error) {
	f := files{zone: filepath.Join(dir, "zone"), queries: filepath.Join(dir, "queries")}
	var text strings.Builder
	text.WriteString("$ORIGIN " + origin + "\n$TTL 60\n")
	text.WriteString("@ SOA ns.dns hostmaster 1 7200 1800 86400 60\n@ NS ns.dns\nns.dns A " + standby + "\n")
	for i := range z.names {
		for value := range strings.FieldsSeq(z.values(i)) {
			text.WriteString(z.name(i) + " A " + value + "\n")
		}
	}
	if z.mixed {
		text.WriteString(z.mixedRecords())
	}
	if err := os.WriteFile(f.zone, []byte(text.String()), 0o600); err != nil {
		return f, fmt.Errorf("write the zone: %w", err)
	}
	zones := filepath.Join(dir, "zones") // where gdnsd looks for them
	if err := errors.Join(os.MkdirAll(zones, 0o700), os.WriteFile(filepath.Join(zones, strings.TrimSuffix(origin, ".")), []byte(text.String()), 0o600)); err != nil {
		return f, fmt.Errorf("write the zone: %w", err)
	}
	if err := os.WriteFile(f.queries, []byte(perfLines(asked)), 0o600); err != nil {
		return f, fmt.Errorf("write the queries: %w", err)
	}
	return f, nil
}

// maxQuestions bounds the file of questions, which dnsperf reads over and over: far more than processor caches hold.
const maxQuestions = 200_000

// question is what is asked, and how it is answered.
type question struct {
	name  string // fully qualified
	qtype uint16
	rcode int
}

// questions asks for each name at random, the same way in each run.
func (z zone) questions(k kind) []question {
	if k == askMixed {
		return z.mixedQuestions()
	}
	ask := func(i int) question {
		q := question{z.name(i) + "." + origin, dns.TypeA, dns.RcodeSuccess}
		switch k {
		case askAAAA:
			q.qtype = dns.TypeAAAA
		case askNames:
			q.name, q.rcode = "no"+q.name, dns.RcodeNameError
		}
		return q
	}
	if z.names == 1 {
		return []question{ask(0)}
	}
	random := rand.New(rand.NewPCG(5, 3))
	asked := make([]question, maxQuestions)
	for i := range asked {
		asked[i] = ask(random.IntN(z.names))
	}
	return asked
}

// perfLines is questions as dnsperf reads them.
func perfLines(asked []question) string {
	var text strings.Builder
	for _, q := range asked {
		text.WriteString(q.name + " " + dns.TypeToString[q.qtype] + "\n")
	}
	return text.String()
}
