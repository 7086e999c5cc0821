//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of what goes on in the background.
const (
	kindHTTP  = "http"  // checks
	kindHTTPS = "https" // checks
	kindTCP   = "tcp"   // checks
	kindNames = "names" // lookups of names that are values
)

var kinds = []string{kindHTTP, kindHTTPS, kindTCP, kindNames}

// The values and the interval of a kind, where the command line does not say them.
const (
	defaultChecks        = 10_000
	defaultNames         = 10_000
	defaultInterval      = 10 * time.Second
	defaultNamesInterval = 5 * time.Second // the server looks up nothing more often
)

// complete fills in what the command line does not say.
func (s *settings) complete() {
	checks, interval := defaultChecks, defaultInterval
	if s.kind == kindNames {
		checks, interval = defaultNames*valuesPerName, defaultNamesInterval
	}
	if s.checks == 0 {
		s.checks = checks
	}
	if s.interval == 0 {
		s.interval = interval
	}
}

// The budgets of 1,000 probes a second, each over a new connection, of one core: the second is for its handshake, too. And
// that of 2,000 lookups a second.
const (
	budgetProbes  = 1000
	budgetPlain   = 0.10
	budgetTLS     = 0.60
	budgetLookups = 2000
	budgetNames   = 0.05
)

// budget is the budget for what goes on in the background, as a part of one core.
func (s *settings) budget() float64 {
	rate := float64(s.attempts()) / s.interval.Seconds()
	switch s.kind {
	case kindNames:
		return budgetNames * rate / budgetLookups
	case kindHTTPS:
		return budgetTLS * rate / budgetProbes
	}
	return budgetPlain * rate / budgetProbes
}

// attempts is how many probes or lookups there are in each interval.
func (s *settings) attempts() int {
	if s.kind == kindNames {
		return s.checks / valuesPerName
	}
	return s.checks
}

// what says what is under way.
func (s *settings) what() string {
	if s.kind == kindNames {
		return fmt.Sprintf("%d names with a TTL of %s", s.attempts(), s.interval)
	}
	return fmt.Sprintf("%d checks of kind %s at %s", s.checks, s.kind, s.interval)
}

// attemptsFigure names the figure that counts attempts.
func (s *settings) attemptsFigure() string {
	if s.kind == kindNames {
		return "lookups a second"
	}
	return "probes a second"
}

// namesBlock is the block of the plugin where values are names.
func (s *settings) namesBlock(resolver int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "roundrobin53 {\nresolver 127.0.0.1:%d\n", resolver)
	for i := range s.attempts() {
		fmt.Fprintf(&text, "record app%d A %s\n", i, alias(i))
	}
	text.WriteString("}\n")
	return text.String()
}
