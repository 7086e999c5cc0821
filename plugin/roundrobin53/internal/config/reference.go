package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// validateReferences tells whether what the lines of a block name is defined in it, and whether their options fit together.
// Both are known only when the whole block is read.
func (d *Directive) validateReferences() error {
	counts := make(map[*Check]int, len(d.checks))
	for _, check := range d.checks {
		if _, err := d.resolveProbes(check, counts); err != nil {
			return check.Errorf("check: %w", err)
		}
	}
	for _, rec := range d.records {
		if !rec.isPooled() {
			continue
		}
		if err := d.validateRecord(rec); err != nil {
			return err
		}
		for _, v := range rec.values {
			if err := d.validateValue(rec, v); err != nil {
				return v.Errorf("%s: %w", rec.wordOf(v), err)
			}
		}
	}
	return nil
}

// wordOf is the word that the line of some values begins with.
func (rec *Record) wordOf(v *ValueLine) string {
	if v.Position == rec.Position {
		return "record"
	}
	return "value"
}

// maxProbes is how many probes a check may be made of, those of its members counted anew wherever they are named. A value
// needs few, and where checks are made of checks of checks the number grows fast.
const maxProbes = 256

// counting stands for the count of a check that is being counted.
const counting = -1

// resolveProbes is how many probes a check is made of, and finds them. It is an error if a member is not defined, or made
// of the check itself. Counts are those that are known.
func (d *Directive) resolveProbes(check *Check, counts map[*Check]int) (int, error) {
	switch n, ok := counts[check]; {
	case ok && n == counting:
		return 0, fmt.Errorf("%q is made of itself: %s", check.Name, d.circle(check, counts))
	case ok:
		return n, nil
	case check.Probe != nil:
		counts[check], check.Probes, check.Meant = 1, []*Check{check}, check
		return 1, nil
	}
	if err := d.validateCheckNames(check.Members); err != nil {
		return 0, err
	}
	counts[check] = counting
	total := 0
	var probes []*Check
	for _, name := range check.Members {
		member := d.Check(name)
		n, err := d.resolveProbes(member, counts)
		if err != nil {
			return 0, err
		}
		if total += n; total > maxProbes {
			return 0, fmt.Errorf("%q is made of more than %d probes", check.Name, maxProbes)
		}
		probes = append(probes, member.Probes...)
	}
	check.Probes, check.Meant = distinct(probes), check
	if len(check.Members) == 1 {
		only := d.Check(check.Members[0])
		check.Probes, check.Meant, check.Turns = only.Probes, only.Meant, only.Turns != check.Invert
	}
	counts[check] = total
	return total, nil
}

// circle is the way from a check over others that are being counted back to itself.
func (d *Directive) circle(check *Check, counts map[*Check]int) string {
	way := []string{check.Name}
	for at := check; ; {
		isNext := func(name string) bool { other := d.Check(name); return other != nil && counts[other] == counting }
		name := at.Members[slices.IndexFunc(at.Members, isNext)]
		way = append(way, name)
		if at = d.Check(name); at == check {
			return strings.Join(way, " of ")
		}
	}
}

// validateCheckNames tells whether checks of these names are defined.
func (d *Directive) validateCheckNames(names []string) error {
	for _, name := range names {
		if d.Check(name) != nil {
			continue
		}
		if len(d.checks) == 0 {
			return fmt.Errorf("%q is not a check; this block defines none: write %s", name, checkUsage)
		}
		defined := make([]string, len(d.checks))
		for i, check := range d.checks {
			defined[i] = check.Name
		}
		return fmt.Errorf("%q is not a check; this block defines %s", name, strings.Join(defined, ", "))
	}
	return nil
}

// validateRecord tells whether the options of a whole record fit.
func (d *Directive) validateRecord(rec *Record) error {
	if err := d.validateCheckNames(rec.checks); err != nil {
		return rec.optionErrorf("check", "%w", err)
	}
	first := rec.values[0].said().Priority
	isOtherTier := func(v *ValueLine) bool { return v.said().Priority != first }
	if slices.ContainsFunc(rec.values, isOtherTier) {
		return nil
	}
	const oneTier = "there is one tier only; give values that stand by another priority"
	switch {
	case rec.seen.minUp:
		return rec.optionErrorf("min_up", oneTier)
	case rec.seen.failback:
		return rec.optionErrorf("failback", oneTier)
	}
	return nil
}

// optionErrorf is an error about an option of the record, at the line that has it.
func (rec *Record) optionErrorf(name, format string, args ...any) error {
	err := fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	if at, ok := rec.optionAt[name]; ok {
		return at.Errorf("%w", err)
	}
	return rec.Errorf("record: %w", err)
}

// validateValue tells whether the options of a line's values fit those of the record.
func (d *Directive) validateValue(rec *Record, v *ValueLine) error {
	opts := v.said()
	checks := rec.checksOf(opts)
	switch err := d.validateCheckNames(opts.checks); {
	case err != nil:
		return fmt.Errorf("check: %w", err)
	case rec.Order.NeedsPlace() && !opts.Seen.At:
		return fmt.Errorf("%q has no at, which order nearest needs; write where it is, as in at 50.11,8.68", v.first())
	case !rec.Order.NeedsPlace() && opts.Seen.At:
		return errors.New("at: applies to records with order nearest")
	}
	if err := d.validateFrom(opts.from); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	isConnecting := slices.ContainsFunc(checks, d.connectsToValue)
	switch {
	case opts.Target.IsValid() && !isConnecting:
		return errors.New("target: no check of the value connects to it")
	case rec.rrtype == dns.TypeCNAME && isConnecting && !opts.Target.IsValid():
		return errors.New("check: a CNAME has no address to connect to; write target ADDRESS behind the value, or an address in the URL of the check")
	}
	return nil
}

// connectsToValue reports whether a check, or one that it is made of, connects to the value that it is for.
func (d *Directive) connectsToValue(name string) bool {
	isConnecting := func(check *Check) bool { return !check.Connect.IsValid() }
	return slices.ContainsFunc(d.Check(name).Probes, isConnecting)
}

// checksOf is the names of the checks of a line's values: their own, or else the record's.
func (rec *Record) checksOf(opts *ValueOptions) []string {
	if opts.checks != nil {
		return opts.checks
	}
	return rec.checks
}

// Check is the check line of a name, nil if there is none.
func (d *Directive) Check(name string) *Check { return d.checkByName[name] }
