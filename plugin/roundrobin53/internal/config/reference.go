package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// validateReferences returns an error if a line names something that the block does not define, or
// if options do not fit together. That can be told only when the whole block is read.
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

// wordOf returns the word that begins the line of some values.
func (rec *Record) wordOf(v *ValueLine) string {
	if v.Position == rec.Position {
		return "record"
	}
	return "value"
}

// maxProbes bounds the probes of one check. A probe counts once for each path that leads to it. A
// value needs few, but the number grows fast where members have members.
const maxProbes = 256

// counting marks a check whose probes are being counted.
const counting = -1

// resolveProbes finds the probes of a check, and returns how many there are. It returns an error if
// a member is not defined, or has the check itself among its members. Counts holds the checks that
// are resolved.
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

// circle lists the checks that lead from one back to itself.
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

// validateCheckNames returns an error unless the block defines checks of these names.
func (d *Directive) validateCheckNames(names []string) error {
	for _, name := range names {
		if d.Check(name) != nil {
			continue
		}
		if len(d.checks) == 0 {
			return &Undefined{KindCheck, name, fmt.Errorf("%q is not a check; this block defines none: write %s", name, checkUsage)}
		}
		defined := make([]string, len(d.checks))
		for i, check := range d.checks {
			defined[i] = check.Name
		}
		return &Undefined{KindCheck, name, fmt.Errorf("%q is not a check; this block defines %s", name, strings.Join(defined, ", "))}
	}
	return nil
}

// validateRecord returns an error if options of a whole record do not fit together.
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

// optionErrorf returns an error about an option of the record, with the position of its own line if
// it has one.
func (rec *Record) optionErrorf(name, format string, args ...any) error {
	err := fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	if at, ok := rec.optionAt[name]; ok {
		return at.Errorf("%w", err)
	}
	return rec.Errorf("record: %w", err)
}

// validateValue returns an error if options of a line's values do not fit those of the record.
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

// connectsToValue reports whether a probe of the check connects to the value that has the check.
func (d *Directive) connectsToValue(name string) bool {
	isConnecting := func(check *Check) bool { return !check.Connect.IsValid() }
	return slices.ContainsFunc(d.Check(name).Probes, isConnecting)
}

// checksOf returns the names of the checks of a line's values: their own, or else the record's.
func (rec *Record) checksOf(opts *ValueOptions) []string {
	if opts.checks != nil {
		return opts.checks
	}
	return rec.checks
}

// HasCheck reports whether one of the checks has the name, or is made of a check with the name.
func (d *Directive) HasCheck(checks []string, name string) bool {
	return slices.ContainsFunc(checks, func(check string) bool {
		return check == name || d.HasCheck(d.Check(check).Members, name)
	})
}

// Check returns the check line of a name, nil if there is none.
func (d *Directive) Check(name string) *Check { return d.checkByName[name] }
